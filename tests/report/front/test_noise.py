"""Standard errors of what trials report."""

from __future__ import annotations

import numpy as np
import pytest

from gansearch.report.front.noise import QUALITY_SHARE, birge_ratio, error_of_mean, standard_error
from gansearch.report.front.uncertainty import SIGNIFICANT


def test_a_report_says_what_its_errors_are() -> None:
    metrics = {"seconds_per_kimg": 2.0, "seconds_per_kimg_error": 0.1, "peak_memory_mib": 9.0}
    assert standard_error("seconds_per_kimg", metrics) == 0.1
    assert standard_error("peak_memory_mib", metrics) == 0.0


def test_a_quality_moves_with_its_latents() -> None:
    error = standard_error("parzen", {"parzen": -20.0})
    assert SIGNIFICANT * error == pytest.approx(20 * QUALITY_SHARE)
    assert standard_error("accuracy", {"accuracy": 0.9}) == 0.0  # the variant's own, on no latents
    assert standard_error("fid", {"fid": 9.0, "fid_error": 0.0}) == 0.0


def test_the_error_of_a_mean_is_that_of_many_means() -> None:
    errors = [0.1, 0.2, 0.4]
    drawn = np.random.default_rng(0).normal(scale=errors, size=(100_000, 3)).mean(axis=1)
    assert error_of_mean(errors) == pytest.approx(drawn.std(), rel=0.01)
    assert error_of_mean([0.3]) == 0.3


@pytest.mark.parametrize("times", [1.5, 4.0])
def test_repeats_that_scatter_more_than_stated_enlarge_the_errors(times: float) -> None:
    random = np.random.default_rng(0)
    groups = []
    for _ in range(2000):
        errors = np.full(random.integers(1, 5), random.uniform(0.1, 9))
        groups.append((list(random.normal(7, times * errors)), list(errors)))
    assert birge_ratio(groups) == pytest.approx(times, rel=0.03)


def test_repeats_that_agree_make_no_error_smaller() -> None:
    assert birge_ratio([([1.0, 1.001, 0.999], [0.1] * 3)]) == 1.0


def test_what_was_not_repeated_or_is_exact_tells_nothing() -> None:
    assert birge_ratio([]) == 1.0
    assert birge_ratio([([1.0], [0.1]), ([1.0, 9.0], [0.0, 0.0])]) == 1.0
