from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from gansearch.nn.spectral import spectral_norm
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


def test_the_decay_over_part_of_a_half_life_is_a_power(module):
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


def test_swapping_exchanges_storage_and_restores_it(module):
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


def test_a_half_life_of_0_keeps_no_copy(module):
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


class Counted(nn.Module):
    """A weight, a running statistic and other state."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(2))
        self.register_buffer("running_mean", torch.zeros(2))
        self.register_buffer("magnitude", torch.zeros(2))


def test_other_state_is_not_averaged():
    module = Counted()
    ema = Ema([module], 10)
    fill(module, 1)
    ema.update(10, 1e6)
    with ema.swapped_in():
        assert module.weight.eq(0.5).all()
        assert module.running_mean.eq(0.5).all()
        assert module.magnitude.eq(1).all()
    assert module.weight.eq(1).all()


def turned(module, ema):
    """Average a weight and one with another leading singular vector."""
    with torch.no_grad():
        module.parametrizations.weight.original.copy_(torch.diag(torch.tensor([1.0, 2.0, 5.0])))
    for _ in range(50):
        _ = module.weight
    ema.update(10, 1e6)


@pytest.fixture
def normalised():
    module = nn.Linear(3, 3, bias=False)
    with torch.no_grad():
        module.weight.copy_(torch.diag(torch.tensor([5.0, 2.0, 1.0])))
    return spectral_norm(module).train()


def test_the_averaged_weight_has_the_norm_1_that_its_layer_claims(normalised):
    ema = Ema([normalised], 10)
    turned(normalised, ema)
    with ema.swapped_in():
        norm = torch.linalg.matrix_norm(normalised.eval().weight.detach(), 2)
        assert norm == pytest.approx(1, rel=1e-3)
        assert normalised.parametrizations.weight.original.diagonal().tolist() == [3, 2, 3]


def test_the_average_does_not_change_the_current_singular_vectors(normalised):
    ema = Ema([normalised], 10)
    turned(normalised, ema)
    live = [b.clone() for b in normalised.buffers()]
    with ema.swapped_in():
        pass
    assert all(torch.equal(a, b) for a, b in zip(live, normalised.buffers(), strict=True))


def test_samples_depend_on_the_averaged_weights_alone(normalised):
    """A checkpoint holds averaged weights without their singular vectors."""
    ema = Ema([normalised], 10)
    turned(normalised, ema)
    normalised.eval()
    with ema.swapped_in():
        first = normalised.weight.detach().clone()
    resumed = Ema([normalised], 10)
    resumed.load([tensor.clone() for tensor in ema.tensors])
    with resumed.swapped_in():
        assert torch.equal(normalised.weight, first)
