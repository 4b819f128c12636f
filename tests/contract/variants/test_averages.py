"""The averaged generator of every variant in the catalog."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from gansearch.config import ComputeConfig
from gansearch.data.batch import Batch, ImageSpec
from gansearch.data.images import from_arrays
from gansearch.nn.spectral import SpectralNorm, UnitFilters
from gansearch.settings import Scalar
from gansearch.train import ema
from gansearch.train.compute import Compute
from gansearch.train.rounds import Rounds
from gansearch.variants.base import Variant
from gansearch.variants.catalog import CATALOG
from gansearch.variants.entry import DataKind, VariantEntry

CPU = torch.device("cpu")
ROUNDS = 12
LONG = 0.1  # kimg: about as much as the rounds show


@pytest.fixture(autouse=True)
def whole_half_life(monkeypatch: pytest.MonkeyPatch) -> None:
    """Disable the ramp, which would shorten the averages of short trainings."""
    monkeypatch.setattr(ema, "RAMP_UP", 1e3)


forms = pytest.mark.parametrize(
    ("entry", "params"),
    [
        pytest.param(entry, params, id=f"{entry.name}{'-dsc' if params else ''}")
        for entry in CATALOG.values()
        for params in ({}, {"dsc.where": "generator"})
        if not params or "dsc" in entry.settings.model_fields
    ],
)


def trained(entry: VariantEntry, **params: Scalar) -> tuple[Variant[Any], Rounds]:
    """Train some rounds at a high learning rate, which changes the weights much."""
    classes = 3 if entry.data is DataKind.LABEL else 0
    spec = ImageSpec(1, entry.resolution, classes)
    generator = torch.Generator().manual_seed(0)
    shape = (60, 1, spec.resolution, spec.resolution)
    pixels = torch.randint(256, shape, generator=generator, dtype=torch.uint8)
    labels = torch.arange(60) % classes if classes else None
    images = from_arrays(pixels, labels, resolution=spec.resolution, classes=classes)
    torch.manual_seed(0)
    variant = entry.load()(entry.small_settings(g_lr=0.05, **params), spec)
    variant.prepare(images)
    compute = Compute(ComputeConfig(), CPU)
    compute.apply(variant)
    rounds = Rounds(variant, compute)
    variant.train()
    for start in range(ROUNDS):
        batch = images.batch((torch.arange(8) + 8 * start) % 60)
        for _ in rounds.run(variant.phases(), lambda batch=batch: batch):
            pass
    variant.eval()
    return variant, rounds


def norms_of_normalised_weights(network: nn.Module) -> list[tuple[str, float]]:
    """Name and norm of each weight that should have norm 1."""
    found = []
    for name, layer in network.named_modules():
        if not parametrize.is_parametrized(layer, "weight"):
            continue
        for step in layer.parametrizations["weight"]:
            weight: Tensor = layer.weight.detach()
            if isinstance(step, SpectralNorm):
                matrix = weight.movedim(step.dim, 0).flatten(1).double()
                found.append((name, float(torch.linalg.matrix_norm(matrix, 2))))
            elif isinstance(step, UnitFilters):
                norms = torch.linalg.vector_norm(weight, dim=(-2, -1))
                found += [(name, float(norm)) for norm in norms.flatten()]
    return found


def sampled(variant: Variant[Any]) -> Tensor:
    spec = variant.spec
    labels = torch.arange(8) % spec.classes if spec.classes else None
    batch = Batch(torch.zeros(8, spec.channels, spec.resolution, spec.resolution), labels)
    with torch.no_grad():
        return variant.sample(batch, torch.Generator().manual_seed(0))


@forms
def test_normalised_weights_of_the_average_have_norm_1(entry, params) -> None:
    variant, rounds = trained(entry, ema_kimg=LONG, **params)
    with rounds.ema.swapped_in():
        for module in variant.players["g"].modules:
            for name, norm in norms_of_normalised_weights(module):
                assert norm == pytest.approx(1, rel=0.01), name


@forms
def test_a_half_life_of_0_samples_from_the_current_weights_bit_for_bit(entry, params) -> None:
    variant, rounds = trained(entry, ema_kimg=0.0, **params)
    live = sampled(variant)
    with rounds.ema.swapped_in():
        assert torch.equal(sampled(variant), live)


@forms
def test_the_current_weights_are_restored_bit_for_bit(entry, params) -> None:
    variant, rounds = trained(entry, ema_kimg=LONG, **params)
    before = {name: tensor.clone() for name, tensor in variant.state_dict().items()}
    live = sampled(variant)
    with rounds.ema.swapped_in():
        averaged = sampled(variant)
        assert not torch.equal(averaged, live)
    with rounds.ema.swapped_in():  # singular vectors are computed once
        assert torch.equal(sampled(variant), averaged)
    assert torch.equal(sampled(variant), live)
    after = variant.state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before)
