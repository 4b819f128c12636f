"""Losses, penalties and augmentation of variants with one generator and one discriminator."""

import math
from typing import get_args

import pytest
import torch
from torch import Tensor, nn

from gansearch.data.batch import Batch, ImageSpec
from gansearch.losses.adversarial import ADVERSARIAL
from gansearch.losses.penalties import gradient_penalty, r1
from gansearch.nn.augment import augment
from gansearch.nn.optim import OptimiserFactory, sgd
from gansearch.variants.adversarial import AdversarialVariant
from gansearch.variants.settings import Adversarial, AdversarialName


class Toy(AdversarialVariant[Adversarial]):
    """A generator that shifts its latent and a discriminator that sums pixels."""

    def __init__(self, **settings) -> None:
        spec = ImageSpec(1, 8)
        generator = nn.Sequential(nn.Linear(4, 64), nn.Tanh(), nn.Unflatten(1, (1, 8, 8)))
        discriminator = nn.Sequential(nn.Flatten(), nn.Linear(64, 1), nn.Flatten(0))
        super().__init__(Adversarial(z_dim=4, **settings), spec, generator, discriminator)
        self.seen: list[int] = []

    def optimiser(self, lr: float) -> OptimiserFactory:
        return sgd(lr, 0.0)

    def latents(
        self, count: int, device: torch.device, generator: torch.Generator | None = None
    ) -> Tensor:
        return torch.randn(count, 4, device=device, generator=generator)

    def discriminate(self, images: Tensor, batch: Batch) -> Tensor:
        self.seen.append(len(images))
        return super().discriminate(images, batch)


@pytest.fixture
def batch() -> Batch:
    torch.manual_seed(0)
    return Batch(torch.rand(6, 1, 8, 8) * 2 - 1)


def test_discriminators_loss_builds_no_graph_through_the_generator(batch) -> None:
    toy = Toy()
    toy.losses("d", batch)["total"].backward()
    assert all(p.grad is None for p in toy.generator.parameters())


@pytest.mark.parametrize("loss", ADVERSARIAL)
def test_losses_are_the_pairs_on_the_networks_logits(loss: str, batch) -> None:
    toy = Toy(loss=loss)
    torch.manual_seed(1)
    fakes = toy.generator(torch.randn(6, 4))
    real, fake = toy.discriminator(batch.images), toy.discriminator(fakes)
    torch.manual_seed(1)
    losses = toy.losses("d", batch)
    assert losses["total"].item() == pytest.approx(ADVERSARIAL[loss].d(real, fake).item())
    assert losses["real_logit"].item() == pytest.approx(real.mean().item())
    assert losses["fake_logit"].item() == pytest.approx(fake.mean().item())
    torch.manual_seed(1)
    expected = ADVERSARIAL[loss].generator(fake, lambda: real)
    assert toy.losses("g", batch)["total"].item() == pytest.approx(expected.item())


def test_a_generators_step_uses_real_images_only_if_its_loss_does(batch) -> None:
    toy = Toy()
    toy.losses("g", batch)
    assert toy.seen == [6]
    toy = Toy(loss="relativistic")
    toy.losses("g", batch)
    assert toy.seen == [6, 6]


@pytest.mark.parametrize("loss", ADVERSARIAL)
def test_players_minimise_their_side(loss: str, batch) -> None:
    toy = Toy(loss=loss, g_lr=0.01)
    for name in ("d", "g"):
        player = toy.players[name]
        optimiser = player.optimiser(player.parameters())
        values = []
        for _ in range(5):
            torch.manual_seed(1)
            total = toy.losses(name, batch)["total"]
            toy.zero_grad()
            total.backward()
            optimiser.step()
            values.append(total.item())
        assert values == sorted(values, reverse=True)
        assert values[0] > values[-1]


@pytest.mark.parametrize("player", ["d", "g"])
def test_the_discriminator_gets_augmented_real_and_fake_images(player: str, batch) -> None:
    toy = Toy(loss="relativistic", augment="color_cutout", gp_lambda=1.0, r1_gamma=1.0)
    toy.augment = lambda images: images * 0
    toy.discriminate = lambda images, _: images.sum((1, 2, 3)) + toy.discriminator(images * 0)
    losses = toy.losses(player, batch)
    assert losses["total"].item() == pytest.approx(math.log(2))  # real and fake are the same
    gp, lazy = (penalty.compute(batch).item() for penalty in toy.penalties("d"))
    assert gp == pytest.approx(1)  # the gradient is 0
    assert lazy == pytest.approx(0)


def test_augmentation_follows_the_settings_and_does_not_apply_to_samples(batch) -> None:
    toy = Toy(augment="color_cutout")
    torch.manual_seed(4)
    expected = augment(batch.images, "color_cutout")
    torch.manual_seed(4)
    assert torch.equal(toy.augment(batch.images), expected)
    assert Toy().augment(batch.images) is batch.images
    samples = [t.sample(batch, torch.Generator().manual_seed(0)) for t in (toy, toy)]
    assert torch.equal(*samples)


def test_probability_of_augmentation_follows_the_discriminator(batch) -> None:
    toy = Toy(augment="color_cutout", ada_target=0.6, ada_kimg=0.03)
    assert torch.equal(toy.augment(batch.images), batch.images)  # p starts from 0
    with torch.no_grad():
        toy.discriminator[1].weight.zero_()
        toy.discriminator[1].bias.fill_(3.0)
    seen = [toy.losses("d", batch) for _ in range(5)]
    assert [s["augment_p"].item() for s in seen] == pytest.approx([0.0] * 4 + [4 * 6 / 30])
    assert all(s["real_sign"] == 1 for s in seen)
    torch.manual_seed(4)
    expected = augment(batch.images, "color_cutout", torch.tensor(0.8))
    torch.manual_seed(4)
    assert torch.equal(toy.augment(batch.images), expected)
    toy.losses("g", batch)  # moves nothing
    with torch.no_grad():
        toy.discriminator[1].bias.fill_(-3.0)
    for _ in range(7):
        toy.losses("d", batch)
    assert torch.equal(toy.augment(batch.images), batch.images)
    assert "ada.value" in toy.state_dict()
    assert Toy().ada is None


def test_settings_name_every_row_of_the_table() -> None:
    assert get_args(AdversarialName) == tuple(ADVERSARIAL)


def test_penalties_and_clipping_are_off_by_default() -> None:
    toy = Toy()
    before = toy.discriminator[1].weight.clone()
    toy.after_step("d")
    assert torch.equal(toy.discriminator[1].weight, before)
    assert toy.penalties("d") == toy.penalties("g") == ()


def test_penalties_are_weighted_and_belong_to_the_discriminator(batch) -> None:
    toy = Toy(gp_lambda=10.0, r1_gamma=3.0, r1_interval=16)
    assert toy.penalties("g") == ()
    gp, lazy = toy.penalties("d")
    assert (gp.name, gp.interval, lazy.name, lazy.interval) == ("gp", 1, "r1", 16)
    torch.manual_seed(2)
    value = gp.compute(batch)
    torch.manual_seed(2)
    fakes = toy.generator(torch.randn(6, 4)).detach()
    expected = gradient_penalty(toy.discriminator, batch.images, fakes, 10.0)
    assert value.item() == pytest.approx(expected.item())
    assert lazy.compute(batch).item() == pytest.approx(
        r1(toy.discriminator, batch.images, 3.0).item()
    )
    value.backward()
    assert all(p.grad is None for p in toy.generator.parameters())


def test_clipping_bounds_the_discriminator_alone() -> None:
    toy = Toy(clip=0.01)
    generator = [p.clone() for p in toy.generator.parameters()]
    with torch.no_grad():
        toy.after_step("g")
        assert toy.discriminator[1].weight.abs().max() > 0.01
        toy.after_step("d")
    assert all(p.abs().max() <= 0.01 for p in toy.discriminator.parameters())
    assert all(
        torch.equal(a, b) for a, b in zip(generator, toy.generator.parameters(), strict=True)
    )
