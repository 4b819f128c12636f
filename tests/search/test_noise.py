"""Standard errors of measured costs, and their extrapolation to the full budget."""

import numpy as np
import pytest

from gansearch.record import Report
from gansearch.search.noise import at_full_budget, relative_scatter, standard_errors


def test_a_cumulative_metric_is_its_rate_times_the_budget() -> None:
    metrics = {"train_seconds": 12.0, "train_seconds_error": 0.6, "peak_memory_mib": 80.0}
    report = Report(5.0, metrics)
    assert at_full_budget(report, "train_seconds", 30.0) == (72.0, pytest.approx(3.6))
    assert at_full_budget(report, "peak_memory_mib", 30.0) == (80.0, 0.0)


def test_scatter_is_that_of_repeats_only() -> None:
    random = np.random.default_rng(0)
    sizes = np.repeat(10 ** random.uniform(-1, 2, 200), 3)  # 200 configurations, 3 trainings each
    values = sizes[:, None] * (1 + [0.05, 0.01] * random.standard_normal((600, 2)))
    found = relative_scatter(values, np.repeat(np.arange(200), 3).tolist())
    np.testing.assert_allclose(found, [0.05, 0.01], rtol=0.1)
    assert relative_scatter(values, list(range(600))).tolist() == [0.0, 0.0]


def test_an_error_is_the_larger_of_the_measured_one_and_the_scatter() -> None:
    values, measured = np.array([[10.0, -20.0]]), np.array([[1.0, 0.1]])
    found = standard_errors(values, measured, np.array([0.05, 0.05]))
    assert found.tolist() == [[1.0, 1.0]]
