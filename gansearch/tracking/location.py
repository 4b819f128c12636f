"""Where MLflow keeps what it shows, and how that is said without secrets."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gansearch.space.models import Space


@dataclass(frozen=True)
class Location:
    """A tracking store.

    ``str(location)`` is its URI without user, password and query, fit for logs and messages.

    Attributes:
        uri: tracking server or database.
        artifact_root: folder or URI for files, where an experiment is made in a database; ``None``
            for a server, which has its own.
    """

    uri: str
    artifact_root: str | None

    @classmethod
    def of(cls, space: Space, results: Path) -> Location:
        """Where a space is tracked: at its own URI, or in the database of ``results``."""
        return cls.at(space.tracking.uri, results) if space.tracking.uri else cls.default(results)

    @classmethod
    def default(cls, results: Path) -> Location:
        """The database of a results folder."""
        return cls.at(f"sqlite:///{database(results)}", results)

    @classmethod
    def at(cls, uri: str, results: Path) -> Location:
        """A given store; files of a database are kept in ``results``."""
        root = None if uri.startswith("http") else (results.absolute() / "mlartifacts").as_uri()
        return cls(uri, root)

    def __str__(self) -> str:
        return re.sub(r"(?<=://)[^/]*@", "", self.uri).partition("?")[0]

    def brief(self, error: Exception) -> str:
        """An error's kind and first line, without this location's secrets."""
        line = (str(error).splitlines() or [""])[0]
        user = re.search(r"(?<=://)[^/]*(?=@)", self.uri)
        login = user[0] if user else ""
        for secret in (login, login.partition(":")[2], self.uri.partition("?")[2]):
            line = line.replace(secret, "***") if secret else line
        return f"{type(error).__name__}: {line[:300]}"


def database(results: Path) -> Path:
    """MLflow's database in a results folder."""
    return results.absolute() / "mlflow.db"
