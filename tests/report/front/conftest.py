"""Completed trials with given objectives, and studies of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from gansearch.record import Outcome, Report, Score, StudyRecord, TrialRecord
from gansearch.space import Space

Make = Callable[..., tuple[Space, StudyRecord]]
OBJECTIVES = ("fd_digits", "seconds_per_kimg", "peak_memory_mib")


@pytest.fixture(scope="session")
def make_trial() -> Callable[..., TrialRecord]:
    """Makes a completed trial from its number and its objectives, minimised, in order."""

    def make(number: int, *values: float, kimg: float = 30.0, **changes: Any) -> TrialRecord:
        metrics = dict(zip(OBJECTIVES, values, strict=False))
        report = Report(kimg, metrics, changes.pop("protocols", {"fd_digits": "a"}))
        changes = {"outcome": Outcome.COMPLETED, "reports": (report,), **changes}
        return TrialRecord(
            number=number, params={"variant": "gan", "d_steps": number}, seed=0, **changes
        )

    return make


@pytest.fixture
def study(make_study: Make) -> Callable[..., tuple[Space, StudyRecord]]:
    """Makes a study of given trials; keywords change the space."""

    def of(*trials: TrialRecord, **changes: Any) -> tuple[Space, StudyRecord]:
        space, record = make_study(0, **changes)
        return space, replace(record, trials=trials)

    return of


@pytest.fixture(scope="session")
def numbers() -> Callable[..., list[int]]:
    """Returns the numbers of trials."""
    return lambda trials: [trial.number for trial in trials]


@pytest.fixture(scope="session")
def rescored() -> Callable[..., TrialRecord]:
    """Gives a trial scores of its quality, one per seed of latents."""

    def rescore(
        trial: TrialRecord, *values: float, protocol: str = "10000 images from x"
    ) -> TrialRecord:
        seeds = tuple(range(1, len(values) + 1))
        return replace(trial, scores={"fd_digits": Score(30.0, seeds, values, protocol, 0.0)})

    return rescore


@pytest.fixture(scope="session")
def training(make_trial: Callable[..., TrialRecord]) -> Callable[..., TrialRecord]:
    """Makes another training of a trial's configuration."""

    def make(number: int, of: TrialRecord, *values: float, **changes: Any) -> TrialRecord:
        """Another training of a trial's configuration."""
        again = make_trial(number, *values, **changes)
        return replace(again, params=of.params, seed=number, replicates=of.number)

    return make


@pytest.fixture(scope="session")
def noisy(make_trial: Callable[..., TrialRecord]) -> Callable[..., TrialRecord]:
    """Makes a trial whose time and memory have a relative standard error."""

    def make(number: int, *values: float, error: float = 0.03) -> TrialRecord:
        """A trial whose time and memory are reported with a relative standard error."""
        made = make_trial(number, *values)
        (report,) = made.reports
        errors = {f"{name}_error": error * report.metrics[name] for name in OBJECTIVES[1:]}
        return replace(made, reports=(replace(report, metrics={**report.metrics, **errors}),))

    return make
