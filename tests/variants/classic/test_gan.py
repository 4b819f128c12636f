"""The first GAN against its paper and released configuration."""

import math

import pytest
import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits as bce

from gansearch.data.batch import Batch, ImageSpec
from gansearch.variants.classic.gan import Gan
from gansearch.variants.classic.settings import GanSettings

SHAPE = (1, 8, 8)


def build(resolution: int = 8, **settings) -> Gan:
    torch.manual_seed(0)
    return Gan(GanSettings(**settings), ImageSpec(1, resolution))


def test_parameters_at_mnists_size() -> None:
    # 28 is no power of two, so the networks are asked for it directly.
    with torch.device("meta"):
        variant = Gan(GanSettings(), ImageSpec(1, 28))
    counts = {
        name: sum(p.numel() for p in player.parameters())
        for name, player in variant.players.items()
    }
    assert counts == {"g": 2_503_984, "d": 1_231_441}  # 2.50 M and 1.23 M


def test_steps_are_those_of_the_released_losses() -> None:
    """The released code has equal rates of 0.1 and halves the sum of D's two losses."""
    variant = build(dropout=0.0)
    variant.discriminator.layers[1].p = 0.0  # of the input
    batch = Batch(torch.rand(100, *SHAPE) * 2 - 1)
    zeros, ones = torch.zeros(100), torch.ones(100)

    def released(name: str) -> Tensor:
        torch.manual_seed(1)
        fakes = variant.generate(variant.latents(100, torch.device("cpu")), batch)
        fake = variant.discriminate(fakes, batch)
        if name == "g":
            return bce(fake, ones)
        return 0.5 * (bce(variant.discriminate(batch.images, batch), ones) + bce(fake, zeros))

    for name, player in variant.players.items():
        parameters = player.parameters()
        expected = torch.autograd.grad(released(name), parameters)
        before = [p.detach().clone() for p in parameters]
        variant.zero_grad()
        torch.manual_seed(1)
        variant.losses(name, batch)["total"].backward()
        player.optimiser(parameters).step()
        for old, new, gradient in zip(before, parameters, expected, strict=True):
            torch.testing.assert_close(new, old - 0.1 * gradient)


def test_latents_are_uniform_with_unit_variance() -> None:
    z = build().latents(20_000, torch.device("cpu"), torch.Generator().manual_seed(0))
    assert z.shape == (20_000, 100)
    assert z.abs().max().item() == pytest.approx(math.sqrt(3), rel=1e-3)
    assert z.std().item() == pytest.approx(1, rel=1e-2)
    assert z.mean().item() == pytest.approx(0, abs=1e-2)


@pytest.mark.parametrize(
    ("kimg", "lr", "momentum"),
    [
        (0, 0.1, 0.5),
        (50, 0.1 / 1.000004**500, 0.5),  # the first epoch ends, the momentum begins to rise
        (50 + 249 * 50 / 2, 0.1 / 1.000004 ** (10 * (50 + 249 * 25)), 0.6),
        (12_500, 0.1 / 1.000004**125_000, 0.7),
        (50_000, 0.1 / 1.000004**500_000, 0.7),
        (10_000_000, 1e-6, 0.7),
    ],
)
def test_schedule_is_the_released_one(kimg: float, lr: float, momentum: float) -> None:
    player = build().players["g"]
    optimiser = player.optimiser(player.parameters())
    for progress in (kimg / 2, kimg):  # a function of the progress, not of the calls
        player.schedule(optimiser, progress)
    assert optimiser.param_groups[0]["lr"] == pytest.approx(lr)
    assert optimiser.param_groups[0]["momentum"] == pytest.approx(momentum)


def test_schedule_starts_from_a_corrected_rate() -> None:
    player = build().players["g"]
    optimiser = player.optimiser(player.parameters())
    optimiser.param_groups[0]["initial_lr"] = 0.05
    player.schedule(optimiser, 100.0)
    assert optimiser.param_groups[0]["lr"] == pytest.approx(0.05 / 1.000004**1000)


def test_decay_counts_updates_not_images() -> None:
    player = build(batch_size=50).players["g"]
    optimiser = player.optimiser(player.parameters())
    player.schedule(optimiser, 100.0)
    assert optimiser.param_groups[0]["lr"] == pytest.approx(0.1 / 1.000004**2000)


@pytest.mark.parametrize("loss", ["non_saturating", "minimax"])
def test_the_generators_loss_follows_the_setting(loss: str) -> None:
    assert build(loss=loss).adversarial.name == loss
