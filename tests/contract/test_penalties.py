"""What every discriminator must be under a penalty of its gradient; variants are found by entry."""

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
    """The small form, and where there are any with norms inside separable convolutions."""
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
    """In training mode, at 16 pixels, where every discriminator that has norms has several."""
    torch.manual_seed(0)
    classes = 3 if entry.data is DataKind.LABEL else 0
    spec = ImageSpec(1, 2 * entry.resolution, classes)
    variant = entry.load()(entry.small_settings(**params), spec).train()
    labels = torch.arange(4) % classes if classes else None
    return variant, Batch(torch.rand(4, 1, spec.resolution, spec.resolution) * 2 - 1, labels)


def without_statistic(_: nn.Module, x: Tensor) -> Tensor:
    return torch.cat([x, torch.zeros_like(x[:, :1])], 1)


@pytest.mark.parametrize(("entry", "params"), CASES)
def test_a_penalised_discriminator_looks_at_images_one_by_one(entry, params, monkeypatch) -> None:
    # The one number over a batch that StyleGAN2 has under R1, on purpose.
    monkeypatch.setattr(MinibatchStddev, "forward", without_statistic)
    variant, batch = build(entry, params)
    images = batch.images.requires_grad_()
    first = variant.discriminator_output(images, batch).logits[0].sum()
    (gradient,) = torch.autograd.grad(first, images)
    assert gradient[0].any()
    assert not gradient[1:].any()


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.name)
def test_other_norms_and_parameters_are_what_they_were(entry) -> None:
    free, penalised = (build(entry, {"gp_lambda": weight, "r1_gamma": 0})[0] for weight in (0, 1))
    count = [
        sum(isinstance(m, nn.BatchNorm2d) for m in v.generator.modules()) for v in (free, penalised)
    ]
    assert count[0] == count[1]
    for ours, theirs in zip(free.parameters(), penalised.parameters(), strict=True):
        assert torch.equal(ours, theirs)


def test_without_a_penalty_the_papers_batch_norm_stays() -> None:
    variant, _ = build(CATALOG["dcgan"], {})
    assert any(isinstance(m, nn.BatchNorm2d) for m in variant.discriminator.modules())
