"""Which configurations are trained again, and that nobody is misled by it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np
import pytest

from gansearch.pareto import near_front
from gansearch.record import (
    CONFIGURATION_FAILURES,
    Outcome,
    Prior,
    Report,
    StudyRecord,
    TrialRecord,
)
from gansearch.report.front.noise import QUALITY_TOLERANCE
from gansearch.search.method import SearchMethod
from gansearch.search.plan import Plan
from gansearch.search.policy import Ask, Policy
from gansearch.search.samplers.base import Proposal
from gansearch.search.simulation.simulate import Cluster, Curve, simulate
from gansearch.search.storage.store import layout
from gansearch.settings import Params
from gansearch.space import Space, parse_space

YAML = """
name: small
variant: gan
data: {{name: digits}}
parameters: {{d_steps: {{type: int, low: 1, high: 20}}}}
objectives: {{fd_digits: {{direction: minimize, max: 50}}, seconds_per_kimg: minimize}}
budget: {{trials: {trials}, max_kimg: 30, rungs: [5]}}
search: {{sampler: random, stopping: {stopping}, replicates: {replicates}}}
"""


def space_of(trials: int = 4, replicates: int = 3, stopping: str = "none") -> Space:
    return parse_space(YAML.format(trials=trials, replicates=replicates, stopping=stopping), "s")


@dataclass
class Scripted:
    """A sampler that notes its calls, with the trial's number."""

    heard: list[tuple[str, int]]
    left: int = 1000

    def propose(self, number: int) -> Proposal | None:
        return Proposal(params(number + 1)) if number < self.left else None

    def add(self, trial: TrialRecord) -> None:
        self.heard.append(("add", trial.number))

    def report(self, trial: TrialRecord) -> None:
        self.heard.append(("report", trial.number))

    def end(self, trial: TrialRecord) -> None:
        self.heard.append(("end", trial.number))


class Study:
    """A plan and the trials that it was told of."""

    def __init__(self, space: Space, study: StudyRecord, left: int = 1000) -> None:
        self.heard: list[tuple[str, int]] = []
        method = SearchMethod(space)
        method.sampler = Scripted(self.heard, left)
        method.observers = (method.sampler,)
        self.plan = Plan(space, study, method)
        self.trials: list[TrialRecord] = []

    def ask(self) -> TrialRecord | None:
        number = len(self.trials)
        following = self.plan.next(number)
        if following is None:
            return None
        trial = TrialRecord(
            number,
            following.sampled,
            number,
            replicates=following.replicates,
            sampled=following.sampled,
        )
        self.trials.append(trial)
        self.plan.add(trial)
        return trial

    def end(
        self,
        number: int,
        *values: float,
        outcome: Outcome = Outcome.COMPLETED,
        error: float = 0.0,
    ) -> None:
        metrics = dict(zip(("fd_digits", "seconds_per_kimg"), values, strict=False))
        metrics["seconds_per_kimg_error"] = error
        trial = replace(self.trials[number], reports=(Report(30, metrics),), outcome=outcome)
        self.trials[number] = trial
        self.plan.end(trial)

    def replicated(self) -> list[int | None]:
        """Whom the asks that are left repeat; none of them ends."""
        return [trial.replicates for trial in iter(self.ask, None)]


def test_the_front_and_points_within_its_noise_are_replicated(empty: StudyRecord) -> None:
    study = Study(space_of(trials=6), empty)
    for _ in range(6):
        study.ask()
    study.end(0, 10.0, 3.0)  # on the front
    study.end(1, 10.0 / (1 - QUALITY_TOLERANCE) - 1e-6, 3.0)  # within the noise of it
    study.end(2, 10.0 / (1 - QUALITY_TOLERANCE) + 1e-3, 3.0)
    study.end(3, 60.0, 1.0)  # the fastest, and beyond the bound
    study.end(4, 1.0, 1.0, outcome=Outcome.DIVERGED)
    study.end(5, 20.0, 2.0)  # on the front
    assert study.replicated() == [0, 1, 5, 0, 1, 5]
    assert [t.params["d_steps"] for t in study.trials[6:9]] == [1, 2, 6]


@pytest.mark.parametrize(("error", "again"), [(0.0, [0]), (0.01, [0]), (0.03, [0, 1])])
def test_a_point_that_is_slower_by_noise_alone_is_replicated(
    empty: StudyRecord, error: float, again: list[int]
) -> None:
    study = Study(space_of(trials=2, replicates=2), empty)
    study.ask(), study.ask()
    study.end(0, 10.0, 1.0, error=error)
    study.end(1, 11.0, 1.05, error=error)  # worse in both, and by more than noise in the first
    assert study.replicated() == again


def test_replicates_follow_the_means_and_not_the_first_training(empty: StudyRecord) -> None:
    study = Study(space_of(trials=2), empty)
    study.ask(), study.ask()
    study.end(0, 10.0, 1.0)
    study.end(1, 12.0, 1.0)
    assert study.ask().replicates == 0  # type: ignore[union-attr]
    study.end(2, 20.0, 1.0)  # 15 in the mean
    assert study.replicated() == [1, 1]


def test_a_failed_replicate_counts_as_a_training_and_raises_the_failure_rate(
    empty: StudyRecord,
) -> None:
    study = Study(space_of(trials=2), empty)
    study.ask(), study.ask()
    study.end(0, 10.0, 1.0)
    study.end(1, 11.0, 1.0)
    study.ask()
    study.end(2, outcome=Outcome.DIVERGED)
    # It is as good as before where it succeeds, but keeps off no one that has not failed.
    assert study.replicated() == [1, 0, 1]


def test_no_replicate_starts_before_the_budgets_trials(empty: StudyRecord) -> None:
    study = Study(space_of(trials=3), empty)
    study.ask()
    study.end(0, 10.0, 1.0)
    assert [study.ask().replicates for _ in range(3)] == [None, None, 0]  # type: ignore[union-attr]
    # The others still run; one that ends may be asked for again.
    assert study.replicated() == [0]
    study.end(1, 5.0, 1.0)
    assert study.replicated() == [1, 1]
    more = Study(space_of(trials=4), empty)
    more.trials = study.trials
    for trial in study.trials:
        more.plan.add(trial)
    assert more.ask().replicates is None  # type: ignore[union-attr]


def test_after_an_exhausted_sampler_the_front_is_replicated(empty: StudyRecord) -> None:
    study = Study(space_of(trials=9), empty, left=1)
    study.ask()
    study.end(0, 10.0, 1.0)
    assert study.replicated() == [0, 0]
    assert Study(space_of(trials=9, replicates=1), empty, left=0).ask() is None


def test_the_sampler_observes_first_trainings_alone(empty: StudyRecord) -> None:
    study = Study(space_of(trials=1), empty)
    study.ask()
    study.end(0, 10.0, 1.0)
    study.ask()
    study.plan.report(study.trials[1])
    study.end(1, 10.0, 1.0)
    assert study.heard == [("add", 0), ("end", 0)]


# --- In a study ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class Noisy:
    """Slow configurations are better; the seed moves a quality, and some trainings diverge."""

    space: Space

    def run(self, params: Params, seed: int) -> Curve:
        steps = float(params["d_steps"])
        luck = 1 + 0.1 * ((seed % 1000) / 500 - 1)
        kimg = (5.0,) if seed % 7 == 0 else (5.0, 30.0)
        quality = tuple((1 + 40 / steps) * luck * (1 + 5 / at) for at in kimg)
        ends = 12.0 if len(kimg) == 1 else float("inf")
        return Curve(kimg, {"fd_digits": quality}, 0.1 * steps, 10.0, ends)


def trainings_of(trials: tuple[TrialRecord, ...]) -> Mapping[str, list[TrialRecord]]:
    groups: dict[str, list[TrialRecord]] = {}
    for trial in trials:
        groups.setdefault(trial.configuration, []).append(trial)
    return groups


@pytest.mark.parametrize("stopping", ["asha", "none"])
def test_a_study_ends_when_its_front_has_its_replicates(stopping: str) -> None:
    problem = Noisy(space_of(trials=20, replicates=3, stopping=stopping))
    trials = simulate(problem, Cluster(workers=4)).method.record().trials
    assert sum(trial.replicates is None for trial in trials) == 20
    assert len({trial.seed for trial in trials}) == len(trials)
    again = [trial for trial in trials if trial.replicates is not None]
    assert all(t.params == trials[t.replicates].params for t in again if t.replicates is not None)
    assert all(trial.outcome != Outcome.STOPPED for trial in again)
    points: list[list[float]] = []
    counts: list[int] = []
    noise: list[list[float]] = []
    for group in trainings_of(trials).values():
        done = [t.last.metrics for t in group if t.outcome == Outcome.COMPLETED and t.last]
        fid, seconds = (
            float(np.mean([m[name] for m in done] or [np.inf]))
            for name in ("fd_digits", "seconds_per_kimg")
        )
        if fid <= 50:
            lost = sum(trial.outcome in CONFIGURATION_FAILURES for trial in group)
            points.append([fid, seconds, lost / (lost + len(done))])
            counts.append(len(group))
            root = np.sqrt(sum(m["fd_digits"] ** 2 for m in done)) / len(done)
            noise.append([QUALITY_TOLERANCE * root, 0.0, 0.0])
    near = near_front(points, noise)
    assert near.any()
    assert min(np.array(counts)[near]) >= 3


def test_replicates_do_not_change_decisions_at_rungs(empty: StudyRecord) -> None:
    def run(replicates: int) -> Policy:
        space = space_of(trials=4, replicates=replicates, stopping="asha")
        policy = Policy(space, empty)
        for fid in (40.0, 39.0, 38.0, 37.0):
            finish(policy, fid)
        while (ask := policy.ask()) is not None:
            finish(policy, 1.0, ask)
        return Policy(space_of(trials=9, replicates=replicates, stopping="asha"), policy.record())

    def finish(policy: Policy, fid: float, ask: Ask | None = None) -> None:
        ask = ask or policy.ask()
        assert ask is not None
        for kimg in (5.0, 30.0):
            if not policy.report(
                ask.number, Report(kimg, {"fd_digits": fid, "seconds_per_kimg": 1.0})
            ):
                return

    plain, repeated = run(1), run(3)
    assert len(repeated.record().trials) > len(plain.record().trials)
    for policy in (plain, repeated):
        finish(policy, 36.0)  # as good as the best fresh one: among the best third
    last = [policy.record().trials[-1] for policy in (plain, repeated)]
    assert [trial.outcome for trial in last] == [Outcome.COMPLETED] * 2


def test_a_replicate_is_on_record_with_the_trial_that_it_repeats(
    empty: StudyRecord, trial: Callable[..., TrialRecord]
) -> None:
    written = layout.running_trial(space_of(), trial(3, replicates=1)).user_attrs
    assert layout.trial_of(written).replicates == 1
    del written["replicates"]  # as of a study from before
    assert layout.trial_of(written).replicates is None


# --- Taken from earlier studies -----------------------------------------------------------------


def params(d_steps: int) -> Params:
    return {"variant": "gan", "d_steps": d_steps}


def test_priors_are_tried_after_the_papers_configurations_and_observed_by_the_sampler(
    empty: StudyRecord,
) -> None:
    metrics = {"fd_digits": 3.0, "seconds_per_kimg": 1.0}
    priors = (
        Prior("old", 4, params(31)),
        Prior("old", 5, params(32), metrics),
        Prior("old", 6, params(33)),
        Prior("old", 7, params(34), metrics),
    )
    study = Study(space_of(trials=4), replace(empty, priors=priors))
    told = [(verb, number) for number in (-2, -1) for verb in ("add", "report", "end")]
    assert study.heard == told
    asked = [study.ask() for _ in range(4)]
    assert [trial.params["d_steps"] for trial in asked if trial] == [1, 31, 33, 4]
    # What an earlier study has measured is on no front of this one.
    assert study.replicated() == []
