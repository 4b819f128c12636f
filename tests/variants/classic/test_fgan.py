"""f-GAN on the networks of ``dcgan`` and ``gan``."""

from __future__ import annotations

import pytest
import torch

from gansearch.data.batch import Batch, ImageSpec
from gansearch.losses.divergences import DIVERGENCES
from gansearch.nn.dcgan import DcganDiscriminator, DcganGenerator
from gansearch.nn.mlp import MaxoutDiscriminator, MlpGenerator
from gansearch.variants.classic.dcgan import Dcgan
from gansearch.variants.classic.fgan import G_LOSSES, Fgan
from gansearch.variants.classic.gan import Gan
from gansearch.variants.classic.settings import DcganSettings, FganSettings, GanSettings

SPEC = ImageSpec(1, 8)
SMALL = {"z_dim": 8, "g_channels": 8, "d_channels": 8, "g_hidden": 16, "d_hidden": 16}


def build(**settings: object) -> Fgan:
    torch.manual_seed(0)
    return Fgan(FganSettings(**{**SMALL, **settings}), SPEC)


@pytest.fixture
def batch() -> Batch:
    torch.manual_seed(0)
    return Batch(torch.rand(6, 1, 8, 8) * 2 - 1)


@pytest.mark.parametrize("nets", ["dcgan", "mlp"])
@pytest.mark.parametrize("g_loss", G_LOSSES)
@pytest.mark.parametrize("divergence", DIVERGENCES)
def test_players_minimise_the_papers_sides(divergence, g_loss, nets, batch) -> None:
    variant = build(divergence=divergence, g_loss=g_loss, nets=nets).eval()
    row = DIVERGENCES[divergence]
    torch.manual_seed(1)
    fake = variant.discriminator(variant.generator(variant.latents(6, torch.device("cpu"))))
    real = variant.discriminator(batch.images)
    torch.manual_seed(1)
    losses = variant.losses("d", batch)
    t_real, t_fake = row.activation(real), row.activation(fake)
    expected = row.conjugate(t_fake).mean() - t_real.mean()
    assert losses["total"].item() == pytest.approx(expected.item(), abs=1e-5)
    torch.manual_seed(1)
    g_total = variant.losses("g", batch)["total"].item()
    side = -t_fake if g_loss == "non_saturating" else -row.conjugate(t_fake)
    assert g_total == pytest.approx(side.mean().item(), abs=1e-5)


@pytest.mark.parametrize("g_loss", G_LOSSES)
@pytest.mark.parametrize("divergence", DIVERGENCES)
def test_gradients_push_real_up_and_fake_down(divergence, g_loss) -> None:
    loss = build(divergence=divergence, g_loss=g_loss).adversarial
    real, fake = torch.randn(2, 5).requires_grad_().unbind()
    d_real, d_fake = torch.autograd.grad(loss.d(real, fake), (real, fake))
    assert (d_real < 0).all()
    if divergence != "pearson":  # whose conjugate's slope is T / 2 + 1
        assert (d_fake > 0).all()
        (g_fake,) = torch.autograd.grad(loss.g(fake), fake)
        assert (g_fake < 0).all()


def test_gan_is_the_game_of_2014(batch) -> None:
    plain = Dcgan(DcganSettings(z_dim=8, g_channels=8, d_channels=8), SPEC)
    variant = build(divergence="gan")
    variant.load_state_dict(plain.state_dict())
    for player in ("d", "g"):
        totals = []
        for each in (plain, variant):
            torch.manual_seed(1)
            totals.append(each.losses(player, batch)["total"].item())
        assert totals[0] == pytest.approx(totals[1], rel=1e-6)


@pytest.mark.parametrize(
    ("nets", "kinds", "other"),
    [
        (
            "dcgan",
            (DcganGenerator, DcganDiscriminator),
            lambda: Dcgan(DcganSettings(z_dim=8, g_channels=8, d_channels=8), SPEC),
        ),
        (
            "mlp",
            (MlpGenerator, MaxoutDiscriminator),
            lambda: Gan(GanSettings(z_dim=8, g_hidden=16, d_hidden=16), SPEC),
        ),
    ],
)
def test_networks_are_those_of_the_named_variant(nets, kinds, other) -> None:
    variant = build(nets=nets)
    assert (type(variant.generator), type(variant.discriminator)) == kinds
    shapes, expected = (
        {name: tensor.shape for name, tensor in each.state_dict().items()}
        for each in (variant, other())
    )
    assert shapes == expected


def test_penalties_and_adaptive_steps_apply(batch) -> None:
    variant = build(nets="mlp", gp_lambda=10.0, r1_gamma=1.0, clip=0.5, d_steps="adaptive")
    assert [penalty.name for penalty in variant.penalties("d")] == ["gp", "r1"]
    assert all(penalty.compute(batch).isfinite() for penalty in variant.penalties("d"))
    assert "edge" in variant.losses("d", batch)
