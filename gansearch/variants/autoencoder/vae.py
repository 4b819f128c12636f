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
from gansearch.variants.autoencoder.settings import VaeSettings
from gansearch.variants.base import Losses, Player, Variant

_EVALUATED = 256  # images per batch of evaluation


class Decoder(nn.Module):
    """Maps latents to a distribution of images with pixels in [0, 1].

    Args:
        network: ``[N, z_dim]`` → the logits of the pixels' means, ``[N, C, H, W]``.
        gaussian: whether pixels are Gaussian instead of Bernoulli.
    """

    def __init__(self, network: nn.Module, *, gaussian: bool) -> None:
        super().__init__()
        self.network = network
        self.log_deviation = nn.Parameter(torch.zeros(())) if gaussian else None

    def forward(self, z: Tensor) -> Tensor:
        """Logits of the pixels' means."""
        logits: Tensor = self.network(z)
        return logits

    def log_likelihood(self, z: Tensor, pixels: Tensor) -> Tensor:
        """Log-likelihood of each image given z, ``[N]``, in nats."""
        logits = self(z)
        if self.log_deviation is None:
            return bernoulli_log_likelihood(logits, pixels)
        return gaussian_log_likelihood(logits.sigmoid(), self.log_deviation, pixels)


class Vae(Variant[VaeSettings]):
    """A variational autoencoder that maximises the evidence lower bound.

    Encoder and decoder form one player. The networks are DCGAN's; the paper uses perceptrons.
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
        """Encoder and decoder as one player with Adam."""
        settings = self.settings
        optimiser = adam(settings.g_lr, settings.beta1, settings.beta2)
        return {"g": Player("g", (self.encoder, self.decoder), optimiser)}

    def phases(self) -> Sequence[tuple[str, int]]:
        """One step per round."""
        return (("g", 1),)

    def posterior(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and log-variance of q(z|x), ``[N, z_dim]`` each."""
        mean, log_variance = self.encoder(images).chunk(2, dim=1)
        return mean, log_variance

    def losses(self, player: str, batch: Batch) -> Losses:  # noqa: ARG002 - there is only one
        """The negative evidence lower bound by one sample per image (equation 10) and its terms."""
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
        """Decode the posteriors' means: images ``[N, C, H, W]`` in [-1, 1] to the same shape."""
        return self._images(self.posterior(images)[0])

    def evaluate(self, heldout: ImageSet | None) -> dict[str, float]:
        """``reconstruction_mse``: mean squared error on held-out images with pixels in [0, 1]."""
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
        """Decode latents from the prior, drawn on the CPU, to the pixels' means."""
        z = torch.randn(len(batch), self.settings.z_dim, generator=generator)
        return self._images(z.to(batch.images.device))

    def _images(self, z: Tensor) -> Tensor:
        pixels: Tensor = self.decoder(z).sigmoid()
        return 2 * pixels - 1
