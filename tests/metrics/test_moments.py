from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from gansearch.metrics.moments import (
    DenseMoments,
    FactoredMoments,
    MomentsAccumulator,
    ThinMoments,
)

Array = NDArray[np.float64]

dims = st.integers(1, 8)
seeds = st.integers(0, 10_000)


def accumulated(features: Array, *cuts: int) -> MomentsAccumulator:
    seen = MomentsAccumulator(features.shape[1])
    for part in np.split(features, sorted(cuts)):
        if len(part):
            seen.update(torch.from_numpy(part))
    return seen


def draw(count: int, dim: int, seed: int) -> Array:
    random = np.random.default_rng(seed)
    return random.normal(size=(count, dim)) @ random.normal(size=(dim, dim)) + random.normal()


@given(dims, seeds, st.lists(st.integers(0, 30), max_size=6), st.floats(-1e5, 1e5))
def test_moments_do_not_depend_on_the_batches(
    dim: int, seed: int, cuts: list[int], offset: float
) -> None:
    features = draw(30, dim, seed) + offset
    seen = accumulated(features, *cuts).moments()
    covariance = np.atleast_2d(np.cov(features, rowvar=False))
    np.testing.assert_allclose(seen.mean, features.mean(0), rtol=1e-12, atol=1e-9)
    np.testing.assert_allclose(seen.covariance, covariance, rtol=1e-7, atol=1e-9)
    assert seen.count == 30


def test_single_precision_features_are_summed_in_double() -> None:
    features = draw(4000, 3, 0).astype(np.float32) + np.float32(1000)
    seen = MomentsAccumulator(3)
    for part in np.split(features, 40):
        seen.update(torch.from_numpy(part))
    expected = np.cov(features.astype(np.float64), rowvar=False)
    np.testing.assert_allclose(seen.moments().covariance, expected, rtol=1e-10)


@pytest.mark.parametrize(("count", "shape"), [(9, (20, 8)), (15, (20, 20)), (50, (20, 20))])
def test_the_factor_makes_the_covariance(count: int, shape: tuple[int, int]) -> None:
    """9 vectors span 8 directions about their mean; from half of the rank on it is triangular."""
    seen = accumulated(draw(count, 20, 0)).moments()
    factored = FactoredMoments.of(seen)
    assert factored.factor.shape == shape
    np.testing.assert_allclose(factored.factor @ factored.factor.T, seen.covariance, atol=1e-9)
    if shape == (20, 20):
        np.testing.assert_array_equal(factored.factor, np.tril(factored.factor))


def test_vectors_are_kept_until_the_covariance_is_smaller() -> None:
    assert isinstance(accumulated(draw(20, 20, 0), 7).moments(), ThinMoments)
    assert isinstance(accumulated(draw(21, 20, 0), 7).moments(), DenseMoments)


def test_refuses_a_single_sample() -> None:
    with pytest.raises(ValueError, match="at least 2"):
        accumulated(draw(1, 3, 0)).moments()
