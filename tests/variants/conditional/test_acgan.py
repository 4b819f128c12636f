"""AC-GAN: the layers of the paper's table 2 and the class loss of both players."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from gansearch.data.batch import ImageSpec
from gansearch.losses.adversarial import ADVERSARIAL
from gansearch.nn.norm import ConditionalBatchNorm
from gansearch.variants.catalog import CATALOG
from gansearch.variants.conditional.acgan import Acgan
from tests.variants.conditional.small import batch_of, build


def test_the_layers_are_those_of_table_2() -> None:
    entry = CATALOG["acgan"]
    with torch.device("meta"):
        variant = entry.load()(entry.settings(), ImageSpec(3, 32, 10))
    g, d = variant.generator, variant.discriminator
    assert [(c.in_channels, c.out_channels, c.kernel_size[0], c.stride[0]) for c in g.convs] == [
        (384, 192, 5, 2),
        (192, 96, 5, 2),
        (96, 3, 5, 2),
    ]
    assert g.stem[0].in_features == 110
    convs = [layer for layer in d.layers if isinstance(layer, nn.Conv2d)]
    assert [c.out_channels for c in convs] == [16, 32, 64, 128, 256, 512]
    assert [c.stride[0] for c in convs] == [2, 1, 2, 1, 2, 1]
    assert all(c.kernel_size == (3, 3) for c in convs)
    assert sum(isinstance(layer, nn.BatchNorm2d) for layer in d.layers) == 5
    assert {layer.p for layer in d.layers if isinstance(layer, nn.Dropout)} == {0.5}
    assert d.heads.out_features == 11


@pytest.mark.parametrize("conditioning", ["concat", "batch_norm"])
def test_both_conditionings_reach_the_whole_generator(conditioning) -> None:
    variant: Acgan = build("acgan", 16, conditioning=conditioning)
    norms = [type(norm) for norm in variant.generator.norms]
    kind = {"concat": nn.BatchNorm2d, "batch_norm": ConditionalBatchNorm}[conditioning]
    assert norms == [kind]
    losses = variant.losses("g", batch_of(resolution=16))
    losses["total"].backward()
    assert all(p.grad is not None for p in variant.generator.parameters())


def test_both_players_minimise_the_class_loss() -> None:
    variant: Acgan = build("acgan", class_weight=0.5, dropout=0.0)
    batch = batch_of()
    torch.manual_seed(1)
    fakes = variant.generate(variant.latents(len(batch), torch.device("cpu")), batch)
    real_logits, real_classes = variant.discriminator(batch.images)
    fake_logits, fake_classes = variant.discriminator(fakes)
    real, fake = (F.cross_entropy(c, batch.labels) / 2 for c in (real_classes, fake_classes))
    torch.manual_seed(1)
    d = variant.losses("d", batch)
    pair = ADVERSARIAL["non_saturating"]
    torch.testing.assert_close(d["real_class"], real)
    torch.testing.assert_close(d["fake_class"], fake)
    torch.testing.assert_close(d["total"], pair.d(real_logits, fake_logits) + real + fake)
    torch.manual_seed(1)
    g = variant.losses("g", batch)
    torch.testing.assert_close(g["total"], pair.g(fake_logits) + fake)
