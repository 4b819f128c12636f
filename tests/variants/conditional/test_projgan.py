"""Projection GAN: the logit of equation 3, spectral norms and the reference code's size."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from gansearch.data.batch import ImageSpec
from gansearch.variants.catalog import CATALOG
from gansearch.variants.conditional.projgan import Projgan
from tests.variants.conditional.small import batch_of, build


def test_parameters_equal_the_reference_codes() -> None:
    """torch-mimicry's CGANPDGenerator32 and CGANPDDiscriminator32 with 10 classes."""
    entry = CATALOG["projgan"]
    with torch.device("meta"):
        variant = entry.load()(entry.settings(), ImageSpec(3, 32, 10))
    sizes = [sum(p.numel() for p in n.parameters()) for n in variant.children()]
    assert sizes == [4_304_387, 1_055_105]


@torch.no_grad()
def test_the_logit_is_that_of_equation_3() -> None:
    variant: Projgan = build("projgan").eval()
    d, batch = variant.discriminator, batch_of()
    h = d.features(batch.images)
    for i, label in enumerate(batch.labels):
        unconditional = float(d.linear.weight[0] @ h[i] + d.linear.bias[0])
        projection = float(d.embedding.weight[label] @ h[i])
        logit = variant.discriminate(batch.images, batch)[i].item()
        assert logit == pytest.approx(unconditional + projection, abs=1e-4)


def test_the_discriminators_weights_have_spectral_norm_1() -> None:
    variant: Projgan = build("projgan")
    d = variant.discriminator
    layers = [d.linear, d.embedding, *(m for m in d.features.modules() if isinstance(m, nn.Conv2d))]
    assert len(layers) == 2 + 2 * 3 + 1  # one block of three has a convolution beside it
    for layer in layers:
        for _ in range(60):
            weight = layer.weight
        norm = torch.linalg.matrix_norm(weight.flatten(1), 2)
        assert norm.item() == pytest.approx(1, abs=0.02)


def test_spectral_norms_iterate_once_per_update() -> None:
    variant: Projgan = build("projgan")
    norm = variant.discriminator.linear.parametrizations.weight[0]
    calls: list[Tensor] = []
    norm.register_forward_hook(lambda *_: calls.append(norm._u.clone()))
    variant.losses("d", batch_of())["total"].backward()
    assert len(calls) == 1
    variant.losses("g", batch_of())
    assert len(calls) == 2
