"""The protocol for recording a study's history as it happens."""

from __future__ import annotations

from typing import Protocol

from gansearch.record import Report, TrialRecord


class Recorder(Protocol):
    """Receives a policy's history; :class:`gansearch.search.storage.store.StudyStore` stores it."""

    def record_trial(self, trial: TrialRecord) -> None:
        """Record a new trial."""

    def record_report(self, trial: TrialRecord, report: Report) -> None:
        """Record a new report, or the new checkpoint address of a known one."""

    def record_end(self, trial: TrialRecord) -> None:
        """Record the end of a trial, which is final."""


class NullRecorder:
    """Records nothing, for a study that lives as long as its process, such as a simulated one."""

    def record_trial(self, trial: TrialRecord) -> None:
        """Ignore a new trial."""

    def record_report(self, trial: TrialRecord, report: Report) -> None:
        """Ignore a report."""

    def record_end(self, trial: TrialRecord) -> None:
        """Ignore the end of a trial."""
