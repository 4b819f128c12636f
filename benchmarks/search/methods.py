"""The compared methods: gansearch's own policy, and other libraries' behind the same interface.

Each method of others is asked as its library's users would, with its library's defaults. Where a
library only decides what to stop, configurations are random.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache, partial
from itertools import cycle
from types import SimpleNamespace
from typing import Any

import numpy as np
import optuna
from optuna.samplers import BaseSampler, NSGAIISampler, RandomSampler, TPESampler
from optuna.trial import FixedTrial, TrialState

from benchmarks.search.ledger import Ledger
from gansearch.record import Outcome, Report, TrialRecord
from gansearch.search.feasibility import is_full, objective_values
from gansearch.search.policy import Ask
from gansearch.search.simulation.simulate import Clock, Method, policy
from gansearch.settings import Params
from gansearch.space import Choice, FloatRange, IntRange, Space

MakeMethod = Callable[[Space, Clock], Method]
ETA = 3
"""Reduction factor of every method that has one; the problems' rungs are its powers."""


def own(sampler: str, stopping: str, space: Space, clock: Clock) -> Method:
    """The policy of a gansearch study."""
    update = {"sampler": sampler, "stopping": stopping, "reduction_factor": ETA}
    search = space.search.model_copy(update=update)
    return policy(space.model_copy(update={"search": search}), clock)


class OptunaMethod(Ledger):
    """A sampler of Optuna with several objectives, each trial trained in full."""

    def __init__(self, make: Callable[..., BaseSampler], space: Space, clock: Clock) -> None:
        super().__init__(space, clock)
        self._study = optuna.create_study(
            directions=[objective.direction for objective in space.objectives],
            sampler=make(seed=space.search.seed),
        )
        self._asked: dict[int, optuna.Trial] = {}

    def propose(self, number: int) -> Params:
        """The sampler's next."""
        self._asked[number] = self._study.ask()
        return self.space.plain(self.space.sample(self._asked[number]))

    def learn(self, trial: TrialRecord) -> None:
        """Complete, or failed."""
        if trial.outcome == Outcome.COMPLETED:
            self._study.tell(self._asked[trial.number], objective_values(self.space, trial))
        else:
            self._study.tell(self._asked[trial.number], state=TrialState.FAIL)


class Scheduled(OptunaMethod):
    """Random search with a scheduler that has Ray Tune's interface, which Syne Tune shares.

    Args:
        scheduler: asked at each report of the space's rungs.
        call: of its ``on_trial_result``, with a trial and a result; its answer.
        space: what is searched.
        clock: of the simulation.
    """

    def __init__(
        self,
        scheduler: Any,
        call: Callable[[Any, dict[str, float]], str],
        space: Space,
        clock: Clock,
    ) -> None:
        super().__init__(RandomSampler, space, clock)
        self._scheduler = scheduler
        self._call = call

    def judge(self, trial: TrialRecord, report: Report) -> bool:
        """The scheduler's decision."""
        named = SimpleNamespace(trial_id=str(trial.number))
        result = {"kimg": report.kimg, **report.metrics}
        return self._call(named, result) != "STOP"


def ray_asha(space: Space, clock: Clock) -> Method:
    """Ray Tune's ASHA on the quality, with random configurations."""
    from ray.tune.schedulers import AsyncHyperBandScheduler

    scheduler = AsyncHyperBandScheduler(
        time_attr="kimg",
        metric=space.quality.metric,
        mode={"minimize": "min", "maximize": "max"}[space.quality.direction],
        **_halving(space),
    )

    def call(trial: Any, result: dict[str, float]) -> str:
        if trial.trial_id not in scheduler._trial_info:
            scheduler.on_trial_add(None, trial)  # type: ignore[arg-type]
        return scheduler.on_trial_result(None, trial, result)  # type: ignore[arg-type]

    return Scheduled(scheduler, call, space, clock)


def syne_moasha(space: Space, clock: Clock) -> Method:
    """Syne Tune's MOASHA (Schmucker et al. 2021), with random configurations, as it has them.

    Its non-dominated sorting at a rung is given every objective, costs as those of the full budget.
    """
    from syne_tune.optimizer.schedulers.multiobjective.moasha import MOASHA

    metrics = [objective.metric for objective in space.objectives]
    scheduler = MOASHA(
        {}, metrics, time_attr="kimg", random_seed=space.search.seed, **_halving(space)
    )

    def call(trial: Any, result: dict[str, float]) -> str:
        if trial.trial_id not in scheduler.trial_info:
            scheduler.on_trial_add(trial)
        minimised = {o.metric: o.minimised(result[o.metric]) for o in space.objectives}
        decision: str = scheduler.on_trial_result(trial, {**result, **minimised})
        return decision

    return Scheduled(scheduler, call, space, clock)


def _halving(space: Space) -> dict[str, Any]:
    first, full = space.budget.rungs[0], space.budget.max_kimg
    return {"grace_period": first, "max_t": full, "reduction_factor": ETA}


class Primo(Ledger):
    """NePS's PriMO without priors: MO-ASHA by promotion, then Bayesian optimisation at the top.

    A trial that NePS may promote later rests; a promoted one goes on from where it was.
    """

    def __init__(self, space: Space, clock: Clock) -> None:
        super().__init__(space, clock)
        from neps.optimizers.algorithms import primo
        from neps.space.parameters import HPOCategorical, HPOFloat
        from neps.space.search_space import SearchSpace

        _let_neps_run_in_parallel()
        np.random.seed(space.search.seed)  # noqa: NPY002 - NePS draws from it
        elements = {name: _neps(parameter) for name, parameter in space.parameters.items()}
        if len(space.variant) > 1:
            elements["variant"] = HPOCategorical(list(space.variant))
        bounds = (space.budget.rungs[0], space.budget.max_kimg)
        elements["kimg"] = HPOFloat(*bounds, is_fidelity=True)
        self._optimiser = primo(SearchSpace(elements), eta=ETA, prior_centers={})
        self._known: dict[str, Any] = {}
        self._goals: dict[int, tuple[str, float]] = {}  # by trial: NePS's id, kimg to go to
        self._numbers: dict[str, int] = {}

    def ask(self) -> Ask | None:
        """A new trial, or one that goes on."""
        from neps.state.trial import Trial

        sampled = self._sample()
        config, before = dict(sampled.config), sampled.previous_config_id
        key = sampled.id
        if key in self._known:  # it counts those that are done alone
            key = str(1 + max(int(k.split("_")[0]) for k in self._known))
        self._known[key] = Trial.new(
            trial_id=key,
            location="",
            config=dict(config),
            previous_trial=before,
            previous_trial_location="",
            time_sampled=self._clock(),
            worker_id="",
        )
        kimg = config.pop("kimg")
        if before is not None:
            number = self._numbers[before]
        else:
            self._next = self.space.plain(
                self.space.sample(FixedTrial(config))
            )  # no more than it asks for
            asked = super().ask()
            if asked is None:
                return None
            number = asked.number
        trial = self.trials[number]
        self._numbers[key], self._goals[number] = number, (key, kimg)
        return Ask(number, trial.params, trial.seed, resume=trial.last)

    def propose(self, number: int) -> Params:  # noqa: ARG002 - drawn already
        """Return the configuration that NePS has drawn."""
        return self._next

    def report(self, number: int, report: Report) -> bool:
        """Take a report; the trial rests where NePS wanted it to come to."""
        goes_on = super().report(number, report)
        key, goal = self._goals[number]
        if report.kimg + 1e-6 < goal or self._known[key].report is not None:
            return goes_on
        metrics = report.metrics
        self._finish(key, [o.minimised(metrics[o.metric]) for o in self.space.objectives])
        return goes_on and is_full(self.space, report.kimg)

    def learn(self, trial: TrialRecord) -> None:
        """A trial that ended without a result is the worst that there is."""
        if trial.outcome != Outcome.COMPLETED:
            self._finish(self._goals[trial.number][0], [1e3] * len(self.space.objectives))

    def _sample(self) -> Any:
        while True:
            try:
                return self._optimiser(self._known, None, None)
            except AssertionError:  # nothing came to the top within the design: a larger one
                self._optimiser.initial_design_size += 1

    def _finish(self, key: str, values: list[float]) -> None:
        trial = self._known[key]
        trial.set_evaluating(time_started=self._clock(), worker_id="")
        trial.report = trial.set_complete(
            report_as="success",
            objective_to_minimize=values,
            cost=None,
            learning_curve=None,
            extra=None,
            time_end=self._clock(),
            evaluation_duration=None,
            err=None,
            tb=None,
        )


@cache
def _let_neps_run_in_parallel() -> None:
    """Mend NePS 0.17, which fails where everything at a rung is still running."""
    from neps.optimizers.utils.brackets import Rung

    select = Rung.mo_selector

    def select_of_known(self: Any, *, selector: Any, contenders: Any = None, k: int) -> Any:
        known = (self.table if contenders is None else contenders).dropna(subset=["perf"])
        return known if known.empty else select(self, selector=selector, contenders=known, k=k)

    Rung.mo_selector = select_of_known


def _neps(parameter: Any) -> Any:
    from neps.space.parameters import HPOCategorical, HPOFloat, HPOInteger

    match parameter:
        case FloatRange():
            return HPOFloat(parameter.low, parameter.high, log=parameter.log)
        case IntRange():
            return HPOInteger(parameter.low, parameter.high, log=parameter.log)
        case Choice():
            return HPOCategorical(list(parameter.values))
    raise TypeError(f"{parameter!r} has no counterpart in NePS")


class Oracle(Ledger):
    """Knows the true front, and trains its members in random order.

    Nothing that has to learn where the front is can be expected to be faster.
    """

    def __init__(self, optimal: Sequence[Params], space: Space, clock: Clock) -> None:
        super().__init__(space, clock)
        order = np.random.default_rng(space.search.seed).permutation(len(optimal))
        self._next = cycle([optimal[i] for i in order])

    def propose(self, number: int) -> Params:  # noqa: ARG002 - the next one, whatever it is
        """The next member."""
        return next(self._next)


ORACLE = "oracle"
"""Name of :class:`Oracle`, which is made for a problem and not for a space alone."""
METHODS: dict[str, MakeMethod] = {
    **{
        f"{sampler}+{stopping}": partial(own, sampler, stopping)
        for sampler in ("random", "tpe", "nsga2")
        for stopping in ("none", "asha")
    },
    "ehvi+ehvi": partial(own, "ehvi", "ehvi"),
    "ehvi+none": partial(own, "ehvi", "none"),
    "random+ehvi": partial(own, "random", "ehvi"),
    "optuna-tpe": partial(OptunaMethod, TPESampler),
    "optuna-nsga2": partial(OptunaMethod, NSGAIISampler),
    "ray-asha": ray_asha,
    "syne-moasha": syne_moasha,
    "neps-primo": Primo,
}
"""By name; the first is what the others are measured by."""
