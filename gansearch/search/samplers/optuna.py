"""Samplers by Optuna: multi-objective TPE, NSGA-II, random.

A sampler never sees the durable study. It has an in-memory Optuna study, rebuilt from the record,
in which ended trials have adjusted states, values and constraints
(:mod:`gansearch.search.feasibility`). Its random numbers for a trial come from the study's seed and
the trial's number. Its proposals are therefore a function of the record alone, and a killed study
continues as if it had not been killed.
"""

from __future__ import annotations

from collections.abc import Callable

import optuna
from optuna.samplers import BaseSampler, NSGAIISampler, RandomSampler, TPESampler
from optuna.storages import InMemoryStorage
from optuna.study import Study
from optuna.trial import FixedTrial, FrozenTrial, TrialState, create_trial

from gansearch.record import Outcome, TrialRecord
from gansearch.search.feasibility import constraint_attributes, objective_values, violations
from gansearch.search.samplers.base import Proposal, derive_seed, key_of
from gansearch.search.samplers.memory import MemoryModel
from gansearch.settings import Params
from gansearch.space import Space

optuna.logging.set_verbosity(optuna.logging.WARNING)  # each new study logs an INFO line otherwise

WORST = 1e30
"""Absolute value of every objective of a trial without a result; finite, since NaN and infinity
propagate."""

ATTEMPTS, RANDOM_ATTEMPTS = 4, 32
"""Draws of a sampler, and then random draws, before a configuration is accepted that was tried
before or probably does not fit the devices' memory."""

_ORDER = "gansearch:order"  # order of a trial's completion in the in-memory study


def drawn(space: Space, sampled: Params) -> FixedTrial:
    """Return a configuration as an Optuna trial that a sampler drew.

    ``params`` and ``distributions`` of the trial have the names that the space samples. They
    contain searched parameters only: constants are not drawn.
    """
    trial = FixedTrial(sampled)
    space.sample(trial)
    return trial


# --- Optuna's samplers -------------------------------------------------------------------------


class RecordedNSGAII(NSGAIISampler):
    """NSGA-II (Deb et al. 2002) whose generations follow from the order of completion.

    Optuna's own implementation stores a trial's generation when it is asked, and fixes a
    generation's parents at the first ask after it. Neither can be derived from a record. Here a
    generation is a fixed number of consecutively completed trials.
    """

    def get_trial_generation(self, study: Study, trial: FrozenTrial) -> int:  # noqa: ARG002
        """Return the generation of the next trial."""
        return len(_by_completion(study)) // (self.population_size or 1)

    def get_population(self, study: Study, generation: int) -> list[FrozenTrial]:
        """Return the completed trials of one generation."""
        size = self.population_size or 1
        return _by_completion(study)[generation * size : (generation + 1) * size]

    def select_parent(self, study: Study, generation: int) -> list[FrozenTrial]:
        """Return the parents of one generation, in the order of a later, cached lookup."""
        return sorted(super().select_parent(study, generation), key=lambda trial: trial.number)


def _by_completion(study: Study) -> list[FrozenTrial]:
    completed = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
    return sorted(completed, key=lambda trial: trial.system_attrs[_ORDER])


def nsga2(space: Space, seed: int) -> BaseSampler:
    """Make an NSGA-II sampler with a population for at least five generations."""
    # At least five generations within the budget; at most 50 trials, Optuna's default.
    population = min(max(space.budget.trials // 5, 4), 50)
    return RecordedNSGAII(population_size=population, seed=seed)


def tpe(_: Space, seed: int) -> BaseSampler:
    """Make a multi-objective TPE sampler with Optuna's defaults."""
    return TPESampler(seed=seed)


def random(_: Space, seed: int) -> BaseSampler:
    """Make a random sampler."""
    return RandomSampler(seed=seed)


class OptunaSampler:
    """Proposes each paper's defaults first, then an Optuna sampler's configurations.

    Args:
        space: the search space.
        sampler: makes a new sampler for each ask, from a seed for that ask.
        learns: whether the sampler uses observations.
    """

    def __init__(
        self, space: Space, sampler: Callable[[Space, int], BaseSampler], *, learns: bool = True
    ) -> None:
        self._space = space
        self._sampler = sampler
        self._learns = learns
        self._first = [space.sampled(params) for params in space.defaults()]
        self._seen: set[str] = set()
        self._memory = MemoryModel(space)
        self._ids: dict[int, int] = {}
        self._ends = 0
        self._storage = InMemoryStorage()
        self._view = optuna.create_study(
            storage=self._storage,
            directions=[objective.direction for objective in space.objectives],
        )

    def add(self, trial: TrialRecord) -> None:
        """Observe a trial that was put on record."""
        self._seen.add(key_of(trial.sampled))
        if self._learns:
            fixed = drawn(self._space, trial.sampled)
            running = create_trial(
                state=TrialState.RUNNING, params=fixed.params, distributions=fixed.distributions
            )
            self._ids[trial.number] = self._storage.create_new_trial(self._view._study_id, running)

    def report(self, trial: TrialRecord) -> None:
        """Observe the memory alone: Optuna's samplers learn from ended trials."""
        self._memory.learn(trial)

    def end(self, trial: TrialRecord) -> None:
        """Observe the end of an added trial."""
        self._memory.learn(trial)
        if not self._learns:
            return
        attributes = constraint_attributes(violations(self._space, trial))
        for key, value in {**attributes, _ORDER: self._ends}.items():
            self._storage.set_trial_system_attr(self._ids[trial.number], key, value)
        self._ends += 1
        self._storage.set_trial_state_values(self._ids[trial.number], *self._end_of(trial))

    def propose(self, number: int) -> Proposal:
        """Return the configuration of trial ``number``."""
        if number < len(self._first):
            return Proposal(self._first[number])
        too_large: list[Params] = []
        for attempt in range(ATTEMPTS + RANDOM_ATTEMPTS):
            make = self._sampler if attempt < ATTEMPTS else random
            sampled = self._draw(make(self._space, derive_seed(self._space, number, attempt + 1)))
            if key_of(sampled) not in self._seen:
                if self._memory.excess(sampled) <= 0:
                    return Proposal(sampled)
                too_large.append(sampled)
        return Proposal(min(too_large, key=self._memory.excess) if too_large else sampled)

    def _draw(self, sampler: BaseSampler) -> Params:
        self._view.sampler = sampler
        trial = self._view.ask()
        sampled = self._space.sample(trial)
        # Samplers ignore failed trials: only those of add() count.
        self._storage.set_trial_state_values(trial._trial_id, TrialState.FAIL)
        return sampled

    def _end_of(self, trial: TrialRecord) -> tuple[TrialState, list[float] | None]:
        if trial.outcome == Outcome.COMPLETED:
            return TrialState.COMPLETE, objective_values(self._space, trial)
        if trial.outcome == Outcome.STOPPED:
            # Without intermediate values: TPE raises on them with several objectives.
            return TrialState.PRUNED, None
        # Samplers ignore failed trials and would propose the same configuration again. These are
        # marked as complete, with a violated constraint.
        return TrialState.COMPLETE, [o.minimised(WORST) for o in self._space.objectives]
