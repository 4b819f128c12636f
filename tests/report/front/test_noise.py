"""Standard errors of what trials report."""

from __future__ import annotations

import numpy as np
import pytest

from gansearch.report.front.noise import (
    QUALITY_TOLERANCE,
    birge_ratio,
    error_of_mean,
    standard_error,
)
from gansearch.report.front.uncertainty import NORMAL_QUANTILE


def test_a_reported_error_counts_and_other_costs_are_exact() -> None:
    metrics = {"seconds_per_kimg": 2.0, "seconds_per_kimg_error": 0.1, "peak_memory_mib": 9.0}
    assert standard_error("seconds_per_kimg", metrics) == 0.1
    assert standard_error("peak_memory_mib", metrics) == 0.0


def test_a_quality_without_an_error_has_the_tolerance() -> None:
    error = standard_error("parzen", {"parzen": -20.0})
    assert NORMAL_QUANTILE * error == pytest.approx(20 * QUALITY_TOLERANCE)
    assert standard_error("accuracy", {"accuracy": 0.9}) == 0.0  # the variant's own, on no latents
    assert standard_error("fid", {"fid": 9.0, "fid_error": 0.0}) == 0.0


def test_the_error_of_a_mean_is_that_of_many_means() -> None:
    errors = [0.1, 0.2, 0.4]
    drawn = np.random.default_rng(0).normal(scale=errors, size=(100_000, 3)).mean(axis=1)
    assert error_of_mean(errors) == pytest.approx(drawn.std(), rel=0.01)
    assert error_of_mean([0.3]) == 0.3


@pytest.mark.parametrize("times", [1.5, 4.0])
def test_birge_ratio_is_the_excess_scatter_of_repeats(times: float) -> None:
    random = np.random.default_rng(0)
    groups = []
    for _ in range(2000):
        errors = np.full(random.integers(1, 5), random.uniform(0.1, 9))
        groups.append((list(random.normal(7, times * errors)), list(errors)))
    assert birge_ratio(groups) == pytest.approx(times, rel=0.03)


def test_birge_ratio_is_at_least_one() -> None:
    assert birge_ratio([([1.0, 1.001, 0.999], [0.1] * 3)]) == 1.0


def test_single_and_exact_values_do_not_change_the_birge_ratio() -> None:
    assert birge_ratio([]) == 1.0
    assert birge_ratio([([1.0], [0.1]), ([1.0, 9.0], [0.0, 0.0])]) == 1.0
