"""Discriminators under a gradient penalty, for every variant in the catalog that has one."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from gansearch.data.batch import Batch, ImageSpec
from gansearch.nn.stylegan2 import MinibatchStddev
from gansearch.settings import Params
from gansearch.space.specs import specs_of, takes
from gansearch.variants.base import Variant
from gansearch.variants.catalog import CATALOG
from gansearch.variants.entry import DataKind, VariantEntry

PENALTIES = ("gp_lambda", "r1_gamma")
ENTRIES = [entry for name, entry in CATALOG.items() if takes(name).issuperset(PENALTIES)]


def forms(entry: VariantEntry) -> list[Params]:
    """The small form, and a form with norms inside separable convolutions if the variant has it."""
    separable: Params = {"dsc.where": "both", "dsc.middle": "norm_act"}
    specs = specs_of(entry.name)
    fits = all(name in specs and not specs[name].complaint(v) for name, v in separable.items())
    return [{}, separable] if fits else [{}]


CASES = [
    pytest.param(entry, {**form, penalty: 1.0}, id=f"{entry.name}-{penalty}{'-dsc' * bool(form)}")
    for entry in ENTRIES
    for form in forms(entry)
    for penalty in PENALTIES
]


def build(entry: VariantEntry, params: Params) -> tuple[Variant[Any], Batch]:
    """Build a variant in training mode, at twice its smallest resolution, with several norms."""
    torch.manual_seed(0)
    classes = 3 if entry.data is DataKind.LABEL else 0
    spec = ImageSpec(1, 2 * entry.resolution, classes)
    variant = entry.load()(entry.small_settings(**params), spec).train()
    labels = torch.arange(4) % classes if classes else None
    return variant, Batch(torch.rand(4, 1, spec.resolution, spec.resolution) * 2 - 1, labels)


def without_statistic(_: nn.Module, x: Tensor) -> Tensor:
    return torch.cat([x, torch.zeros_like(x[:, :1])], 1)


@pytest.mark.parametrize(("entry", "params"), CASES)
def test_a_penalised_discriminator_treats_images_independently(entry, params, monkeypatch) -> None:
    # StyleGAN2 keeps this statistic of a batch under R1.
    monkeypatch.setattr(MinibatchStddev, "forward", without_statistic)
    variant, batch = build(entry, params)
    images = batch.images.requires_grad_()
    first = variant.discriminator_output(images, batch).logits[0].sum()
    (gradient,) = torch.autograd.grad(first, images)
    assert gradient[0].any()
    assert not gradient[1:].any()


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.name)
def test_a_penalty_changes_no_other_norms_and_no_parameters(entry) -> None:
    free, penalised = (build(entry, {"gp_lambda": weight, "r1_gamma": 0})[0] for weight in (0, 1))
    count = [
        sum(isinstance(m, nn.BatchNorm2d) for m in v.generator.modules()) for v in (free, penalised)
    ]
    assert count[0] == count[1]
    for ours, theirs in zip(free.parameters(), penalised.parameters(), strict=True):
        assert torch.equal(ours, theirs)
