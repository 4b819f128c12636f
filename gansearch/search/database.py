"""Connections to the databases that hold studies: SQLite, or PostgreSQL for a cluster."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import groupby
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

import optuna
import sqlalchemy
from optuna.storages import RDBStorage
from optuna.trial import TrialState

from gansearch.errors import StudyError
from gansearch.search.writer import AWAY, Errors, describe, retry
from gansearch.urls import masked, sqlite_file, without_secrets

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


class NoTables(StudyError):  # noqa: N818 - what is found, not what went wrong
    """A database in which no study was ever made."""


def connect(url: str, *, create: bool = False) -> RDBStorage:
    """Optuna's storage at ``url``; a SQLite file that cannot be written is opened for reading.

    Args:
        url: of the database.
        create: make the tables if they are missing.

    Raises:
        NoTables: they are missing.
        StudyError: the database cannot be reached, is no such storage, or needs a driver.
    """
    passing: Errors = (*AWAY, *MADE_MEANWHILE) if create else AWAY
    storages: list[RDBStorage] = []
    with storage_errors(url, "opened"):
        retry(lambda: storages.append(_open(url, create=create)), OPEN_SECONDS, passing)
    return storages[0]


@contextmanager
def storage_errors(url: str, verb: str = "read") -> Iterator[None]:
    """Make of what a database answers in the block one readable error, without secrets.

    Args:
        url: of the database.
        verb: what was done with it, such as ``opened``.

    Raises:
        StudyError: the database is away, damaged, of another kind, or cannot be written.
    """
    try:
        yield
    except ImportError:
        problem = "needs a driver: pip install 'gansearch[postgres]'"
    except (optuna.exceptions.OptunaError, sqlalchemy.exc.SQLAlchemyError) as error:
        problem = f"cannot be {verb}: {without_secrets(describe(error), url)}"
    except (ValueError, LookupError, TypeError, RuntimeError) as error:
        # What it holds is not what was written: the file is damaged, or of another version.
        what = without_secrets(f"{type(error).__name__}: {error}", url).partition("\n")[0]
        problem = f"cannot be {verb}: {what}"
    else:
        return
    # No cause: a driver's error may hold the URL whole.
    raise StudyError(f"the storage {show(url)} {problem}") from None


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


def _open(url: str, *, create: bool) -> RDBStorage:
    parsed = _parsed(url)
    is_sqlite = parsed.get_backend_name() == "sqlite"
    writable = True
    engine: dict[str, Any] = {"connect_args": {"timeout": 60}}
    if not is_sqlite:
        if parsed.drivername in ("postgres", "postgresql"):
            parsed = parsed.set(drivername="postgresql+psycopg")  # SQLAlchemy's own default is 2
        engine = {"connect_args": {"connect_timeout": 10}, "pool_pre_ping": True}
    elif (file := file_of(url)) is not None:
        writable = create or all(os.access(each, os.W_OK) for each in (file, file.parent))
        parsed = parsed if writable else _for_reading(file)
    if not create:
        _check_tables(parsed, engine, url)
    text = parsed.render_as_string(hide_password=False)
    # Optuna fills in templates.
    text = text.replace("{", "{{").replace("}", "}}")
    storage = RDBStorage(text, engine_kwargs=engine, skip_table_creation=not create)
    if is_sqlite and writable:
        storage.engine.dispose()  # those made so far lack the settings
        sqlalchemy.event.listen(storage.engine, "connect", _tune_sqlite)
    return storage


def _parsed(url: str) -> sqlalchemy.URL:
    try:
        return sqlalchemy.make_url(url)
    except (sqlalchemy.exc.ArgumentError, ValueError):
        raise StudyError(
            f"the storage {masked(url)} is no URL of a database, such as "
            "postgresql://USER:PASSWORD@HOST/DATABASE"
        ) from None


def _for_reading(file: Path) -> sqlalchemy.URL:
    """The URL of a SQLite file in a place that cannot be written.

    SQLite opens a file without its log only as one that never changes.
    """
    has_log = file.with_name(f"{file.name}-wal").exists()
    query = {"uri": "true", **({"mode": "ro"} if has_log else {"immutable": "1"})}
    return sqlalchemy.URL.create(
        "sqlite", database=f"file:{quote(str(file.absolute()))}", query=query
    )


def _check_tables(parsed: sqlalchemy.URL, settings: dict[str, Any], url: str) -> None:
    """See that there are Optuna's tables: they are made with a study, and by nothing else."""
    engine = sqlalchemy.create_engine(parsed, **settings)
    try:
        if not sqlalchemy.inspect(engine).has_table("studies"):
            raise NoTables(f"the storage {show(url)} has no studies")
    finally:
        engine.dispose()


def _tune_sqlite(connection: Any, _: Any) -> None:
    # Readers do not wait for the writer. A power cut may lose the last moments, never the order.
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=NORMAL")


def file_of(url: str) -> Path | None:
    """The file of a SQLite database; ``None`` for a server.

    Raises:
        StudyError: ``url`` is none.
    """
    _parsed(url)
    return sqlite_file(url)


def is_missing(url: str) -> bool:
    """Whether ``url`` names a SQLite file that is not there: it has no studies yet.

    Raises:
        StudyError: ``url`` is none.
    """
    file = file_of(url)
    return file is not None and not file.exists()


def show(url: str) -> str:
    """``url`` as it may be printed: a file's path, or a server's without secrets."""
    file = file_of(url)
    return masked(url) if file is None else str(file)
