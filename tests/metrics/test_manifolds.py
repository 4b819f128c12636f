from __future__ import annotations

from dataclasses import astuple
from fractions import Fraction

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from gansearch.config import DataConfig, EvaluationConfig
from gansearch.data import load_images
from gansearch.errors import ConfigError
from gansearch.metrics import manifolds
from gansearch.metrics.evaluator import Evaluator
from gansearch.metrics.manifolds import Manifolds, compare, radii


def draw(count: int, dim: int, seed: int, shift: float = 0.0) -> Tensor:
    return torch.from_numpy(np.random.default_rng(seed).normal(shift, 1, (count, dim)))


def compared(sample: Tensor, reference: Tensor) -> Manifolds:
    return compare(sample, reference, radii(reference))


def by_definition(sample: Tensor, reference: Tensor) -> tuple[float, ...]:
    """As the papers write them."""
    x, y = sample.numpy(), reference.numpy()

    def distances(a: np.ndarray, b: np.ndarray) -> np.ndarray:
        return np.sqrt(((a[:, None] - b) ** 2).sum(2))

    def radius(a: np.ndarray, k: int) -> np.ndarray:
        return np.sort(distances(a, a), axis=1)[:, k]

    across = distances(x, y)  # [M, N]
    return (
        (across <= radius(y, 3)).any(1).mean(),
        (across <= radius(x, 3)[:, None]).any(0).mean(),
        (across <= radius(y, 5)).sum(1).mean() / 5,
        (across.min(0) <= radius(y, 5)).mean(),
    )


counts = st.integers(6, 30)


@given(counts, counts, st.integers(1, 6), st.integers(0, 1000), st.floats(0, 3))
def test_equal_their_definitions(m: int, n: int, dim: int, seed: int, shift: float) -> None:
    sample, reference = draw(m, dim, seed, shift), draw(n, dim, seed + 1)
    expected = by_definition(sample, reference)
    assert astuple(compared(sample, reference)) == pytest.approx(expected)


def test_parts_of_the_matrix_make_the_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    sample, reference = draw(40, 3, 0, 0.5), draw(33, 3, 1)
    whole = compared(sample, reference)
    monkeypatch.setattr(manifolds, "_ROWS", 7)
    assert compared(sample, reference) == whole


def test_precision_and_recall_equal_torch_fidelitys() -> None:
    from torch_fidelity.metric_prc import prc_features_to_metric

    sample, reference = draw(150, 8, 0, 0.4), draw(170, 8, 1)
    expected = prc_features_to_metric(sample, reference, verbose=False)
    measured = compared(sample, reference)
    assert measured.precision == pytest.approx(expected["precision"])
    assert measured.recall == pytest.approx(expected["recall"])
    assert 0.1 < measured.precision < 0.95


def test_the_real_images_themselves_are_perfect() -> None:
    reference = draw(100, 4, 0)
    measured = compared(reference, reference)
    assert (measured.precision, measured.recall, measured.coverage) == (1, 1, 1)
    assert measured.density >= 1


def test_samples_elsewhere_have_nothing() -> None:
    measured = compared(draw(50, 4, 0, 100), draw(60, 4, 1))
    assert measured == Manifolds(precision=0, recall=0, density=0, coverage=0)


def test_one_mode_of_two_is_faithful_and_half_of_it() -> None:
    modes = draw(50, 2, 0), draw(50, 2, 1, 1000)
    measured = compared(draw(80, 2, 2), torch.cat(modes))
    assert measured.precision > 0.8
    assert 0.3 < measured.recall <= 0.5
    assert 0.3 < measured.coverage <= 0.5


def test_an_outlier_spoils_recall_and_not_coverage() -> None:
    """One far sample's ball holds every real image (Naeem et al. 2020, figure 3)."""
    reference = draw(60, 2, 0)
    beside = draw(60, 2, 1, 20)
    assert compared(beside, reference).recall == 0
    spoilt = compared(torch.cat([beside, torch.full((1, 2), -1000.0).double()]), reference)
    assert spoilt.recall == 1
    assert spoilt.coverage == 0


def test_too_few_images_are_refused() -> None:
    images = load_images(DataConfig(name="digits"))
    with pytest.raises(ConfigError, match=r"precision_random needs at least 6 images .* got 5"):
        Evaluator(EvaluationConfig(samples=5), ("precision_random",), images, torch.device("cpu"))


# --- Repeated vectors ----------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_constant_set_is_the_same_as_itself(dtype: torch.dtype) -> None:
    """As of a collapsed generator whose only image is the only real one."""
    vector = torch.rand(2048, generator=torch.Generator().manual_seed(0), dtype=dtype)
    constant = 100 * vector.expand(70, -1)
    assert compared(constant, constant[:60]) == Manifolds(1, 1, 60 / 5, 1)


def exactly(sample: list[list[int]], reference: list[list[int]]) -> tuple[Fraction, ...]:
    """The definitions in whole numbers."""

    def squares(a: list[list[int]], b: list[list[int]]) -> list[list[int]]:
        return [[sum((p - q) ** 2 for p, q in zip(x, y, strict=True)) for y in b] for x in a]

    def radius(a: list[list[int]], k: int) -> list[int]:
        return [sorted(row)[k] for row in squares(a, a)]

    across = squares(sample, reference)
    narrow, wide, own = radius(reference, 3), radius(reference, 5), radius(sample, 3)
    m, n = len(sample), len(reference)
    return (
        Fraction(sum(any(d <= r for d, r in zip(row, narrow, strict=True)) for row in across), m),
        Fraction(sum(any(across[i][j] <= own[i] for i in range(m)) for j in range(n)), n),
        Fraction(sum(d <= r for row in across for d, r in zip(row, wide, strict=True)), 5 * m),
        Fraction(sum(any(across[i][j] <= wide[j] for i in range(m)) for j in range(n)), n),
    )


few_values = st.lists(st.lists(st.integers(0, 2), min_size=3, max_size=3), min_size=6, max_size=20)


@given(few_values, few_values, st.sampled_from([0, 1, 1_000, 100_000]), st.sampled_from([1, 700]))
def test_repeated_vectors_count_as_in_exact_arithmetic(
    sample: list[list[int]], reference: list[list[int]], offset: int, copies: int
) -> None:
    def tensor(vectors: list[list[int]]) -> Tensor:
        return (torch.tensor(vectors, dtype=torch.float64) + offset).repeat(1, copies)

    measured = astuple(compared(tensor(sample), tensor(reference)))
    assert measured == pytest.approx(
        [float(each) for each in exactly(sample, reference)], rel=1e-12
    )


@given(counts, counts, st.integers(0, 1000), st.floats(1e-3, 1e3), st.floats(-1e3, 1e3))
def test_order_scale_and_place_do_not_matter(
    m: int, n: int, seed: int, scale: float, offset: float
) -> None:
    random = np.random.default_rng(seed)
    pool = draw(8, 5, seed)
    sample, reference = (pool[random.integers(0, 8, count)] for count in (m, n))
    measured = astuple(compared(sample, reference))
    order = torch.from_numpy(random.permutation(m)), torch.from_numpy(random.permutation(n))
    shuffled = compared(sample[order[0]], reference[order[1]])
    assert astuple(shuffled) == pytest.approx(measured, rel=1e-12)
    moved = compared(sample * scale + offset, reference * scale + offset)
    assert astuple(moved) == pytest.approx(measured, rel=1e-12)


def test_repeated_images_count_alike_by_torch_fidelity() -> None:
    from torch_fidelity.metric_prc import prc_features_to_metric

    pool = torch.randint(0, 5, (40, 16), generator=torch.Generator().manual_seed(0)).double()
    sample, reference = pool[:30].repeat(3, 1), pool[10:].repeat(2, 1)
    measured = compared(sample, reference)
    expected = prc_features_to_metric(sample, reference, verbose=False)
    assert measured.precision == pytest.approx(expected["precision"])
    assert measured.recall == pytest.approx(expected["recall"])
