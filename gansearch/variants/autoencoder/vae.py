"""Kingma & Welling 2014, Auto-Encoding Variational Bayes."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from gansearch.data.batch import Batch, ImageSpec
from gansearch.data.images import ImageSet
from gansearch.losses.variational import (
    bernoulli_log_likelihood,
    divergence_from_prior,
    gaussian_log_likelihood,
)
from gansearch.nn.conv import ConvFactory
from gansearch.nn.dcgan import DcganDiscriminator, DcganGenerator
from gansearch.nn.optim import adam
from gansearch.variants.autoencoder.entries import VaeSettings
from gansearch.variants.base import Losses, Player, Variant

_EVALUATED = 256  # images at a time


class Decoder(nn.Module):
    """From latents to a distribution of images with pixels in [0, 1].

    Args:
        network: ``[N, z_dim]`` → the logits of the pixels' means, ``[N, C, H, W]``.
        gaussian: whether pixels are normal around their means, or Bernoulli.
    """

    def __init__(self, network: nn.Module, *, gaussian: bool) -> None:
        super().__init__()
        self.network = network
        self.log_deviation = nn.Parameter(torch.zeros(())) if gaussian else None

    def forward(self, z: Tensor) -> Tensor:
        """The logits of the pixels' means."""
        logits: Tensor = self.network(z)
        return logits

    def log_likelihood(self, z: Tensor, pixels: Tensor) -> Tensor:
        """Log-likelihood given z of each image, ``[N]``, in nats."""
        logits = self(z)
        if self.log_deviation is None:
            return bernoulli_log_likelihood(logits, pixels)
        return gaussian_log_likelihood(logits.sigmoid(), self.log_deviation, pixels)


class Vae(Variant[VaeSettings]):
    """An encoder to normal posteriors, and a decoder whose evidence lower bound is raised.

    Both are one player. The networks are DCGAN's where the paper has perceptrons.
    """

    def __init__(self, settings: VaeSettings, spec: ImageSpec) -> None:
        super().__init__(settings, spec)
        conv = ConvFactory(settings.dsc, "generator")
        network = DcganGenerator(
            conv,
            inputs=settings.z_dim,
            channels=settings.g_channels,
            images=spec.channels,
            resolution=spec.resolution,
            output=nn.Identity(),
        )
        self.decoder = Decoder(network, gaussian=settings.decoder == "gaussian")
        self.encoder = DcganDiscriminator(
            conv,
            channels=settings.e_channels,
            images=spec.channels,
            resolution=spec.resolution,
            outputs=2 * settings.z_dim,
        )

    @property
    def players(self) -> dict[str, Player]:
        """The encoder and the decoder as one, under Adam."""
        settings = self.settings
        optimiser = adam(settings.g_lr, settings.beta1, settings.beta2)
        return {"g": Player("g", (self.encoder, self.decoder), optimiser)}

    def phases(self) -> Sequence[tuple[str, int]]:
        """One step."""
        return (("g", 1),)

    def posterior(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and log-variance of q(z|x), ``[N, z_dim]`` each."""
        mean, log_variance = self.encoder(images).chunk(2, dim=1)
        return mean, log_variance

    def losses(self, player: str, batch: Batch) -> Losses:  # noqa: ARG002 - there is only one
        """The negative evidence lower bound by one sample an image (equation 10), and its terms."""
        mean, log_variance = self.posterior(batch.images)
        z = mean + (log_variance / 2).exp() * torch.randn_like(mean)
        pixels = (batch.images + 1) / 2
        reconstruction = -self.decoder.log_likelihood(z, pixels).mean()
        divergence = divergence_from_prior(mean, log_variance).mean()
        return {
            "total": reconstruction + self.settings.beta * divergence,
            "reconstruction": reconstruction,
            "divergence": divergence,
        }

    @torch.no_grad()
    def reconstruct(self, images: Tensor) -> Tensor:
        """What the decoder makes of the posteriors' means; ``[N, C, H, W]`` in [-1, 1] to same."""
        return self._images(self.posterior(images)[0])

    def evaluate(self, heldout: ImageSet | None) -> dict[str, float]:
        """``reconstruction_mse``: mean squared error of held-out pixels, which are in [0, 1]."""
        if heldout is None:
            return {}
        device = next(self.parameters()).device
        total = torch.zeros((), dtype=torch.float64, device=device)
        for rows in torch.split(torch.arange(len(heldout)), _EVALUATED):
            images = heldout.batch(rows).to(device).images
            total += ((images - self.reconstruct(images)) / 2).square().flatten(1).mean(1).sum()
        return {"reconstruction_mse": total.item() / len(heldout)}

    @torch.no_grad()
    def sample(self, batch: Batch, generator: torch.Generator) -> Tensor:
        """The pixels' means for latents drawn from the prior on the CPU."""
        z = torch.randn(len(batch), self.settings.z_dim, generator=generator)
        return self._images(z.to(batch.images.device))

    def _images(self, z: Tensor) -> Tensor:
        pixels: Tensor = self.decoder(z).sigmoid()
        return 2 * pixels - 1
