"""Truncation selection of population-based training (Jaderberg et al. 2017, section 4)."""

from __future__ import annotations

from gansearch.record import TrialRecord
from gansearch.search.cohorts import SHARE, Cohorts
from gansearch.space import Space

DEFAULT_POPULATION = 256
"""Number of most recent trials at a rung that are compared, if the space sets no population."""


class Truncation:
    """Stops the worst share of a rung's population.

    Args:
        space: the search space.
    """

    def __init__(self, space: Space) -> None:
        self._cohorts = Cohorts(space, space.search.population or DEFAULT_POPULATION)

    def reason_to_stop(self, trial: TrialRecord) -> str | None:
        """Return why a trial should stop at its last, new report, or ``None``."""
        self._cohorts.add(trial)
        order = self._cohorts.best_first(trial.reached)
        worse = order[len(order) - len(order) // SHARE :]
        if trial.number not in {each.number for each in worse}:
            return None
        return f"among the worst 1/{SHARE} of {len(order)} at {trial.reached:g} kimg"

    def restore(self, trial: TrialRecord, *, continues: bool) -> None:  # noqa: ARG002 - the interface's
        """Take a trial's last report, whose answer is on record."""
        self._cohorts.add(trial)
