"""The interface of stopping rules."""

from __future__ import annotations

from typing import Protocol

from gansearch.record import TrialRecord


class StoppingRule(Protocol):
    """Decides at rungs which trials are stopped.

    The policy calls every method under its lock, so there is one call at a time, though not always
    on the same thread. For each new report before the full budget, in the order of the reports, it
    calls ``reason_to_stop`` before the report is on record and before samplers observe it. It calls
    ``restore`` instead when a resumed study repeats its record. Replicates are never stopped and
    the rule does not see them.

    A decision is a function of the earlier reports and the new one. A rule has no other state, so a
    resumed study decides like an uninterrupted one.
    """

    def reason_to_stop(self, trial: TrialRecord) -> str | None:
        """Return why a trial should stop at its last, new report, or ``None`` if it continues."""

    def restore(self, trial: TrialRecord, *, continues: bool) -> None:
        """Observe a trial's last report, whose decision is on record."""
