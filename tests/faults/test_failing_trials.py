"""A study of which a third diverges, one trial raises and one runs out of memory ends well."""

from __future__ import annotations

import math
import os
import resource
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import ray
import torch

from gansearch.pareto import non_dominated
from gansearch.record import Outcome, StudyRecord
from gansearch.report.front.selection import select
from gansearch.search.engine import tune
from gansearch.search.engine.worker import Job, Send, train_trial
from gansearch.space import Space, parse_space
from gansearch.study.run import run_study

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]

SPACE = """
name: troubled
variant: dcgan
data: {name: digits, holdout: 0.5}
evaluation: {samples: 200}
training: {batch_size: 64, g_channels: 8, d_channels: 8}
parameters:
  g_lr: {type: float, low: 1e-3, high: 4e-3, log: true}
objectives:
  fd_digits: minimize
  seconds_per_kimg: minimize
budget: {trials: 9, max_kimg: 6, rungs: [3]}
resources: {cpus: 1}
search: {sampler: tpe, stopping: none, retries: 1}
"""


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Space, StudyRecord]]:
    short = Path("/tmp") / f"gs-{os.getpid()}"  # noqa: S108 - sockets want short paths
    ray.init(
        "local",
        num_cpus=2,
        include_dashboard=False,
        object_store_memory=100 * 2**20,
        log_to_driver=False,
        _temp_dir=str(short),
    )
    ray.cloudpickle.register_pickle_by_value(sys.modules[__name__])
    results = tmp_path_factory.mktemp("results")
    space = parse_space(SPACE, "troubled.yaml")
    patch = pytest.MonkeyPatch()
    patch.setattr(tune, "train_trial", troubled)
    yield space, run_study(space, name="s", results=results)
    patch.undo()
    ray.shutdown()
    shutil.rmtree(short, ignore_errors=True)


def troubled(job: Job, send: Send) -> None:
    """Every third trial's weights break, the first trial raises, the second runs out of memory."""
    from gansearch.train.run import Trainer

    healthy = Trainer.advance

    def diverge(trainer: Trainer, to_kimg: float) -> None:
        for weights in trainer.variant.parameters():
            weights.data.fill_(math.nan)
        healthy(trainer, to_kimg)

    def fail(_trainer: Trainer, _to_kimg: float) -> None:
        raise ZeroDivisionError("a bug")

    def exhaust(_trainer: Trainer, _to_kimg: float) -> None:
        used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (used + 2**28, used + 2**28))
        torch.empty(2**32, dtype=torch.uint8)

    trouble = {0: fail, 1: exhaust}.get(job["number"], healthy)
    Trainer.advance = diverge if job["number"] % 3 == 2 else trouble  # type: ignore[method-assign]
    train_trial(job, send)


def by_outcome(record: StudyRecord, outcome: Outcome) -> list[int]:
    return [trial.number for trial in record.trials if trial.outcome == outcome]


def test_every_trial_has_its_outcome(study: tuple[Space, StudyRecord]) -> None:
    _, record = study
    assert by_outcome(record, Outcome.FAILED) == [0]
    assert by_outcome(record, Outcome.OUT_OF_MEMORY) == [1]
    assert by_outcome(record, Outcome.DIVERGED) == [2, 5, 8]
    assert by_outcome(record, Outcome.COMPLETED) == [3, 4, 6, 7]


def test_the_reasons_are_named(study: tuple[Space, StudyRecord]) -> None:
    _, record = study
    reasons = [trial.reason for trial in record.trials]
    assert reasons[0] == "ZeroDivisionError: a bug"
    assert "allocate memory" in reasons[1]
    assert all("nan" in reasons[number] for number in (2, 5, 8))


def test_the_front_is_the_front_of_the_completed_trials(study: tuple[Space, StudyRecord]) -> None:
    space, record = study
    completed = by_outcome(record, Outcome.COMPLETED)
    names = [objective.metric for objective in space.objectives]
    reports = [record.trials[number].reports[-1] for number in completed]
    points = np.array([[report.metrics[name] for name in names] for report in reports])
    expected = {number for number, on in zip(completed, non_dominated(points), strict=True) if on}
    assert {trial.number for trial in select(space, record).front} == expected
    assert expected
