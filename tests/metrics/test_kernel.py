from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from gansearch.metrics import kernel
from gansearch.metrics.kernel import kernel_distance, mean_within


def draw(count: int, dim: int, seed: int, shift: float = 0.0) -> Tensor:
    return torch.from_numpy(np.random.default_rng(seed).normal(shift, 1, (count, dim)))


def directly(x: Tensor, y: Tensor) -> float:
    """Every pair, one by one."""

    def k(a: Tensor, b: Tensor) -> float:
        return float((a @ b / len(a) + 1) ** 3)

    within = [
        np.mean([k(a, b) for i, a in enumerate(side) for j, b in enumerate(side) if i != j])
        for side in (x, y)
    ]
    return float(sum(within) - 2 * np.mean([k(a, b) for a in x for b in y]))


@given(st.integers(2, 9), st.integers(2, 9), st.integers(1, 5), st.integers(0, 1000))
def test_equals_the_estimator_pair_by_pair(m: int, n: int, dim: int, seed: int) -> None:
    x, y = draw(m, dim, seed), draw(n, dim, seed + 1, 0.5)
    assert kernel_distance(x, y) == pytest.approx(directly(x, y), rel=1e-9, abs=1e-9)
    known = float(mean_within(y))
    assert kernel_distance(x, y, known) == kernel_distance(x, y)


def test_parts_of_the_matrix_make_the_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    x, y = draw(30, 4, 0), draw(25, 4, 1)
    whole = kernel_distance(x, y)
    monkeypatch.setattr(kernel, "_ROWS", 7)
    assert kernel_distance(x, y) == pytest.approx(whole, rel=1e-10)


def test_equals_torch_fidelity() -> None:
    from torch_fidelity.metric_kid import kid_features_to_metric

    x, y = draw(80, 64, 0).float(), draw(80, 64, 1, 0.3).float()
    expected = kid_features_to_metric(x, y, kid_subsets=1, kid_subset_size=80, verbose=False)
    measured = kernel_distance(x, y)
    assert measured == pytest.approx(expected["kernel_inception_distance_mean"], rel=1e-4)


def test_without_bias_for_any_number_of_samples() -> None:
    """The mean over draws from one distribution is 0 within its error; a biased one's is not."""
    values = [kernel_distance(draw(8, 3, 2 * i), draw(6, 3, 2 * i + 1)) for i in range(600)]
    error = np.std(values) / np.sqrt(len(values))
    assert abs(np.mean(values)) < 3 * error
    assert min(values) < 0


def test_closed_form_of_shifted_points() -> None:
    """Of points at 0 and at s on the line: k(0, 0) = 1, k(s, s) = (s² + 1)³, k(0, s) = 1."""
    at = torch.zeros(5, 1), torch.full((4, 1), 2.0)
    assert kernel_distance(*at) == pytest.approx(1 + 125 - 2)
    assert kernel_distance(draw(400, 3, 0), draw(400, 3, 1, 1.0)) > 1
