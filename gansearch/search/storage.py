"""Optuna's storage as the durable record of studies."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Self

from optuna.distributions import BaseDistribution

from gansearch.record import Report, StudyRecord, TrialRecord
from gansearch.space import Space


def sqlite_url(file: Path) -> str:
    """The URL of the SQLite database in ``file``, e.g. ``results/studies.db``."""
    raise NotImplementedError


def study_names(url: str) -> tuple[str, ...]:
    """The names of the studies in a storage, oldest first."""
    raise NotImplementedError


def read_study(url: str, name: str) -> tuple[Space, StudyRecord]:
    """A study as it is on record, while another process may be running it.

    Raises:
        StudyError: there is no such study or no such storage.
    """
    raise NotImplementedError


class StudyStore:
    """One study's durable record, held by this process alone: a policy's recorder.

    Attributes:
        space: what is searched, with the budget that holds now.
        study: the record as it was opened.
    """

    space: Space
    study: StudyRecord

    @classmethod
    def create(
        cls, url: str, name: str, space: Space, tags: Mapping[str, str] | None = None
    ) -> Self:
        """Begin a study.

        Raises:
            StudyError: the name is taken.
        """
        raise NotImplementedError

    @classmethod
    def open(
        cls, url: str, name: str, *, trials: int | None = None, max_kimg: float | None = None
    ) -> Self:
        """Continue a study, with more trials or longer ones if asked.

        Raises:
            StudyError: there is no such study, another process runs it, or less is asked for.
        """
        raise NotImplementedError

    def asked(self, trial: TrialRecord, distributions: Mapping[str, BaseDistribution]) -> None:
        """A new trial was handed out."""

    def reported(self, trial: TrialRecord, report: Report) -> None:
        """A report was taken."""

    def ended(self, trial: TrialRecord) -> None:
        """A trial came to its end."""

    def flush(self) -> None:
        """Wait until everything so far is on disk.

        Raises:
            StudyError: the storage does not take it.
        """
        raise NotImplementedError

    def close(self) -> None:
        """Flush, and let another process have the study."""
        raise NotImplementedError

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
