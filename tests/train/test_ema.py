from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from gansearch.train.ema import RAMP_UP, Ema


@pytest.fixture
def module():
    return nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2))


def fill(module, value):
    with torch.no_grad():
        for tensor in (*module.parameters(), *module.buffers()):
            tensor.fill_(value)


@given(half_life=st.floats(0.1, 100), steps=st.integers(1, 30), kimg=st.floats(0.01, 5))
def test_a_step_of_the_weights_decays_by_the_half_life(half_life, steps, kimg):
    module = nn.Linear(2, 2).double()
    fill(module, 0)
    ema = Ema([module], half_life)
    fill(module, 1)
    start = 1e9  # far beyond the ramp
    for step in range(1, steps + 1):
        ema.update(kimg, start + step * kimg)
    expected = 1 - 0.5 ** (steps * kimg / half_life)
    for average in ema.tensors:
        torch.testing.assert_close(average, torch.full_like(average, expected))


def test_half_a_half_life_is_forgotten_by_the_square_root(module):
    fill(module, 0)
    ema = Ema([module], 10)
    fill(module, 1)
    ema.update(10, 1e6)
    assert all(average.eq(0.5).all() for average in ema.tensors)


def test_the_half_life_ramps_up_with_progress(module):
    fill(module, 0)
    ema = Ema([module], 10)
    fill(module, 1)
    ema.update(1, 20)  # 5% of 20 kimg is a half-life of 1
    assert RAMP_UP * 20 == 1
    assert all(torch.allclose(average, torch.tensor(0.5)) for average in ema.tensors)


def test_parameters_and_running_statistics_are_averaged_and_counters_are_not(module):
    ema = Ema([module], 1)
    assert [tuple(t.shape) for t in ema.tensors] == [(2, 3), (2,), (2,), (2,), (2,), (2,)]


def test_swapping_moves_storage_and_comes_back(module):
    fill(module, 0)
    ema = Ema([module], 1)
    fill(module, 1)
    weight = module[0].weight
    live, average = weight.data_ptr(), ema.tensors[0].data_ptr()
    with ema.swapped_in():
        assert weight.data_ptr() == average
        assert module[0].weight is weight
        assert not weight.any()
    assert weight.data_ptr() == live
    assert weight.eq(1).all()
    assert ema.tensors[0].data_ptr() == average


def test_an_error_inside_swaps_back(module):
    ema = Ema([module], 1)
    live = module[0].weight.data_ptr()
    with pytest.raises(RuntimeError), ema.swapped_in():
        raise RuntimeError
    assert module[0].weight.data_ptr() == live


def test_no_half_life_is_no_copy(module):
    ema = Ema([module], 0)
    ema.update(1, 1)
    assert ema.tensors == []
    with ema.swapped_in():
        assert module[0].weight.requires_grad


def test_other_averages_are_refused(module):
    ema = Ema([module], 1)
    with pytest.raises(ValueError, match="shape"):
        ema.load([torch.zeros(1)] * len(ema.tensors))
    with pytest.raises(ValueError, match=r"shorter|longer"):
        ema.load(ema.tensors[:-1])
