"""A lease on a study, kept in its storage, so that at most one driver writes it.

A driver holds the lease and renews it every :data:`RENEW_SECONDS`. Another driver may take it over
at once if the holder is a dead process on the same host. Otherwise it may after
:data:`EXPIRE_SECONDS` without renewal, by the database's clock. With SQLite each host has a clock
of its own. If the renewal is in the future by that clock, the other driver watches the lease and
takes it over if it is not renewed within :data:`WATCH_SECONDS`.
"""

from __future__ import annotations

import json
import logging
import os
import socket
import time
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import psutil
import sqlalchemy
from optuna.storages import RDBStorage

from gansearch.errors import StudyError

log = logging.getLogger(__name__)

RENEW_SECONDS = 10.0
"""Seconds between two renewals of a lease."""
EXPIRE_SECONDS = 60.0
"""Seconds without renewal after which a lease may be taken over."""
WATCH_SECONDS = 3 * RENEW_SECONDS
"""Seconds for which a lease that was renewed in the future is watched."""

_KEY = "gansearch:lease"
_FREE = "null"
_READ = sqlalchemy.text(
    "SELECT value_json FROM study_system_attributes WHERE study_id = :study AND key = :key"
)
# Of several concurrent attempts, exactly one finds the old value.
_SWAP = sqlalchemy.text(
    "UPDATE study_system_attributes SET value_json = :new"
    " WHERE study_id = :study AND key = :key AND value_json = :old"
)


class Lease:
    """The right to write a study, acquired on construction.

    Args:
        storage: storage of the study.
        study_id: Optuna's id of the study.
        name: name of the study, for messages.

    Raises:
        StudyError: another driver holds the lease; the message names its process and host.
    """

    def __init__(self, storage: RDBStorage, study_id: int, name: str) -> None:
        self._storage = storage
        self._study_id = study_id
        self._name = name
        self._token = uuid4().hex  # distinguishes two of one process within a second
        found = self._read()
        if found is None:
            storage.set_study_system_attr(study_id, _KEY, None)
            found = _FREE
        if self._is_held(found):
            raise self._refusal(found)
        self._text = found
        self.renew()

    def renew(self) -> None:
        """Record that this driver is alive.

        Raises:
            StudyError: another driver has taken over the study.
        """
        process = psutil.Process()
        holder = {
            "token": self._token,
            "host": socket.gethostname(),
            "pid": process.pid,
            "process_started": process.create_time(),
            "renewed": self._database_time(),
        }
        self._swap(json.dumps(holder))

    def release(self) -> None:
        """Free the study for another driver."""
        self._swap(_FREE)

    def _swap(self, text: str) -> None:
        found = {"study": self._study_id, "key": _KEY, "old": self._text, "new": text}
        with self._storage.engine.begin() as connection:
            swapped = connection.execute(_SWAP, found).rowcount == 1
        if not swapped and self._read() != text:  # ours if a repeated swap got through
            raise self._refusal(self._read() or _FREE)
        self._text = text

    def _read(self) -> str | None:
        with self._storage.engine.begin() as connection:
            found = connection.execute(_READ, {"study": self._study_id, "key": _KEY}).scalar()
        return None if found is None else str(found)

    def _database_time(self) -> float:
        with self._storage.engine.begin() as connection:
            now: datetime = connection.execute(
                sqlalchemy.select(sqlalchemy.func.now())
            ).scalar_one()
        return (now if now.tzinfo else now.replace(tzinfo=UTC)).timestamp()

    def _is_held(self, found: str) -> bool:
        holder: dict[str, Any] | None = json.loads(found)
        if holder is None:
            return False
        if holder["host"] == socket.gethostname():
            return _is_alive(holder["pid"], holder["process_started"])
        age = self._database_time() - float(holder["renewed"])
        return age < EXPIRE_SECONDS if age > -EXPIRE_SECONDS else self._is_renewed(found, holder)

    def _is_renewed(self, found: str, holder: dict[str, Any]) -> bool:
        """Whether a lease changes while it is watched."""
        log.warning(
            "the lease of study %r was renewed on %s in the future, so the clocks differ: "
            "watching for %g s whether it is renewed",
            *(self._name, holder["host"], WATCH_SECONDS),
        )
        deadline = time.monotonic() + WATCH_SECONDS
        while time.monotonic() < deadline:
            time.sleep(WATCH_SECONDS / 30)
            if self._read() != found:
                return True
        return False

    def _refusal(self, text: str) -> StudyError:
        holder = json.loads(text) or {"host": "another host", "pid": "?", "renewed": 0}
        itself = " (this one)" if holder["pid"] == os.getpid() else ""
        renewed = datetime.fromtimestamp(holder["renewed"]).strftime("%H:%M:%S")
        return StudyError(
            f"study {self._name!r} is being run by process {holder['pid']}{itself} on "
            f"{holder['host']}, last seen at {renewed}; end that process, or wait until "
            f"{EXPIRE_SECONDS:g} s after that time"
        )


def _is_alive(pid: int, started: float) -> bool:
    try:
        process = psutil.Process(pid)
        # The number may have been reused by another process.
        return (
            abs(process.create_time() - started) < 1.0 and process.status() != psutil.STATUS_ZOMBIE
        )
    except psutil.NoSuchProcess:
        return False
