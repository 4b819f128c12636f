from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from torch import Tensor

from gansearch.config import DataConfig, EvaluationConfig
from gansearch.data import load_images
from gansearch.errors import ConfigError
from gansearch.metrics.evaluator import Evaluator
from gansearch.metrics.frechet import POINTS, fd_infinity, frechet_distance
from gansearch.metrics.moments import DenseMoments, FactoredMoments, Moments, MomentsAccumulator

Array = NDArray[np.float64]

dims = st.integers(1, 8)
seeds = st.integers(0, 10_000)


def given_moments(mean: Array, covariance: Array) -> Moments:
    return DenseMoments(torch.from_numpy(mean), torch.from_numpy(covariance), 1000)


def distance(a: Moments, b: Moments) -> float:
    return frechet_distance(a, FactoredMoments.of(b))


def moments(features: Array) -> Moments:
    accumulator = MomentsAccumulator(features.shape[1])
    accumulator.update(torch.from_numpy(features))
    return accumulator.moments()


def orthogonal(dim: int, seed: int) -> Array:
    return np.linalg.qr(np.random.default_rng(seed).normal(size=(dim, dim)))[0]


def draw(count: int, dim: int, seed: int) -> Array:
    random = np.random.default_rng(seed)
    return random.normal(size=(count, dim)) @ random.normal(size=(dim, dim)) + random.normal()


def random_moments(dim: int, seed: int) -> Moments:
    return moments(draw(2 * dim + 5, dim, seed))


# --- Closed forms ------------------------------------------------------------------------------


@pytest.mark.parametrize(("m", "s", "n", "t"), [(0, 1, 3, 2), (-1, 0.5, -1, 4), (2, 0, 5, 0)])
def test_normal_distributions_on_the_line(m: float, s: float, n: float, t: float) -> None:
    a = given_moments(np.array([m], float), np.array([[s**2]], float))
    b = given_moments(np.array([n], float), np.array([[t**2]], float))
    assert distance(a, b) == pytest.approx((m - n) ** 2 + (s - t) ** 2)


def test_commuting_covariances() -> None:
    basis = orthogonal(12, 0)
    variances = np.random.default_rng(1).uniform(0, 4, size=(2, 12))
    a, b = (given_moments(np.zeros(12), basis @ np.diag(v) @ basis.T) for v in variances)
    expected = np.sum((np.sqrt(variances[0]) - np.sqrt(variances[1])) ** 2)
    assert distance(a, b) == pytest.approx(expected, rel=1e-10)


def test_translation_adds_its_squared_length() -> None:
    a = random_moments(10, 0)
    shift = torch.arange(10, dtype=torch.float64)
    moved = DenseMoments(a.mean + shift, a.covariance, a.count)
    assert distance(a, moved) == pytest.approx(float(shift @ shift), rel=1e-9)


def test_fewer_samples_than_dimensions() -> None:
    """With Xᵀ X the scatter, the trace of the root is the nuclear norm of X Yᵀ."""
    x, y = draw(12, 40, 0), draw(17, 40, 1)
    cx, cy = x - x.mean(0), y - y.mean(0)
    nuclear = np.linalg.norm(cx @ cy.T, "nuc") / np.sqrt(11 * 16)
    apart = x.mean(0) - y.mean(0)
    expected = apart @ apart + (cx**2).sum() / 11 + (cy**2).sum() / 16 - 2 * nuclear
    measured = distance(moments(x), moments(y))
    assert measured == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize(("dim", "count"), [(3, 50), (64, 500), (200, 900)])
def test_equals_pytorch_fid(dim: int, count: int) -> None:
    from pytorch_fid.fid_score import calculate_frechet_distance

    x, y = draw(count, dim, 0), draw(count, dim, 1)
    expected = calculate_frechet_distance(
        x.mean(0), np.cov(x, rowvar=False), y.mean(0), np.cov(y, rowvar=False)
    )
    measured = distance(moments(x), moments(y))
    assert measured == pytest.approx(expected, rel=1e-6)


# --- Properties --------------------------------------------------------------------------------

dims = st.integers(1, 8)
seeds = st.integers(0, 10_000)


@given(dims, seeds, seeds)
def test_symmetric_and_never_negative(dim: int, one: int, other: int) -> None:
    a, b = random_moments(dim, one), random_moments(dim, other)
    assert distance(a, b) >= 0
    assert distance(a, b) == pytest.approx(distance(b, a), rel=1e-8, abs=1e-6)


@given(dims, seeds)
def test_zero_from_itself(dim: int, seed: int) -> None:
    a = random_moments(dim, seed)
    assert distance(a, a) == pytest.approx(0, abs=1e-6 * float(a.covariance.trace()))


@given(dims, seeds, seeds, seeds)
def test_rotation_changes_nothing(dim: int, one: int, other: int, turn: int) -> None:
    q = torch.from_numpy(orthogonal(dim, turn))
    a, b = random_moments(dim, one), random_moments(dim, other)
    turned = [DenseMoments(q @ g.mean, q @ g.covariance @ q.T, g.count) for g in (a, b)]
    scale = float(a.covariance.trace() + b.covariance.trace())
    assert distance(*turned) == pytest.approx(distance(a, b), abs=1e-6 * scale)


@given(dims, st.integers(2, 20), st.integers(2, 20), seeds)
def test_few_vectors_give_what_their_covariance_gives(
    dim: int, count: int, others: int, seed: int
) -> None:
    """Thin or dense, triangular or not, of whatever rank: one distance."""
    thin, other = (moments(draw(n, dim, seed + n)) for n in (count, others))
    dense = DenseMoments(thin.mean, thin.covariance, thin.count)
    scale = thin.trace() + other.trace()
    assert distance(thin, other) == pytest.approx(distance(dense, other), abs=1e-6 * scale)
    assert distance(thin, other) == pytest.approx(distance(other, dense), abs=1e-6 * scale)


# --- Refusals ----------------------------------------------------------------------------------


def test_refuses_other_dimensions() -> None:
    with pytest.raises(ValueError, match="dimension 3 against 4"):
        distance(random_moments(3, 0), random_moments(4, 0))


def test_refuses_what_is_not_finite() -> None:
    a = random_moments(3, 0)
    broken = DenseMoments(a.mean * torch.nan, a.covariance, a.count)
    for one, other in ((broken, a), (a, broken)):
        with pytest.raises(ValueError, match="NaN"):
            distance(one, other)


# --- Extrapolated to infinitely many samples -----------------------------------------------------

DIM = 16


def standard() -> FactoredMoments:
    """The normal distribution itself, not an estimate."""
    return FactoredMoments.of(DenseMoments(torch.zeros(DIM).double(), torch.eye(DIM).double(), 0))


def drawn(count: int, seed: int, scale: float) -> Tensor:
    return torch.from_numpy(np.random.default_rng(seed).normal(0.1, scale, (count, DIM)))


@pytest.mark.parametrize("scale", [1.0, 1.3, 0.5])
def test_closer_to_the_closed_form_than_the_distance_of_as_many_samples(scale: float) -> None:
    truth = DIM * (0.1**2 + (1 - scale) ** 2)
    plain, infinite = [], []
    for seed in range(12):
        vectors = drawn(400, seed, scale)
        plain.append(frechet_distance(moments(vectors.numpy()), standard()) - truth)
        infinite.append(fd_infinity(vectors, standard(), seed) - truth)
    assert np.mean(plain) > 0
    assert abs(np.mean(infinite)) < 0.3 * abs(np.mean(plain))
    assert np.sqrt(np.mean(np.square(infinite))) < np.sqrt(np.mean(np.square(plain)))


def test_the_seed_decides_the_subsets_and_nothing_else_does() -> None:
    vectors = drawn(100, 0, 1.0)
    values = [fd_infinity(vectors, standard(), seed) for seed in (0, 0, 1)]
    assert values[0] == values[1] != values[2]


def test_too_few_samples_for_a_line_are_refused() -> None:
    images = load_images(DataConfig(name="digits"))
    config = EvaluationConfig(samples=2 * POINTS - 1)
    with pytest.raises(ConfigError, match=r"fd_infinity_random.*at least 30"):
        Evaluator(config, ("fd_infinity_random",), images, torch.device("cpu"))
