"""The rule that stops no trial."""

from __future__ import annotations

from gansearch.record import TrialRecord


class Never:
    """Stops no trial."""

    def reason_to_stop(self, trial: TrialRecord) -> None:
        """Let a trial continue."""

    def restore(self, trial: TrialRecord, *, continues: bool) -> None:
        """Keep no state."""
