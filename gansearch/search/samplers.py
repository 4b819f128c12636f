"""What to try next, by samplers of Optuna: multi-objective TPE, NSGA-II, chance.

A sampler never sees the durable study. It is given a view of its own, in memory and rebuilt from
the record, in which the ends of trials mean what they should (:mod:`gansearch.search.feasibility`).
Its randomness for a trial comes from the study's seed and the trial's number. So what it proposes
is a function of the record alone, and a study that was killed goes on as if it had not been.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import numpy as np
import optuna
from optuna.samplers import BaseSampler, NSGAIISampler, RandomSampler, TPESampler
from optuna.storages import InMemoryStorage
from optuna.study import Study
from optuna.trial import FixedTrial, FrozenTrial, TrialState, create_trial

from gansearch.config import Params
from gansearch.record import Outcome, TrialRecord
from gansearch.search.bayesian.prospects import PromisingProposer, Prospects
from gansearch.search.feasibility import constraint_attributes, objective_values, violations
from gansearch.search.fitting import MemoryModel
from gansearch.search.grid import GridProposer, key_of
from gansearch.space import Space

optuna.logging.set_verbosity(optuna.logging.WARNING)  # each new study is an INFO line otherwise

WORST = 1e30
"""Size of every objective of a trial without a result: finite, for NaN and infinity spread."""

ATTEMPTS, CHANCES = 4, 32
"""Draws of a sampler, and then of chance, before a configuration is tried that was tried before, or
is not likely to fit the devices' memory."""

_ORDER = "gansearch:order"  # of a trial's completion in the view


class Proposer(Protocol):
    """Proposes configurations; what it proposes depends on what it was told and on nothing else."""

    def add(self, trial: TrialRecord) -> None:
        """A trial was handed out; trials are added in the order of their numbers."""

    def report(self, trial: TrialRecord) -> None:
        """A trial that was added has a new report, its last one."""

    def end(self, trial: TrialRecord) -> None:
        """A trial that was added came to its end; ends are told in the order of ``ended``."""

    def propose(self, number: int) -> Params | None:
        """The configuration of trial ``number``, or ``None`` if there is nothing left to try."""


def proposer(space: Space, prospects: Prospects) -> Proposer:
    """The proposer that ``space.search.sampler`` names.

    Args:
        space: what is searched.
        prospects: told of all that the proposer is told of, before it.

    Raises:
        StudyError: a grid over a continuous range, or of too many points.
    """
    return PROPOSERS[space.search.sampler](space, prospects)


def derive_seed(space: Space, number: int, stream: int) -> int:
    """A seed in [0, 2^32) from the study's seed, a trial's number and what it is for."""
    return int(np.random.SeedSequence((space.search.seed, number, stream)).generate_state(1)[0])


def drawn(space: Space, params: Params) -> FixedTrial:
    """A configuration as a sampler drew it.

    ``params`` and ``distributions`` of the trial are by the names that the space asks for, and of
    what is searched alone: constants were not drawn.
    """
    trial = FixedTrial(space.asked(params))
    space.suggest(trial)
    return trial


# --- Optuna's samplers -------------------------------------------------------------------------


class RecordedNSGAII(NSGAIISampler):
    """NSGA-II (Deb et al. 2002) whose generations follow from the order of completion.

    Optuna's own notes on a trial which generation it was asked in, and fixes a generation's parents
    at the moment of the first ask after it; neither can be read off a record. Here a generation is
    so many completed trials in a row.
    """

    def get_trial_generation(self, study: Study, trial: FrozenTrial) -> int:  # noqa: ARG002
        """The generation that the next trial belongs to."""
        return len(_by_completion(study)) // (self.population_size or 1)

    def get_population(self, study: Study, generation: int) -> list[FrozenTrial]:
        """The completed trials of one generation."""
        size = self.population_size or 1
        return _by_completion(study)[generation * size : (generation + 1) * size]

    def select_parent(self, study: Study, generation: int) -> list[FrozenTrial]:
        """The parents of one generation, in the order in which a later ask finds them cached."""
        return sorted(super().select_parent(study, generation), key=lambda trial: trial.number)


def _by_completion(study: Study) -> list[FrozenTrial]:
    completed = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
    return sorted(completed, key=lambda trial: trial.system_attrs[_ORDER])


def _nsga2(space: Space, seed: int) -> BaseSampler:
    # At least five generations within the budget; 50 is Optuna's default and the most.
    population = min(max(space.budget.trials // 5, 4), 50)
    return RecordedNSGAII(population_size=population, seed=seed)


def _tpe(_: Space, seed: int) -> BaseSampler:
    return TPESampler(seed=seed)


def _random(_: Space, seed: int) -> BaseSampler:
    return RandomSampler(seed=seed)


class SampledProposer:
    """Each paper's defaults first, then what a sampler of Optuna makes of the trials so far.

    Args:
        space: what is searched.
        sampler: makes the sampler anew for each ask, from the ask's own seed.
        learns: whether it looks at the trials so far.
    """

    def __init__(
        self, space: Space, sampler: Callable[[Space, int], BaseSampler], *, learns: bool
    ) -> None:
        self._space = space
        self._sampler = sampler
        self._learns = learns
        self._first = space.defaults()
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
        """A trial was handed out."""
        self._seen.add(key_of(trial.params))
        if self._learns:
            fixed = drawn(self._space, trial.params)
            running = create_trial(
                state=TrialState.RUNNING, params=fixed.params, distributions=fixed.distributions
            )
            self._ids[trial.number] = self._storage.create_new_trial(self._view._study_id, running)

    def report(self, trial: TrialRecord) -> None:
        """A trial has a new report, of which its memory counts: samplers learn from ends."""
        self._memory.learn(trial)

    def end(self, trial: TrialRecord) -> None:
        """A trial that was added came to its end."""
        self._memory.learn(trial)
        if not self._learns:
            return
        attributes = constraint_attributes(violations(self._space, trial))
        for key, value in {**attributes, _ORDER: self._ends}.items():
            self._storage.set_trial_system_attr(self._ids[trial.number], key, value)
        self._ends += 1
        self._storage.set_trial_state_values(self._ids[trial.number], *self._end_of(trial))

    def propose(self, number: int) -> Params:
        """The configuration of trial ``number``."""
        if number < len(self._first):
            return self._first[number]
        too_large: list[Params] = []
        for attempt in range(ATTEMPTS + CHANCES):
            make = self._sampler if attempt < ATTEMPTS else _random
            params = self._draw(make(self._space, derive_seed(self._space, number, attempt + 1)))
            if key_of(params) not in self._seen:
                if self._memory.excess(params) <= 0:
                    return params
                too_large.append(params)
        return min(too_large, key=self._memory.excess) if too_large else params

    def _draw(self, sampler: BaseSampler) -> Params:
        self._view.sampler = sampler
        trial = self._view.ask()
        params = self._space.suggest(trial)
        # Samplers pass over failed trials: what counts in the view is what add() puts there.
        self._storage.set_trial_state_values(trial._trial_id, TrialState.FAIL)
        return params

    def _end_of(self, trial: TrialRecord) -> tuple[TrialState, list[float] | None]:
        if trial.outcome == Outcome.COMPLETED:
            return TrialState.COMPLETE, objective_values(self._space, trial)
        if trial.outcome == Outcome.STOPPED:
            # Without intermediate values, on which TPE raises where there are several objectives.
            return TrialState.PRUNED, None
        # Samplers pass over failed trials and would propose the same again. These are complete,
        # with a constraint that is violated.
        worst = {"minimize": WORST, "maximize": -WORST}
        return TrialState.COMPLETE, [worst[o.direction] for o in self._space.objectives]


def _sampled(sampler: Callable[[Space, int], BaseSampler], *, learns: bool = True) -> MakeProposer:
    return lambda space, _: SampledProposer(space, sampler, learns=learns)


MakeProposer = Callable[[Space, Prospects], Proposer]

PROPOSERS: dict[str, MakeProposer] = {
    "pareto": PromisingProposer,
    "tpe": _sampled(_tpe),
    "nsga2": _sampled(_nsga2),
    "random": _sampled(_random, learns=False),
    "grid": lambda space, _: GridProposer(space),
}
"""What proposes configurations, by its name in a space."""
