from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from gansearch.metrics.distances import TIE, squared_distances, within


@given(st.integers(0, 1000), st.integers(1, 300), st.floats(-7, 3), st.floats(0, 1e4))
def test_distances_of_every_size_are_precise(
    seed: int, dim: int, exponent: float, offset: float
) -> None:
    random = np.random.default_rng(seed)
    x = random.normal(offset, 1, (6, dim))
    y = np.concatenate(
        [x + 10.0**exponent * random.normal(size=x.shape), random.normal(size=x.shape)]
    )
    expected = ((x.astype(np.longdouble)[:, None] - y) ** 2).sum(2).astype(float)
    found = squared_distances(torch.from_numpy(x), torch.from_numpy(y)).numpy()
    np.testing.assert_allclose(found, expected, rtol=TIE)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_equal_vectors_are_at_distance_zero(dtype: torch.dtype) -> None:
    x = 1e3 + torch.randn(20, 2048, generator=torch.Generator().manual_seed(0), dtype=dtype)
    squares = squared_distances(x, x)
    assert (squares.diagonal() == 0).all()
    assert (squares + torch.eye(20) > 0).all()


def test_vectors_that_differ_by_their_rounding_are_equal() -> None:
    x = torch.randn(20, 2048, generator=torch.Generator().manual_seed(0))
    noise = 1 + torch.finfo(x.dtype).eps * torch.randn(x.shape)
    assert (squared_distances(x, x * noise).diagonal() == 0).all()
    assert (squared_distances(x, x * 1.00001).diagonal() > 0).all()


def test_rounding_is_of_the_vectors_and_not_of_how_they_vary() -> None:
    """One image, most of whose copies were in one batch and two in another."""
    vector = torch.rand(128, generator=torch.Generator().manual_seed(0))
    other = vector * (1 + 2 * torch.finfo(vector.dtype).eps)
    x = torch.stack([*64 * [vector], *2 * [other]])
    assert not torch.equal(vector, other)
    assert (squared_distances(x, x) == 0).all()


def test_the_parts_of_many_equal_vectors_are_the_whole() -> None:
    x = torch.ones(1500, 2048)  # more differences than are in memory at a time
    assert (squared_distances(x[:5], x) == 0).all()


def test_a_radius_includes_what_lies_on_it() -> None:
    squares = torch.tensor([0.0, 1.0, 1.0 + TIE / 2, 1.0 + 3 * TIE], dtype=torch.float64)
    assert within(squares, torch.ones(4, dtype=torch.float64)).tolist() == [True, True, True, False]
    assert within(squares, torch.zeros(4, dtype=torch.float64)).tolist() == [
        True,
        False,
        False,
        False,
    ]
