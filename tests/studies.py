"""Studies on record, with and without weights, and spaces for them; fixtures of all tests."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gansearch.record import Outcome, Report, StudyRecord, TrialRecord
from gansearch.space import Space

Study = tuple[Space, StudyRecord]


START = 1_760_000_000.0


def synthetic_space(**changes: Any) -> Space:
    return Space.model_validate(
        {
            "name": "synthetic",
            "variant": ("dcgan", "gan"),
            "parameters": {
                "d_steps": {"type": "choice", "values": (1, 2, 3, 5)},
                "g_lr": {"type": "float", "low": 2e-5, "high": 0.1, "log": True},
            },
            "objectives": (
                {"metric": "fd_digits", "direction": "minimize"},
                {"metric": "seconds_per_kimg", "direction": "minimize"},
                {"metric": "peak_memory_mib", "direction": "minimize"},
            ),
            "budget": {"trials": 40, "max_kimg": 30.0, "rungs": (5.0, 10.0)},
            **changes,
        }
    )


def synthetic_trial(number: int, seed: int = 0) -> TrialRecord:
    """A trial whose quality falls with kimg; some stop, some diverge, as their number has it."""
    random = np.random.default_rng((seed, number))
    variant = str(random.choice(["dcgan", "gan"]))
    speed = float(random.lognormal(0.0 if variant == "dcgan" else -1.2, 0.5))
    final = 2.0 + 18.0 * float(random.lognormal(0, 0.8)) / (1 + 2 * speed)
    outcome = [Outcome.COMPLETED, Outcome.STOPPED, Outcome.STOPPED, Outcome.COMPLETED][number % 4]
    if number % 9 == 8:
        outcome = Outcome.DIVERGED
    rungs = {Outcome.COMPLETED: (5.0, 10.0, 30.0), Outcome.STOPPED: (5.0, 10.0)[: 1 + number % 2]}
    reports = tuple(
        Report(
            kimg,
            {
                "fd_digits": (final + 150 * float(np.exp(-kimg / 6)))
                * float(random.lognormal(0, 0.08)),
                "seconds_per_kimg": speed,
                "peak_memory_mib": 60 + 90 * speed * float(random.uniform(0.6, 1.6)),
                "train_seconds": speed * kimg,
                "d_loss": float(random.uniform(0.4, 1.4)),
            },
            {"fd_digits": "digits-900-v1"},
        )
        for kimg in rungs.get(outcome, ())
    )
    return TrialRecord(
        number=number,
        params={
            "variant": variant,
            "d_steps": int(random.choice([1, 2, 3, 5])),
            "g_lr": float(10 ** random.uniform(-4.5, -1)),
        },
        seed=1000 + number,
        reports=reports,
        outcome=outcome,
        reason={Outcome.STOPPED: "below the cut", Outcome.DIVERGED: "nan at 2 kimg"}.get(
            outcome, ""
        ),
        started=START + 10 * number,
        ended=START + 10 * number + 60,
        tags={"device": "cpu"},
    )


TRAINED = """\
name: trained
variant: gan
data: {name: digits, holdout: 0.5}
evaluation: {samples: 100}
training: {batch_size: 16, g_hidden: 16, d_hidden: 16, d_pieces: 2}
parameters: {g_lr: [0.05, 0.1]}
objectives: {fd_digits: minimize, seconds_per_kimg: minimize}
budget: {trials: 2, max_kimg: 0.1, rungs: []}
"""


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A results folder with a study of two trials, ``s``, whose weights are there; for reading."""
    from gansearch.search.storage.checkpoints import TrialFolder
    from gansearch.search.storage.store import StudyStore
    from gansearch.space import parse_space
    from gansearch.train.run import run_training
    from gansearch.urls import sqlite_url

    results = tmp_path_factory.mktemp("trained")
    space = parse_space(TRAINED, "trained.yaml")
    with StudyStore.create(sqlite_url(results / "studies.db"), "s", space) as store:
        for number, rate in enumerate((0.05, 0.1)):
            params = {"variant": "gan", "g_lr": rate}
            folder = TrialFolder(str(results / "s" / f"trial_{number:05d}"))
            reports: list[Report] = []

            def keep(
                report: Report,
                checkpoint: Path,
                folder: TrialFolder = folder,
                reports: list[Report] = reports,
            ) -> bool:
                reports.append(folder.publish(checkpoint, report))
                return True

            config = space.train_config(params, number)
            outcome, _ = run_training(config, (), results / "scratch", keep)
            assert outcome is Outcome.COMPLETED
            trial = TrialRecord(number, params, number, tuple(reports), outcome, started=START)
            store.record_trial(trial)
            store.record_end(trial)
    return results


@pytest.fixture(scope="session")
def make_study() -> Callable[..., Study]:
    """Makes a space and a record of it; keywords change the space."""

    def make(trials: int = 40, seed: int = 0, **changes: Any) -> Study:
        record = StudyRecord(
            name="synthetic-1",
            space_yaml="name: synthetic\n",
            space_file="synthetic.yaml",
            started=START,
            tags={"floor/fd_digits": "1.1", "data": "digits"},
            trials=tuple(synthetic_trial(number, seed) for number in range(trials)),
        )
        return synthetic_space(**changes), record

    return make


@pytest.fixture
def tiny_space() -> Callable[..., Space]:
    """A space over ``gan`` on digits; keyword arguments replace whole sections."""

    def make(**sections: Any) -> Space:
        return Space.model_validate(
            {
                "name": "tiny",
                "variant": ["gan"],
                "parameters": {"g_lr": {"type": "float", "low": 0.01, "high": 0.2, "log": True}},
                "objectives": [
                    {"metric": "fd_digits", "direction": "minimize"},
                    {"metric": "train_seconds", "direction": "minimize"},
                ],
                "budget": {"trials": 4, "max_kimg": 10, "rungs": [2, 5]},
                "search": {"sampler": "random", "stopping": "none"},
                **sections,
            }
        )

    return make


def running_trial(number: int, *values: float, **fields: Any) -> TrialRecord:
    """A trial that reported these values of ``fd_digits`` at 5, 10 and 30 kimg."""
    rungs = zip((5.0, 10.0, 30.0), values, strict=False)
    reports = tuple(
        Report(kimg, {"fd_digits": value, "seconds_per_kimg": 1.0}) for kimg, value in rungs
    )
    fields = {"params": {"variant": "gan", "d_steps": 1 + number}, "seed": number, **fields}
    return TrialRecord(number, reports=reports, **fields)


@pytest.fixture
def running_study(make_study: Callable[..., Study]) -> Study:
    """A study of 40 trials of 30 kimg with rungs at 5 and 10, of which four have ended."""
    space, record = make_study(0)
    reason = "fd_digits 95 at 5 kimg is not among the best"
    trials = (
        running_trial(0, 90, 50, 20, outcome=Outcome.COMPLETED),
        running_trial(1, 95, outcome=Outcome.STOPPED, reason=reason),
        running_trial(2, 80, 40, 10, outcome=Outcome.COMPLETED),
        running_trial(3, 3, outcome=Outcome.DIVERGED, reason="nan [at 7 kimg]"),
        running_trial(4, 70, 60),
        running_trial(5),
    )
    return space, replace(record, trials=trials)


@pytest.fixture(scope="session")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A results folder with a study ``s`` of 40 trials on record, without weights; for reading."""
    from gansearch.search.storage.store import StudyStore
    from gansearch.space import parse_space
    from gansearch.urls import sqlite_url

    folder = tmp_path_factory.mktemp("recorded")
    space, tags = parse_space(RECORDED, "small.yaml"), {"floor/fd_digits": "1.1", "data": "digits"}
    with StudyStore.create(sqlite_url(folder / "studies.db"), "s", space, tags) as store:
        for number in range(40):
            trial = synthetic_trial(number)
            store.record_trial(trial)
            store.record_end(trial)
    return folder


RECORDED = """\
name: small
variant: [dcgan, gan]
parameters:
  d_steps: [1, 2, 3, 5]
  g_lr: {type: float, low: 2e-5, high: 0.1, log: true}
objectives:
  fd_digits: minimize
  seconds_per_kimg: minimize
  peak_memory_mib: minimize
budget: {trials: 40, max_kimg: 30, rungs: [5, 10]}
"""
