from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from gansearch.metrics.fid import Dense, Factored, Gaussian, Moments, Thin, frechet_distance

Array = NDArray[np.float64]


def gaussian(mean: Array, covariance: Array) -> Gaussian:
    return Dense(torch.from_numpy(mean), torch.from_numpy(covariance), 1000)


def distance(a: Gaussian, b: Gaussian) -> float:
    return frechet_distance(a, Factored.of(b))


def moments(features: Array, *cuts: int) -> Moments:
    seen = Moments(features.shape[1])
    for part in np.split(features, sorted(cuts)):
        if len(part):
            seen.update(torch.from_numpy(part))
    return seen


def orthogonal(dim: int, seed: int) -> Array:
    return np.linalg.qr(np.random.default_rng(seed).normal(size=(dim, dim)))[0]


def draw(count: int, dim: int, seed: int) -> Array:
    random = np.random.default_rng(seed)
    return random.normal(size=(count, dim)) @ random.normal(size=(dim, dim)) + random.normal()


def random_gaussian(dim: int, seed: int) -> Gaussian:
    return moments(draw(2 * dim + 5, dim, seed)).gaussian()


# --- Closed forms ------------------------------------------------------------------------------


@pytest.mark.parametrize(("m", "s", "n", "t"), [(0, 1, 3, 2), (-1, 0.5, -1, 4), (2, 0, 5, 0)])
def test_normal_distributions_on_the_line(m: float, s: float, n: float, t: float) -> None:
    a = gaussian(np.array([m], float), np.array([[s**2]], float))
    b = gaussian(np.array([n], float), np.array([[t**2]], float))
    assert distance(a, b) == pytest.approx((m - n) ** 2 + (s - t) ** 2)


def test_commuting_covariances() -> None:
    basis = orthogonal(12, 0)
    variances = np.random.default_rng(1).uniform(0, 4, size=(2, 12))
    a, b = (gaussian(np.zeros(12), basis @ np.diag(v) @ basis.T) for v in variances)
    expected = np.sum((np.sqrt(variances[0]) - np.sqrt(variances[1])) ** 2)
    assert distance(a, b) == pytest.approx(expected, rel=1e-10)


def test_translation_adds_its_squared_length() -> None:
    a = random_gaussian(10, 0)
    shift = torch.arange(10, dtype=torch.float64)
    moved = Dense(a.mean + shift, a.covariance, a.count)
    assert distance(a, moved) == pytest.approx(float(shift @ shift), rel=1e-9)


def test_fewer_samples_than_dimensions() -> None:
    """With Xᵀ X the scatter, the trace of the root is the nuclear norm of X Yᵀ."""
    x, y = draw(12, 40, 0), draw(17, 40, 1)
    cx, cy = x - x.mean(0), y - y.mean(0)
    nuclear = np.linalg.norm(cx @ cy.T, "nuc") / np.sqrt(11 * 16)
    apart = x.mean(0) - y.mean(0)
    expected = apart @ apart + (cx**2).sum() / 11 + (cy**2).sum() / 16 - 2 * nuclear
    measured = distance(moments(x).gaussian(), moments(y).gaussian())
    assert measured == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize(("dim", "count"), [(3, 50), (64, 500), (200, 900)])
def test_equals_pytorch_fid(dim: int, count: int) -> None:
    from pytorch_fid.fid_score import calculate_frechet_distance

    x, y = draw(count, dim, 0), draw(count, dim, 1)
    expected = calculate_frechet_distance(
        x.mean(0), np.cov(x, rowvar=False), y.mean(0), np.cov(y, rowvar=False)
    )
    measured = distance(moments(x).gaussian(), moments(y).gaussian())
    assert measured == pytest.approx(expected, rel=1e-6)


# --- Properties --------------------------------------------------------------------------------

dims = st.integers(1, 8)
seeds = st.integers(0, 10_000)


@given(dims, seeds, seeds)
def test_symmetric_and_never_negative(dim: int, one: int, other: int) -> None:
    a, b = random_gaussian(dim, one), random_gaussian(dim, other)
    assert distance(a, b) >= 0
    assert distance(a, b) == pytest.approx(distance(b, a), rel=1e-8, abs=1e-6)


@given(dims, seeds)
def test_zero_from_itself(dim: int, seed: int) -> None:
    a = random_gaussian(dim, seed)
    assert distance(a, a) == pytest.approx(0, abs=1e-6 * float(a.covariance.trace()))


@given(dims, seeds, seeds, seeds)
def test_rotation_changes_nothing(dim: int, one: int, other: int, turn: int) -> None:
    q = torch.from_numpy(orthogonal(dim, turn))
    a, b = random_gaussian(dim, one), random_gaussian(dim, other)
    turned = [Dense(q @ g.mean, q @ g.covariance @ q.T, g.count) for g in (a, b)]
    scale = float(a.covariance.trace() + b.covariance.trace())
    assert distance(*turned) == pytest.approx(distance(a, b), abs=1e-6 * scale)


@given(dims, seeds, st.lists(st.integers(0, 30), max_size=6), st.floats(-1e5, 1e5))
def test_moments_do_not_depend_on_the_batches(
    dim: int, seed: int, cuts: list[int], offset: float
) -> None:
    features = draw(30, dim, seed) + offset
    seen = moments(features, *cuts).gaussian()
    covariance = np.atleast_2d(np.cov(features, rowvar=False))
    np.testing.assert_allclose(seen.mean, features.mean(0), rtol=1e-12, atol=1e-9)
    np.testing.assert_allclose(seen.covariance, covariance, rtol=1e-7, atol=1e-9)
    assert seen.count == 30


def test_single_precision_features_are_summed_in_double() -> None:
    features = draw(4000, 3, 0).astype(np.float32) + np.float32(1000)
    seen = Moments(3)
    for part in np.split(features, 40):
        seen.update(torch.from_numpy(part))
    expected = np.cov(features.astype(np.float64), rowvar=False)
    np.testing.assert_allclose(seen.gaussian().covariance, expected, rtol=1e-10)


@pytest.mark.parametrize(("count", "shape"), [(9, (20, 8)), (15, (20, 20)), (50, (20, 20))])
def test_the_factor_makes_the_covariance(count: int, shape: tuple[int, int]) -> None:
    """9 vectors span 8 directions about their mean; from half of the rank on it is triangular."""
    seen = moments(draw(count, 20, 0)).gaussian()
    factored = Factored.of(seen)
    assert factored.factor.shape == shape
    np.testing.assert_allclose(factored.factor @ factored.factor.T, seen.covariance, atol=1e-9)
    if shape == (20, 20):
        np.testing.assert_array_equal(factored.factor, np.tril(factored.factor))


@given(dims, st.integers(2, 20), st.integers(2, 20), seeds)
def test_few_vectors_give_what_their_covariance_gives(
    dim: int, count: int, others: int, seed: int
) -> None:
    """Thin or dense, triangular or not, of whatever rank: one distance."""
    thin, other = (moments(draw(n, dim, seed + n)).gaussian() for n in (count, others))
    dense = Dense(thin.mean, thin.covariance, thin.count)
    scale = thin.trace() + other.trace()
    assert distance(thin, other) == pytest.approx(distance(dense, other), abs=1e-6 * scale)
    assert distance(thin, other) == pytest.approx(distance(other, dense), abs=1e-6 * scale)


def test_vectors_are_kept_until_the_covariance_is_smaller() -> None:
    assert isinstance(moments(draw(20, 20, 0), 7).gaussian(), Thin)
    assert isinstance(moments(draw(21, 20, 0), 7).gaussian(), Dense)


# --- Refusals ----------------------------------------------------------------------------------


def test_refuses_other_dimensions() -> None:
    with pytest.raises(ValueError, match="dimension 3 against 4"):
        distance(random_gaussian(3, 0), random_gaussian(4, 0))


def test_refuses_what_is_not_finite() -> None:
    a = random_gaussian(3, 0)
    broken = Dense(a.mean * torch.nan, a.covariance, a.count)
    for one, other in ((broken, a), (a, broken)):
        with pytest.raises(ValueError, match="NaN"):
            distance(one, other)


def test_refuses_a_single_sample() -> None:
    with pytest.raises(ValueError, match="at least 2"):
        moments(draw(1, 3, 0)).gaussian()
