"""A synthetic study that looks like a real one, for everything that reads records."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import hypothesis
import numpy as np
import pytest

from gansearch.record import Outcome, Report, StudyRecord, TrialRecord
from gansearch.space.models import Space

os.environ.setdefault("OMP_NUM_THREADS", "1")  # tests run side by side, a core each
hypothesis.settings.register_profile("gansearch", deadline=None)  # no limits on absolute time
hypothesis.settings.load_profile("gansearch")

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
                {"metric": "fid_digits", "direction": "minimize"},
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
                "fid_digits": (final + 150 * float(np.exp(-kimg / 6)))
                * float(random.lognormal(0, 0.08)),
                "seconds_per_kimg": speed,
                "peak_memory_mib": 60 + 90 * speed * float(random.uniform(0.6, 1.6)),
                "train_seconds": speed * kimg,
                "d_loss": float(random.uniform(0.4, 1.4)),
            },
            {"fid_digits": "digits-900-v1"},
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


@pytest.fixture(scope="session")
def make_study() -> Callable[..., Study]:
    """Makes a space and a record of it; keywords change the space."""

    def make(trials: int = 40, seed: int = 0, **changes: Any) -> Study:
        record = StudyRecord(
            name="synthetic-1",
            space_yaml="name: synthetic\n",
            space_file="synthetic.yaml",
            started=START,
            tags={"floor/fid_digits": "1.1", "data": "digits"},
            trials=tuple(synthetic_trial(number, seed) for number in range(trials)),
        )
        return synthetic_space(**changes), record

    return make
