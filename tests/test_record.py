"""Records of studies and trials as plain values."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gansearch.record import (
    CONFIGURATION_FAILURES,
    Ancestor,
    Outcome,
    Report,
    TrialRecord,
    images_of,
    kimg_of,
)

PARAMS = {"variant": "gan", "g_lr": 0.1}


def test_kimg_that_differ_by_rounding_are_the_same_images() -> None:
    assert images_of(0.1 + 0.2) == images_of(0.3) == 300


@given(st.integers(0, 10**9))
def test_images_survive_the_conversion_to_kimg_and_back(images: int) -> None:
    assert images_of(kimg_of(images)) == images


def test_trials_of_a_configuration_differ_in_their_seed_alone() -> None:
    trial = TrialRecord(0, PARAMS, seed=0)
    same = (
        TrialRecord(1, PARAMS, seed=5, replicates=0),
        TrialRecord(2, {**PARAMS, "seed": 3}, seed=3),
        TrialRecord(3, dict(reversed(PARAMS.items())), seed=0, outcome=Outcome.FAILED),
    )
    assert {other.configuration for other in same} == {trial.configuration}
    child = replace(trial, lineage=(Ancestor(4, {**PARAMS, "g_lr": 0.2}, 1.0),))
    later = replace(child, lineage=(Ancestor(5, {**PARAMS, "g_lr": 0.2}, 2.0),))
    sibling = replace(child, lineage=(Ancestor(6, {**PARAMS, "g_lr": 0.2}, 1.0),))
    assert sibling.configuration == child.configuration  # whichever trial it continues
    different = (trial, replace(trial, params={**PARAMS, "g_lr": 0.2}), child, later)
    assert len({other.configuration for other in different}) == 4


@pytest.mark.parametrize(
    ("lineage", "kimg", "reached"),
    [((), (), 0.0), ((), (1.0, 5.0), 5.0), ((2.0,), (), 2.0), ((1.0, 2.0), (5.0,), 5.0)],
)
def test_a_trial_has_reached_its_last_report_or_its_start(
    lineage: tuple[float, ...], kimg: tuple[float, ...], reached: float
) -> None:
    trial = TrialRecord(
        2,
        PARAMS,
        seed=0,
        reports=tuple(Report(each, {}) for each in kimg),
        lineage=tuple(Ancestor(number, PARAMS, each) for number, each in enumerate(lineage)),
    )
    assert trial.reached == reached
    assert (trial.last is None) == (not kimg)


def test_the_moment_of_a_report_is_not_compared() -> None:
    assert Report(1.0, {"fid": 2.0}, moment=1.0) == Report(1.0, {"fid": 2.0}, moment=2.0)


def test_failures_of_machines_are_not_in_the_failure_rate() -> None:
    assert not CONFIGURATION_FAILURES & {Outcome.COMPLETED, Outcome.FAILED}
