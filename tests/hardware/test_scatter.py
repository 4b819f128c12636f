"""Standard errors of times and of memory."""

from __future__ import annotations

import math
from math import hypot

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gansearch.hardware.scatter import (
    MEMORY_MIB,
    MEMORY_SHARE,
    REPEAT_DEVIATION,
    SHARED_ERROR,
    rate_error,
    resident_error,
)

rates = st.lists(st.floats(0.01, 100), min_size=1, max_size=20)


def test_a_single_measurement_has_the_deviation_between_processes() -> None:
    assert rate_error([2.0], 2.0) == pytest.approx(REPEAT_DEVIATION * 2)


def test_a_rate_without_measurements_has_a_large_error() -> None:
    assert rate_error([], 2.0) == SHARED_ERROR * 2


@pytest.mark.parametrize("count", [5, 25, 100])
def test_measurements_add_the_error_of_their_median(count: int) -> None:
    drawn = 1 + 0.1 * np.random.default_rng(count).normal(size=(2000, count))
    medians = np.median(drawn, axis=1)
    errors = [rate_error(list(each), m) for each, m in zip(drawn, medians, strict=True)]
    assert np.mean(errors) == pytest.approx(hypot(REPEAT_DEVIATION, medians.std()), rel=0.1)


def test_a_single_outlier_hardly_changes_the_error() -> None:
    assert rate_error([*[1.0, 1.01, 0.99] * 5, 9.0], 1.0) < 1.02 * REPEAT_DEVIATION


@given(rates, st.floats(0.01, 100))
def test_an_error_has_the_unit_of_the_rate(measured: list[float], unit: float) -> None:
    own = rate_error(measured, float(np.median(measured)))
    scaled = [unit * rate for rate in measured]
    assert rate_error(scaled, float(np.median(scaled))) == pytest.approx(unit * own, rel=1e-6)


def test_resident_memory_scatters_by_pages_and_by_a_share() -> None:
    assert resident_error(0.0) == MEMORY_MIB
    assert resident_error(8.0) == pytest.approx(math.hypot(MEMORY_MIB, 8 * MEMORY_SHARE))


def test_large_peaks_of_one_configuration_lie_within_two_of_their_errors() -> None:
    """Six runs of one ``gan`` in processes of their own, in MiB."""
    measured = [26.1, 33.6, 35.8, 16.5, 31.5, 31.0]
    center = np.mean(measured)
    assert all(abs(each - center) < 2 * resident_error(center) for each in measured)
    assert resident_error(center) < 1.5 * np.std(measured, ddof=1)
