"""Connections to the databases of studies: SQLite, or PostgreSQL for a cluster."""

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
from gansearch.search.storage.write_queue import UNREACHABLE, ErrorTypes, describe, retry
from gansearch.urls import masked, sqlite_file, without_secrets

CREATED_CONCURRENTLY = (sqlalchemy.exc.IntegrityError, sqlalchemy.exc.ProgrammingError)
"""Errors worth retrying at the creation of tables: another process creates the same ones."""

OPEN_SECONDS = 10.0
"""Time for which a command retries an unreachable database, in seconds."""

_TRIALS = sqlalchemy.text(
    "SELECT trials.trial_id, trials.state, key, value_json"
    " FROM trials JOIN trial_user_attributes ON trial_user_attributes.trial_id = trials.trial_id"
    " WHERE trials.study_id = :study ORDER BY trials.trial_id"
)


class Row(NamedTuple):
    """The fields of Optuna's trial from which a record is read."""

    trial_id: int
    state: TrialState
    attributes: dict[str, Any]


class MissingTablesError(StudyError):
    """The database lacks Optuna's tables."""


def connect(url: str, *, create: bool = False) -> RDBStorage:
    """Open Optuna's storage at ``url``; an unwritable SQLite file is opened for reading.

    Args:
        url: URL of the database.
        create: whether to create missing tables.

    Raises:
        MissingTablesError: the tables are missing.
        StudyError: the database is unreachable, is not Optuna's storage, or needs a driver.
    """
    retryable: ErrorTypes = (*UNREACHABLE, *CREATED_CONCURRENTLY) if create else UNREACHABLE
    storages: list[RDBStorage] = []
    with storage_errors(url, "opened"):
        retry(lambda: storages.append(_open(url, create=create)), OPEN_SECONDS, retryable)
    return storages[0]


@contextmanager
def storage_errors(url: str, verb: str = "read") -> Iterator[None]:
    """Convert the database's errors in the block to one readable error without secrets.

    Args:
        url: URL of the database.
        verb: past participle of the operation, such as ``opened``.

    Raises:
        StudyError: the database is unreachable, damaged, of another kind, or read-only.
    """
    try:
        yield
    except ImportError:
        problem = "needs a driver: pip install 'gansearch[postgres]'"
    except (optuna.exceptions.OptunaError, sqlalchemy.exc.SQLAlchemyError) as error:
        problem = f"cannot be {verb}: {without_secrets(describe(error), url)}"
    except (ValueError, LookupError, TypeError, RuntimeError) as error:
        # The content is not as written: the file is damaged, or of another version.
        what = without_secrets(f"{type(error).__name__}: {error}", url).partition("\n")[0]
        problem = f"cannot be {verb}: {what}"
    else:
        return
    # No cause: a driver's error may contain the whole URL.
    raise StudyError(f"the storage {shown(url)} {problem}") from None


def read_trials(storage: RDBStorage, study_id: int) -> list[Row]:
    """Read a study's trials with their user attributes, in the order of storage.

    Optuna's own reader also builds objects for every parameter, value and distribution. It takes
    many seconds for a study of thousands of trials.
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
    # Optuna expands templates in it.
    text = text.replace("{", "{{").replace("}", "}}")
    storage = RDBStorage(text, engine_kwargs=engine, skip_table_creation=not create)
    if is_sqlite and writable:
        storage.engine.dispose()  # existing connections lack the settings
        sqlalchemy.event.listen(storage.engine, "connect", _tune_sqlite)
    return storage


def _parsed(url: str) -> sqlalchemy.URL:
    try:
        return sqlalchemy.make_url(url)
    except (sqlalchemy.exc.ArgumentError, ValueError):
        raise StudyError(
            f"the storage {masked(url)} is not a URL of a database, such as "
            "postgresql://USER:PASSWORD@HOST/DATABASE"
        ) from None


def _for_reading(file: Path) -> sqlalchemy.URL:
    """Return a URL that opens a SQLite file in an unwritable folder.

    SQLite opens a file without its write-ahead log only as immutable.
    """
    has_log = file.with_name(f"{file.name}-wal").exists()
    query = {"uri": "true", **({"mode": "ro"} if has_log else {"immutable": "1"})}
    return sqlalchemy.URL.create(
        "sqlite", database=f"file:{quote(str(file.absolute()))}", query=query
    )


def _check_tables(parsed: sqlalchemy.URL, settings: dict[str, Any], url: str) -> None:
    """Check that Optuna's tables exist; only the creation of a study creates them."""
    engine = sqlalchemy.create_engine(parsed, **settings)
    try:
        if not sqlalchemy.inspect(engine).has_table("studies"):
            raise MissingTablesError(f"the storage {shown(url)} has no studies")
    finally:
        engine.dispose()


def _tune_sqlite(connection: Any, _: Any) -> None:
    # Readers do not wait for the writer. A power cut may lose the last moments, never the order.
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=NORMAL")


def file_of(url: str) -> Path | None:
    """Return the file of a SQLite database, or ``None`` for a server.

    Raises:
        StudyError: ``url`` is not a database URL.
    """
    _parsed(url)
    return sqlite_file(url)


def is_missing(url: str) -> bool:
    """Whether ``url`` names a SQLite file that does not exist yet.

    Raises:
        StudyError: ``url`` is not a database URL.
    """
    file = file_of(url)
    return file is not None and not file.exists()


def shown(url: str) -> str:
    """Format ``url`` for messages: a file's path, or a server's URL without secrets."""
    file = file_of(url)
    return masked(url) if file is None else str(file)
