"""What is told of a study's history as it happens."""

from __future__ import annotations

from typing import Protocol

from gansearch.record import Report, TrialRecord


class Recorder(Protocol):
    """Where a policy's history goes; :class:`gansearch.search.storage.StudyStore` keeps it."""

    def asked(self, trial: TrialRecord) -> None:
        """A new trial was handed out."""

    def reported(self, trial: TrialRecord, report: Report) -> None:
        """``report`` was taken, or came again with its checkpoint at another place."""

    def ended(self, trial: TrialRecord) -> None:
        """A trial came to its end: nothing about it changes after this."""


class Unrecorded:
    """Keeps nothing: for a study that lives as long as its process, such as a simulated one."""

    def asked(self, trial: TrialRecord) -> None:
        """A new trial was handed out."""

    def reported(self, trial: TrialRecord, report: Report) -> None:
        """A report was taken."""

    def ended(self, trial: TrialRecord) -> None:
        """A trial came to its end."""
