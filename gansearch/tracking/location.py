"""Locations of MLflow stores, and their display without secrets."""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from gansearch.hardware.scratch import scratch_folder
from gansearch.urls import masked, sqlite_file, sqlite_url, without_secrets

if TYPE_CHECKING:
    from gansearch.space import Space

RELATIVE_ROOT = "mlflow-artifacts:/"
"""Location of files recorded in a results folder's database, relative to the served folder."""

_SCHEME = "sqlite+pysqlite"
"""Scheme of the URL of a results folder's database. For ``sqlite`` MLflow creates the parent folder
of the path as escaped in the URL, which is a second folder if any character is escaped."""


@dataclass(frozen=True)
class Location:
    """A tracking store.

    ``str(location)`` is its URI without login and query, for logs and messages.

    Attributes:
        uri: tracking server or database.
        artifact_root: URI of the files of a new experiment in a database; ``None`` for a server,
            which has its own.
        files: folder that :data:`RELATIVE_ROOT` stands for in a results folder's database;
            otherwise ``None``.
    """

    uri: str
    artifact_root: str | None
    files: Path | None = None

    @classmethod
    def of(cls, space: Space, results: Path) -> Location:
        """Return a space's own store, or the database of ``results``."""
        return cls.at(space.tracking.uri, results) if space.tracking.uri else cls.default(results)

    @classmethod
    def default(cls, results: Path) -> Location:
        """Return the database of a results folder, with files beside it; the two move together."""
        return cls(sqlite_url(database(results), _SCHEME), RELATIVE_ROOT, _files(results))

    @classmethod
    def at(cls, uri: str, results: Path) -> Location:
        """Return a given store; files of a database are kept in ``results``."""
        if uri.startswith("http"):
            return cls(uri, None)
        file = sqlite_file(uri)
        if file is not None and file.absolute() == database(results):
            return cls.default(results)
        return cls(uri, _files(results).as_uri())

    @property
    def served(self) -> str | None:
        """URI that :data:`RELATIVE_ROOT` stands for in the database of a results folder."""
        return None if self.files is None else self.files.as_uri()

    def artifact_folder(self) -> Path | None:
        """Return the folder that :data:`RELATIVE_ROOT` stands for in any SQLite database."""
        file = sqlite_file(self.uri)
        return self.files or (None if file is None else _files(file.parent))

    def __str__(self) -> str:
        return masked(self.uri)

    def brief(self, error: Exception) -> str:
        """Return an error's type and first line, without this location's secrets."""
        line = (str(error).splitlines() or [""])[0]
        return f"{type(error).__name__}: {without_secrets(line, self.uri)[:300]}"

    def prepare(self) -> None:
        """Make the file locations in a results folder's database relative.

        The previous version recorded them with the folder's path, and the folder may have been
        moved.
        """
        file = sqlite_file(self.uri)
        if self.files is None or file is None or not file.exists():
            return
        with closing(sqlite3.connect(file, timeout=60)) as connection, connection:
            if connection.execute(_ABSOLUTE).fetchone():
                for statement in _RELATE:
                    connection.execute(statement, (RELATIVE_ROOT,))


_ABSOLUTE = "SELECT 1 FROM experiments WHERE artifact_location LIKE 'file:%/mlartifacts' LIMIT 1"
_RELATE = (
    "UPDATE runs SET artifact_uri = ? || run_uuid || '/artifacts'"
    " WHERE artifact_uri LIKE 'file:%/mlartifacts/' || run_uuid || '/artifacts'",
    "UPDATE experiments SET artifact_location = ?"
    " WHERE artifact_location LIKE 'file:%/mlartifacts'",
)


def database(results: Path) -> Path:
    """Return MLflow's database in a results folder."""
    return results.absolute() / "mlflow.db"


@contextmanager
def readable_database(results: Path) -> Iterator[Location]:
    """Yield the database of a results folder, or a temporary copy if it is read-only.

    MLflow writes to every database that it opens.
    """
    location, file = Location.default(results), database(results)
    if os.access(file, os.W_OK) and os.access(file.parent, os.W_OK):
        yield location
        return
    with scratch_folder() as folder:
        for part in (file, file.with_name(f"{file.name}-wal")):
            if part.exists():
                shutil.copyfile(part, folder / part.name)
        yield replace(location, uri=sqlite_url(folder / file.name))


def _files(results: Path) -> Path:
    return results.absolute() / "mlartifacts"
