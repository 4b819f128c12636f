"""A real study and a simulated one decide alike: the same results, the same answers."""

from __future__ import annotations

import json
import math
import sys
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest
import ray
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ray.tune.schedulers import TrialScheduler
from ray.tune.search import Searcher

from gansearch.config import TrainConfig
from gansearch.record import Outcome, Report, StudyRecord, TrialRecord
from gansearch.search.engine import tune
from gansearch.search.engine.cluster import cluster
from gansearch.search.engine.tune import (
    PolicyScheduler,
    PolicySearcher,
    SearchAdaptor,
    StopCondition,
)
from gansearch.search.engine.worker import Job, Send
from gansearch.search.policy import Ask, Policy
from gansearch.search.samplers.registry import SAMPLERS
from gansearch.search.simulation.simulate import Clock, Cluster, Problem, policy, simulate
from gansearch.search.stopping.registry import STOPPING_RULES
from gansearch.settings import Params
from gansearch.space import SearchConfig, Space

MakeProblem = Callable[..., Problem]
NO_TAGS: Mapping[str, str] = MappingProxyType({})
ROUGH = Cluster(workers=5, speeds=(1.0, 0.5), memory_mib=100, delay_s=0.2, crash_s=20.0)
searches = st.fixed_dictionaries(
    {
        "sampler": st.sampled_from([name for name in SAMPLERS if name not in ("grid", "pbt")]),
        "stopping": st.sampled_from(list(STOPPING_RULES)),
        "seed": st.integers(0, 3),
    }
)


def sampled(config: TrainConfig) -> Params:
    return {"variant": config.variant, **config.settings.model_dump()}


def decided(record: StudyRecord) -> list[TrialRecord]:
    """The decisions of a record, without times and hosts."""
    return [replace(trial, started=0.0, ended=None, tags={}) for trial in record.trials]


def replayed(space: Space, record: StudyRecord) -> StudyRecord:
    """The record of a new policy after a record's events in the order of their moments."""
    moments = deque([0.0])
    new = Policy(space, replace(record, trials=()), clock=moments.popleft)
    events = sorted(steps(new, record), key=lambda event: event[0])
    ends = {trial.ended for trial in record.trials if trial.ended is not None}
    moments.extend(sorted(ends | {moment for moment, _ in events}))
    for _, step in events:
        step()
    assert not moments
    return new.record()


def steps(new: Policy, record: StudyRecord) -> Iterator[tuple[float, Callable[[], None]]]:
    for trial in record.trials:
        yield trial.started, partial(check_ask, new, trial)
        for report in trial.reports:
            yield report.moment, partial(check_report, new, trial, report)
        if trial.outcome not in (None, Outcome.STOPPED, Outcome.COMPLETED):
            yield trial.ended or 0.0, partial(tell, new, trial)


def check_ask(new: Policy, trial: TrialRecord) -> None:
    assert new.ask() == Ask(trial.number, trial.params, trial.seed)


def check_report(new: Policy, trial: TrialRecord, report: Report) -> None:
    stops = trial.outcome == Outcome.STOPPED and report is trial.last
    assert new.report(trial.number, report) == (not stops)
    if trial.outcome == Outcome.COMPLETED and report is trial.last:
        tell(new, trial)


def tell(new: Policy, trial: TrialRecord) -> None:
    assert trial.outcome is not None
    new.tell(trial.number, trial.outcome, trial.reason, trial.tags)


@settings(max_examples=15, suppress_health_check=list(HealthCheck))
@given(search=searches)
def test_a_study_replayed_by_its_moments_is_the_same_study(
    search: dict[str, Any], landscape: MakeProblem
) -> None:
    problem = landscape(trials=16, **search)
    record = simulate(problem, ROUGH).method.record()
    again = replayed(problem.space, record)
    assert again == record
    assert [[r.moment for r in trial.reports] for trial in again.trials] == [
        [r.moment for r in trial.reports] for trial in record.trials
    ]


# --- Through Ray Tune ---------------------------------------------------------------------------


class ThroughTune:
    """A policy behind Ray's searcher and scheduler, which are called as Tune calls them."""

    def __init__(self, space: Space, clock: Clock) -> None:
        self.policy = policy(space, clock)
        adaptor = SearchAdaptor(self.policy)
        self.searcher = PolicySearcher(adaptor, space, "/results")
        self.scheduler = PolicyScheduler(adaptor)

    def ask(self) -> Ask | None:
        job = self.searcher.suggest(f"t{len(self.policy.record().trials)}")
        if job == Searcher.FINISHED:
            return None
        config = job["config"]
        params = self.policy.record().trials[job["number"]].params
        assert params.items() <= sampled(config).items()
        return Ask(job["number"], params, config.seed)

    def report(self, number: int, report: Report) -> bool:
        return self.answers(number, report=json.dumps(asdict(report)))

    def tell(
        self, number: int, outcome: Outcome, reason: str = "", tags: Mapping[str, str] = NO_TAGS
    ) -> None:
        assert not tags
        self.answers(number, outcome=outcome.value, reason=reason, host="here")

    def record(self) -> StudyRecord:
        return self.policy.record()

    def answers(self, number: int, **result: str) -> bool:
        trial: Any = type("Trial", (), {"config": {"number": number}})
        goes_on = self.scheduler.on_trial_result(None, trial, result) == TrialScheduler.CONTINUE
        if not goes_on:
            self.searcher.on_trial_complete(f"t{number}")
        return goes_on


@settings(max_examples=10, suppress_health_check=list(HealthCheck))
@given(search=searches)
def test_tunes_searcher_and_scheduler_change_no_decision(
    search: dict[str, Any], landscape: MakeProblem
) -> None:
    problem = landscape(trials=16, concurrency=ROUGH.workers, **search)
    endless = replace(ROUGH, memory_mib=math.inf)  # predicted memory has a message of its own
    bare, through = (simulate(problem, endless, method) for method in (None, ThroughTune))
    assert decided(through.method.record()) == decided(bare.method.record())
    assert through.ends == bare.ends


def trainer(problem: Problem) -> Callable[[Job, Send], None]:
    """Stands in for training: a job's reports are those of the problem's curve."""

    def train(job: Job, send: Send) -> None:
        config = job["config"]
        curve = problem.run(sampled(config), config.seed)
        for kimg in (*job["rungs"], config.max_kimg):
            if curve.diverges_at <= kimg:
                reason = f"nan at {curve.diverges_at:g} kimg"
                return send({"outcome": "diverged", "reason": reason, "host": "here"})
            send({"report": json.dumps(asdict(curve.report(kimg)))})
        return send({"outcome": "completed", "reason": "", "host": "here"})

    return train


@pytest.mark.slow
@pytest.mark.parametrize("concurrency", [1, 4])
def test_a_study_on_ray_decides_as_its_simulation(
    concurrency: int,
    ray_here: None,
    landscape: MakeProblem,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    usual = SearchConfig(concurrency=concurrency).model_dump()
    problem = landscape(trials=24, **usual)
    space = problem.space.model_copy(
        update={"resources": problem.space.resources.model_copy(update={"cpus": 0.5})}
    )
    ray.cloudpickle.register_pickle_by_value(sys.modules[type(problem).__module__])
    monkeypatch.setattr(tune, "train_trial", trainer(problem))
    adaptor = SearchAdaptor(Policy(space, StudyRecord("s", "", "", 0.0, {}, ())))
    with cluster(None, space):
        tune.search(adaptor, space, str(tmp_path), StopCondition(None))
    assert adaptor.error is None
    record = adaptor.policy.record()
    outcomes = {trial.outcome for trial in record.trials}
    assert {Outcome.STOPPED, Outcome.COMPLETED} <= outcomes
    assert replayed(space, record) == record
    if concurrency == 1:  # with more, the order of reports is the machine's
        simulated = simulate(problem, Cluster(workers=1)).method.record()
        assert decided(record) == decided(simulated)
