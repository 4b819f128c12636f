"""Connections to the databases that hold studies: SQLite, or PostgreSQL for a cluster."""

from __future__ import annotations

import json
from itertools import groupby
from pathlib import Path
from typing import Any, NamedTuple

import optuna
import sqlalchemy
from optuna.storages import RDBStorage
from optuna.trial import TrialState

from gansearch.errors import StudyError
from gansearch.search.writer import AWAY, describe, retry

MADE_MEANWHILE = (sqlalchemy.exc.IntegrityError, sqlalchemy.exc.ProgrammingError)
"""What a database answers where another process makes the same tables at the same time."""

OPEN_SECONDS = 10.0
"""How long a database may be away before a command gives up on it."""

_TRIALS = sqlalchemy.text(
    "SELECT trials.trial_id, trials.state, key, value_json"
    " FROM trials JOIN trial_user_attributes ON trial_user_attributes.trial_id = trials.trial_id"
    " WHERE trials.study_id = :study ORDER BY trials.trial_id"
)


class Row(NamedTuple):
    """One of Optuna's trials, as far as a record is read from it."""

    trial_id: int
    state: TrialState
    attributes: dict[str, Any]


def sqlite_url(file: Path) -> str:
    """The URL of the SQLite database in ``file``, e.g. ``results/studies.db``."""
    return f"sqlite:///{file}"


def connect(url: str) -> RDBStorage:
    """Optuna's storage at ``url``; its tables are made if they are missing.

    Raises:
        StudyError: it cannot be reached, is no such storage, or needs a driver.
    """
    storages: list[RDBStorage] = []
    try:
        retry(lambda: storages.append(_open(url)), OPEN_SECONDS, (*AWAY, *MADE_MEANWHILE))
    except (optuna.exceptions.OptunaError, sqlalchemy.exc.SQLAlchemyError) as error:
        raise StudyError(f"cannot open the storage {show(url)}: {describe(error)}") from error
    except ImportError as error:
        raise StudyError(
            f"the storage {show(url)} needs a driver: pip install 'gansearch[postgres]'"
        ) from error
    return storages[0]


def read_trials(storage: RDBStorage, study_id: int) -> list[Row]:
    """A study's trials with their user attributes, in the order in which they were stored.

    Optuna's own reading makes objects of every parameter, value and distribution besides: for a
    study of thousands that is a matter of many seconds.
    """
    with storage.engine.connect() as connection:
        rows = connection.execute(_TRIALS, {"study": study_id})
        return [
            Row(trial_id, TrialState[state], {key: json.loads(value) for *_, key, value in group})
            for (trial_id, state), group in groupby(rows, lambda row: (row[0], row[1]))
        ]


def _open(url: str) -> RDBStorage:
    parsed = sqlalchemy.make_url(url)
    engine: dict[str, Any] = {"connect_args": {"timeout": 60}}
    if parsed.get_backend_name() != "sqlite":
        if parsed.drivername in ("postgres", "postgresql"):
            parsed = parsed.set(drivername="postgresql+psycopg")  # SQLAlchemy's own default is 2
        engine = {"connect_args": {"connect_timeout": 10}, "pool_pre_ping": True}
    text = parsed.render_as_string(hide_password=False)
    # Optuna fills in templates.
    storage = RDBStorage(text.replace("{", "{{").replace("}", "}}"), engine_kwargs=engine)
    if parsed.get_backend_name() == "sqlite":
        storage.engine.dispose()  # those made so far lack the settings
        sqlalchemy.event.listen(storage.engine, "connect", _tune_sqlite)
    return storage


def _tune_sqlite(connection: Any, _: Any) -> None:
    # Readers do not wait for the writer. A power cut may lose the last moments, never the order.
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=NORMAL")


def sqlite_file(url: str) -> Path | None:
    """The file of a SQLite database; ``None`` for a server."""
    parsed = sqlalchemy.make_url(url)
    if parsed.get_backend_name() != "sqlite" or not parsed.database:
        return None
    return Path(parsed.database)


def is_missing(url: str) -> bool:
    """Whether ``url`` names a SQLite file that is not there: it has no studies yet."""
    file = sqlite_file(url)
    return file is not None and not file.exists()


def show(url: str) -> str:
    """``url`` without its password."""
    return sqlalchemy.make_url(url).render_as_string(hide_password=True)
