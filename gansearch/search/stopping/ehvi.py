"""Stopping rule by predicted dominance and acquisition value (EHVI/s).

A trial is stopped if another one almost surely beats it at no higher cost. It is also stopped if
another one probably beats it and its own expected hypervolume improvement per second of remaining
training is far below the mean of recent trials.
"""

from __future__ import annotations

from gansearch.record import TrialRecord
from gansearch.search.bayesian.acquisition import acquisition_values
from gansearch.search.bayesian.model import Model
from gansearch.space import Space

COHORT = 4
"""Number of trials at a rung before one is stopped there, itself included."""
STOP_PROBABILITY, LIKELY_PROBABILITY = 0.95, 0.8
"""Probabilities that another trial is better at no higher cost. Above the first, a trial is
stopped; up to the second, it continues."""
LOW_VALUE_SHARE = 0.25
"""Fraction of the recent trials' mean acquisition value. Between the two probabilities, a trial
with less is stopped."""


class EhviRule:
    """Stops a trial that another one dominates, by the surrogate's prediction.

    Args:
        space: the search space.
        model: the study's surrogate, which observes every trial.
    """

    def __init__(self, space: Space, model: Model) -> None:
        self._max_kimg = space.budget.max_kimg
        self._model = model

    def reason_to_stop(self, trial: TrialRecord) -> str | None:
        """Return why a trial should stop at its last, unobserved report, or ``None``."""
        state = self._model.state()
        if state is None or trial.number not in state.posterior:
            return None
        posterior, observed = state.posterior, self._model.observation_of(trial)
        rung, kimg = observed.rung, trial.reports[-1].kimg
        if posterior.trials_at(rung) < COHORT - 1:
            return None
        own = posterior.predict_trial(observed)
        better = posterior.beaten_by(trial.number, rung, own)
        if better is None or better[1] <= LIKELY_PROBABILITY:
            return None
        if better[1] > STOP_PROBABILITY:
            return (
                f"at {kimg:g} kimg trial {better[0]} is better at no higher cost with probability "
                f"{better[1]:.0%}"
            )
        left = 1 - kimg / self._max_kimg
        (value,) = acquisition_values(own, state.fronts.without(trial.number, rung)) / left
        if value < LOW_VALUE_SHARE * state.recent_mean:
            return (
                f"at {kimg:g} kimg its expected improvement per second is "
                f"{value / state.recent_mean:.0%} of the recent mean"
            )
        return None

    def restore(self, trial: TrialRecord, *, continues: bool) -> None:
        """Keep no state; the model keeps it."""
