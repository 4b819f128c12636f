"""The surrogate of a study, shared by its sampler and its stopping rule."""

from __future__ import annotations

from gansearch.record import TrialRecord
from gansearch.search.bayesian.acquisition import Acquisition, AcquisitionState
from gansearch.search.bayesian.encoding import Encoder
from gansearch.search.bayesian.observations import Observation, Observations
from gansearch.space import Space


class Model:
    """The surrogate of a study as it observes trials.

    Its state is a function of the observations. It observes trials like a sampler
    (:class:`gansearch.search.samplers.base.Sampler`), except those that continue the training of
    others: their results do not depend on their own configuration alone.

    Args:
        space: the search space.
    """

    def __init__(self, space: Space) -> None:
        self._observations = Observations(space)
        self._acquisition = Acquisition(self._observations, space.search.seed)

    @property
    def encoder(self) -> Encoder:
        """Encoder of the space's configurations."""
        return self._observations.encoder

    def add(self, trial: TrialRecord) -> None:
        """Observe a trial that was put on record."""
        if not trial.lineage:
            self._observations.add(trial)

    def report(self, trial: TrialRecord) -> None:
        """Observe the last report of an added trial, which is new."""
        if not trial.lineage:
            self._observations.report(trial)

    def end(self, trial: TrialRecord) -> None:
        """Observe the end of an added trial."""
        if not trial.lineage:
            self._observations.end(trial)

    def state(self) -> AcquisitionState | None:
        """Return the state for decisions; ``None`` before enough observations."""
        return self._acquisition.state()

    def add_pending(self) -> None:
        """Account for new trials in the candidates' acquisition values."""
        self._acquisition.add_pending()

    def observation_of(self, trial: TrialRecord) -> Observation:
        """Convert a trial's last report to an observation of the surrogate."""
        return self._observations.observe(trial)


class SharedModel:
    """Builds a study's model when a sampler or a stopping rule first asks for it.

    Args:
        space: the search space.

    Attributes:
        built: a tuple with the model, or empty before the first call of :meth:`get`.
    """

    def __init__(self, space: Space) -> None:
        self._space = space
        self.built: tuple[Model, ...] = ()

    def get(self) -> Model:
        """Return the model, the same at every call."""
        if not self.built:
            self.built = (Model(self._space),)
        return self.built[0]
