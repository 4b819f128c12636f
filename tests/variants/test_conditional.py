"""The variants on labels: their papers' sizes and formulas."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gansearch.data.batch import Batch, ImageSpec
from gansearch.errors import DataError
from gansearch.losses.adversarial import ADVERSARIAL
from gansearch.losses.contrastive import conditional_contrastive
from gansearch.nn.norm import ConditionalBatchNorm
from gansearch.settings import Dsc
from gansearch.variants.catalog import CATALOG
from gansearch.variants.conditional.acgan import Acgan
from gansearch.variants.conditional.cgan import Cgan
from gansearch.variants.conditional.contragan import Contragan
from gansearch.variants.conditional.projgan import Projgan

CLASSES = 3
LABELLED = ["cgan", "acgan", "projgan", "contragan"]


def build(name: str, resolution: int = 8, **params):
    torch.manual_seed(0)
    entry = CATALOG[name]
    return entry.load()(entry.small_settings(**params), ImageSpec(1, resolution, CLASSES))


def batch_of(count: int = 6, resolution: int = 8) -> Batch:
    generator = torch.Generator().manual_seed(0)
    images = torch.rand(count, 1, resolution, resolution, generator=generator) * 2 - 1
    return Batch(images, torch.arange(count) % CLASSES)


def count(network: nn.Module) -> int:
    return sum(p.numel() for p in network.parameters())


# --- Sizes ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "generator", "discriminator"),
    [
        # torch-mimicry, CGANPDGenerator32 and CGANPDDiscriminator32, 10 classes
        ("projgan", 4_304_387, 1_055_105),
        # PyTorch-StudioGAN, configs/CIFAR10/ContraGAN.yaml
        ("contragan", 9_416_196, 2_517_186),
    ],
)
def test_parameters_at_the_papers_size_are_the_reference_codes(
    name, generator, discriminator
) -> None:
    entry = CATALOG[name]
    with torch.device("meta"):
        variant = entry.load()(entry.settings(), ImageSpec(3, 32, 10))
    assert count(variant.generator) == generator
    assert count(variant.discriminator) == discriminator


def test_acgan_has_the_layers_of_table_2() -> None:
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


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("acgan", {"batch_size": 100, "z_dim": 100, "beta1": 0.5, "d_steps": 1, "g_lr": 2e-4}),
        ("projgan", {"loss": "hinge", "d_steps": 5, "beta1": 0, "beta2": 0.9, "z_dim": 128}),
        ("contragan", {"loss": "hinge", "d_steps": 5, "temperature": 1, "contrastive_weight": 1}),
        ("cgan", {"loss": "non_saturating", "d_steps": 1}),
    ],
)
def test_defaults_are_the_papers(name, expected) -> None:
    settings = CATALOG[name].settings()
    assert {key: getattr(settings, key) for key in expected} == expected


# --- Labels --------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", LABELLED)
def test_the_label_enters_the_generator(name) -> None:
    variant = build(name).eval()
    batch = batch_of()
    z = variant.latents(1, torch.device("cpu")).expand(len(batch), -1)
    with torch.no_grad():
        images = variant.generate(z, batch)
    torch.testing.assert_close(images[0], images[CLASSES])
    assert not torch.allclose(images[0], images[1])


@pytest.mark.parametrize("name", LABELLED)
def test_refuses_images_and_batches_without_labels(name) -> None:
    entry = CATALOG[name]
    with pytest.raises(DataError, match="needs labelled images"):
        entry.load()(entry.small_settings(), ImageSpec(1, 8))
    with pytest.raises(DataError, match="the batch has none"):
        build(name).losses("g", replace(batch_of(), labels=None))


# --- cgan ----------------------------------------------------------------------------------------


def test_cgan_joins_the_label_to_both_inputs() -> None:
    variant: Cgan = build("cgan").eval()
    batch = batch_of()
    one_hot = torch.eye(CLASSES)[batch.labels]
    z = variant.latents(len(batch), torch.device("cpu"))
    expected = variant.generator(torch.cat([z, one_hot], dim=1))
    torch.testing.assert_close(variant.generate(z, batch), expected)
    maps = torch.zeros(len(batch), CLASSES, 8, 8)
    for image, label in enumerate(batch.labels):
        maps[image, label] = 1
    expected = variant.discriminator(torch.cat([batch.images, maps], dim=1))
    torch.testing.assert_close(variant.discriminate(batch.images, batch), expected)


# --- acgan ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("conditioning", ["concat", "batch_norm"])
def test_acgan_generates_under_both_conditionings(conditioning) -> None:
    variant: Acgan = build("acgan", 16, conditioning=conditioning)
    norms = [type(norm) for norm in variant.generator.norms]
    kind = {"concat": nn.BatchNorm2d, "batch_norm": ConditionalBatchNorm}[conditioning]
    assert norms == [kind]
    losses = variant.losses("g", batch_of(resolution=16))
    losses["total"].backward()
    assert all(p.grad is not None for p in variant.generator.parameters())


def test_acgans_players_both_minimise_the_class_loss() -> None:
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


# --- projgan -------------------------------------------------------------------------------------


@torch.no_grad()
def test_projection_logit_is_equation_3() -> None:
    variant: Projgan = build("projgan").eval()
    d, batch = variant.discriminator, batch_of()
    h = d.features(batch.images)
    for i, label in enumerate(batch.labels):
        unconditional = float(d.linear.weight[0] @ h[i] + d.linear.bias[0])
        projection = float(d.embedding.weight[label] @ h[i])
        logit = variant.discriminate(batch.images, batch)[i].item()
        assert logit == pytest.approx(unconditional + projection, abs=1e-4)


def test_projgans_weights_in_d_have_spectral_norm_one() -> None:
    variant: Projgan = build("projgan")
    d = variant.discriminator
    layers = [d.linear, d.embedding, *(m for m in d.features.modules() if isinstance(m, nn.Conv2d))]
    assert len(layers) == 2 + 2 * 3 + 1  # one block of three has a convolution beside it
    for layer in layers:
        for _ in range(60):
            weight = layer.weight
        norm = torch.linalg.matrix_norm(weight.flatten(1), 2)
        assert norm.item() == pytest.approx(1, abs=0.02)


def test_a_spectral_norm_moves_on_once_an_update() -> None:
    variant: Projgan = build("projgan")
    norm = variant.discriminator.linear.parametrizations.weight[0]
    calls: list[Tensor] = []
    norm.register_forward_hook(lambda *_: calls.append(norm._u.clone()))
    variant.losses("d", batch_of())["total"].backward()
    assert len(calls) == 1
    variant.losses("g", batch_of())
    assert len(calls) == 2


# --- contragan -----------------------------------------------------------------------------------


def test_contragans_players_contrast_their_own_images() -> None:
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


def test_what_does_not_divide_goes_to_the_stem() -> None:
    assert build("contragan", 16, z_dim=14).generator.parts == [6, 4, 4]


def test_separable_convolutions_train_in_every_part() -> None:
    variant: Contragan = build("contragan", 16, **{"dsc.where": "both", "dsc.middle": "norm_act"})
    assert variant.settings.dsc == Dsc(where="both", middle="norm_act")
    for player in ("d", "g"):
        total = variant.losses(player, batch_of(resolution=16))["total"]
        assert total.isfinite()
