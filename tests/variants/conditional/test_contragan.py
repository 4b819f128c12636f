"""ContraGAN: the contrastive loss, the split of latents and the reference code's size."""

from __future__ import annotations

import pytest
import torch

from gansearch.data.batch import ImageSpec
from gansearch.losses.adversarial import ADVERSARIAL
from gansearch.losses.contrastive import conditional_contrastive
from gansearch.settings import Dsc
from gansearch.variants.catalog import CATALOG
from gansearch.variants.conditional.contragan import Contragan
from tests.variants.conditional.small import batch_of, build


def test_parameters_equal_the_reference_codes() -> None:
    """PyTorch-StudioGAN, configs/CIFAR10/ContraGAN.yaml."""
    entry = CATALOG["contragan"]
    with torch.device("meta"):
        variant = entry.load()(entry.settings(), ImageSpec(3, 32, 10))
    sizes = [sum(p.numel() for p in n.parameters()) for n in variant.children()]
    assert sizes == [9_416_196, 2_517_186]


def test_d_contrasts_real_images_and_g_generated_ones() -> None:
    settings = {"temperature": 0.3, "contrastive_weight": 2.0}
    variant: Contragan = build("contragan", **settings).eval()
    batch = batch_of()
    torch.manual_seed(1)
    fakes = variant.generate(variant.latents(len(batch), torch.device("cpu")), batch)
    sides = [variant.discriminator(x, batch.labels) for x in (batch.images, fakes)]
    real, fake = (2 * conditional_contrastive(*side[1:], batch.labels, 0.3) for side in sides)
    pair = ADVERSARIAL["hinge"]
    torch.manual_seed(1)
    d = variant.losses("d", batch)
    torch.testing.assert_close(d["total"], pair.d(sides[0][0], sides[1][0]) + real)
    torch.manual_seed(1)
    g = variant.losses("g", batch)
    torch.testing.assert_close(g["total"], pair.g(sides[1][0]) + fake)


@pytest.mark.parametrize(("resolution", "parts"), [(8, [6, 6]), (16, [4, 4, 4]), (32, [3] * 4)])
def test_latents_are_split_over_stem_and_blocks(resolution, parts) -> None:
    variant: Contragan = build("contragan", resolution)
    assert variant.generator.parts == parts
    affine = variant.generator.network.blocks[0].norm1.gain
    assert affine.in_features == 8 + parts[1]


def test_the_stem_takes_the_remainder_of_the_latent() -> None:
    assert build("contragan", 16, z_dim=14).generator.parts == [6, 4, 4]


def test_separable_convolutions_train_in_every_part() -> None:
    variant: Contragan = build("contragan", 16, **{"dsc.where": "both", "dsc.middle": "norm_act"})
    assert variant.settings.dsc == Dsc(where="both", middle="norm_act")
    for player in ("d", "g"):
        total = variant.losses(player, batch_of(resolution=16))["total"]
        assert total.isfinite()
