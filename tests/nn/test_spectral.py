"""Estimated spectral norms against exact ones."""

from collections.abc import Callable

import pytest
import torch
from torch import nn

from gansearch.nn.conv import ConvFactory
from gansearch.nn.spectral import draw_weight, settle, singular_vectors, spectral_norm
from gansearch.settings import Dsc


def norm_of(layer: nn.Module) -> float:
    """The spectral norm of the weight that a layer uses."""
    return float(torch.linalg.matrix_norm(layer.eval().weight.detach().flatten(1).double(), 2))


def put(layer: nn.Module, weight: torch.Tensor) -> None:
    with torch.no_grad():
        layer.parametrizations.weight.original.copy_(weight)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize(
    "make",
    [lambda: nn.Linear(300, 200), lambda: nn.Conv2d(16, 40, 3), lambda: nn.Embedding(9, 30)],
    ids=["linear", "convolution", "embedding"],
)
def test_settled_vectors_belong_to_the_weight_as_it_is(
    make: Callable[[], nn.Module], seed: int
) -> None:
    torch.manual_seed(seed)
    layer = make()
    spectral_norm(layer)
    put(layer, torch.randn(layer.weight.shape))  # the vectors are those of the weight before
    assert norm_of(layer) > 1.5
    settle(layer)
    assert norm_of(layer) == pytest.approx(1, rel=1e-5)


def test_settling_copes_with_equal_singular_values_and_with_none() -> None:
    layer = spectral_norm(nn.Linear(6, 4))
    put(layer, 3 * torch.eye(4, 6))
    settle(layer)
    assert norm_of(layer) == pytest.approx(1, rel=1e-5)
    put(layer, torch.zeros(4, 6))
    settle(layer)
    assert all(vector.isfinite().all() for vector in singular_vectors(layer))


def test_settling_leaves_the_mode_and_other_layers_alone() -> None:
    network = nn.Sequential(spectral_norm(nn.Linear(4, 4)), nn.BatchNorm1d(4), nn.Linear(4, 4))
    network[0].eval()
    state = {name: tensor.clone() for name, tensor in network.named_parameters()}
    settle(network)
    assert not network[0].training
    assert network[1].training
    assert all(torch.equal(state[name], tensor) for name, tensor in network.named_parameters())


def test_drawn_weights_have_vectors_of_their_own() -> None:
    torch.manual_seed(0)
    layer = spectral_norm(nn.Linear(30, 20))
    draw_weight(layer, nn.init.normal_)
    assert norm_of(layer) == pytest.approx(1, rel=0.02)


def test_depthwise_filters_have_no_singular_vectors() -> None:
    conv = ConvFactory(Dsc(where="generator"), "generator")
    layer = conv(8, 16, 3, resolution=8, spectral_norm=True)
    assert len(singular_vectors(layer)) == 2  # of the pointwise half
