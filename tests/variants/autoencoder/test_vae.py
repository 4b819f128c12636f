"""Losses, samples and metrics of the variational autoencoder against closed forms."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor, nn
from torch.distributions import MultivariateNormal

from gansearch.config import DataConfig, TrainConfig
from gansearch.data import Images, load_images
from gansearch.data.batch import Batch, ImageSpec
from gansearch.train.trainer import Trainer
from gansearch.variants.autoencoder.settings import VaeSettings
from gansearch.variants.autoencoder.vae import Vae

CPU = torch.device("cpu")
SPEC = ImageSpec(1, 8)
SMALL = {"z_dim": 4, "g_channels": 8, "e_channels": 8}


def build(**settings: object) -> Vae:
    torch.manual_seed(0)
    return Vae(VaeSettings(**{**SMALL, **settings}), SPEC)


@pytest.fixture
def batch() -> Batch:
    torch.manual_seed(0)
    return Batch(torch.rand(6, 1, 8, 8) * 2 - 1)


def test_one_player_owns_both_networks() -> None:
    variant = build()
    assert variant.players.keys() == {"g"}
    assert variant.phases() == (("g", 1),)
    owned = sum(p.numel() for p in variant.players["g"].parameters())
    assert owned == sum(p.numel() for p in variant.parameters())


def test_an_untrained_posterior_is_nearly_the_prior(batch: Batch) -> None:
    assert build().losses("g", batch)["divergence"] < 0.2


@pytest.mark.parametrize("beta", [0.0, 1.0, 4.0])
def test_terms_are_weighted(beta: float, batch: Batch) -> None:
    losses = build(beta=beta).losses("g", batch)
    expected = losses["reconstruction"] + beta * losses["divergence"]
    assert losses["total"].item() == pytest.approx(expected.item())


def test_reconstruction_is_cross_entropy_in_the_pixels_range() -> None:
    variant = build(decoder="bernoulli").eval()
    variant.decoder.network = nn.Sequential(nn.Linear(4, 64), nn.Unflatten(1, (1, 8, 8)))
    nn.init.zeros_(variant.decoder.network[0].weight)
    nn.init.constant_(variant.decoder.network[0].bias, 0.7)
    white = 1 / (1 + math.exp(-0.7))
    for value, share in ((-1.0, 1 - white), (1.0, white)):
        losses = variant.losses("g", Batch(torch.full((2, 1, 8, 8), value)))
        assert losses["reconstruction"].item() == pytest.approx(-64 * math.log(share), rel=1e-5)


def test_only_a_gaussian_decoder_learns_a_deviation(batch: Batch) -> None:
    assert build(decoder="bernoulli").decoder.log_deviation is None
    variant = build(decoder="gaussian")
    variant.losses("g", batch)["total"].backward()
    assert variant.decoder.log_deviation.grad.item() > 0  # 1 is too wide for pixels in [0, 1]


# --- The bound -----------------------------------------------------------------------------------


class Linear(nn.Module):
    """p(x|z) = N(Wz + b, s²): what the bound can be compared with in closed form."""

    def __init__(self, dim: int, pixels: int) -> None:
        super().__init__()
        self.weight = torch.randn(pixels, dim) / 4
        self.bias = torch.rand(pixels) / 2
        self.s = 0.3

    def log_likelihood(self, z: Tensor, pixels: Tensor) -> Tensor:
        normal = torch.distributions.Normal(z @ self.weight.T + self.bias, self.s)
        return normal.log_prob(pixels.flatten(1)).sum(1)

    def evidence(self, pixels: Tensor) -> Tensor:
        covariance = self.weight @ self.weight.T + self.s**2 * torch.eye(len(self.bias))
        return MultivariateNormal(self.bias, covariance).log_prob(pixels.flatten(1))

    def posterior(self, pixels: Tensor) -> tuple[Tensor, Tensor]:
        precision = torch.eye(self.weight.shape[1]) + self.weight.T @ self.weight / self.s**2
        covariance = precision.inverse()
        mean = (pixels.flatten(1) - self.bias) @ self.weight @ covariance / self.s**2
        return mean, covariance


class Posterior(nn.Module):
    def __init__(self, mean: Tensor, log_variance: Tensor) -> None:
        super().__init__()
        self.out = torch.cat([mean, log_variance], 1)

    def forward(self, images: Tensor) -> Tensor:
        return self.out.repeat(len(images) // len(self.out), 1)


def bound(variant: Vae, images: Tensor, draws: int) -> float:
    torch.manual_seed(3)
    return -variant.losses("g", Batch(images.repeat(draws, 1, 1, 1)))["total"].item()


def test_bound_is_below_the_evidence_and_reaches_it_by_the_true_posterior() -> None:
    torch.manual_seed(1)
    variant, model = build(), Linear(1, 64)
    variant.decoder = model
    images = torch.rand(5, 1, 8, 8) * 2 - 1
    pixels = (images + 1) / 2
    evidence = model.evidence(pixels).mean().item()
    mean, covariance = model.posterior(pixels)  # of one dimension, so that q can be it
    log_variance = covariance.log().expand(5, 1)
    variant.encoder = Posterior(mean, log_variance)
    assert bound(variant, images, 400) == pytest.approx(evidence, abs=0.05)
    for shift, wider in ((0.3, 0.0), (0.0, 2.0), (-0.2, -2.0)):
        variant.encoder = Posterior(mean + shift, log_variance + wider)
        gap = evidence - bound(variant, images, 400)
        variance = covariance.item()
        other = variance * math.exp(wider)
        divergence = ((other + shift**2) / variance - 1 - wider) / 2  # of q from the posterior
        assert gap == pytest.approx(divergence, rel=0.1)
        assert gap > 0


# --- Images --------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def digits() -> Images:
    return load_images(DataConfig(name="digits", holdout=0.5))


def test_reconstructions_come_from_the_posteriors_mean(batch: Batch) -> None:
    variant = build().eval()
    first, second = variant.reconstruct(batch.images), variant.reconstruct(batch.images)
    assert first.shape == batch.images.shape
    assert torch.equal(first, second)
    assert first.abs().max() <= 1
    assert not first.requires_grad


def test_trained_reconstructions_are_near_and_of_the_right_image(digits: Images) -> None:
    settings = {"g_channels": 8, "e_channels": 8, "g_lr": 5e-3, "batch_size": 32, "z_dim": 8}
    config = TrainConfig(
        variant="vae", settings=settings, data=DataConfig(name="digits", holdout=0.5),
        seed=0, max_kimg=10,
    )  # fmt: skip
    trainer = Trainer(config, digits, CPU)
    before = trainer.evaluate(digits.heldout)["reconstruction_mse"]
    trainer.advance(10)
    after = trainer.evaluate(digits.heldout)["reconstruction_mse"]
    assert after < before / 3
    images = digits.heldout.batch(torch.arange(50)).images
    made = trainer.variant.eval().reconstruct(images)
    errors = (images[:, None] - made[None]).square().flatten(2).mean(2)  # of each by each
    own = errors.diagonal().mean()
    assert errors.mean() > 2 * own
    assert trainer.evaluate(None) == {}
