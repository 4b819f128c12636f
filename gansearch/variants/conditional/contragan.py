"""Kang & Park 2020, ContraGAN: Contrastive Learning for Conditional Image Generation."""

from __future__ import annotations

from functools import partial
from typing import Literal

import torch
from torch import Tensor, nn

from gansearch.data.batch import Batch, ImageSpec
from gansearch.losses.contrastive import conditional_contrastive
from gansearch.nn.conv import ConvFactory
from gansearch.nn.init import orthogonal_
from gansearch.nn.norm import ConditionalBatchNorm
from gansearch.nn.resnet import ResnetFeatures, ResnetGenerator, generator_widths
from gansearch.nn.spectral import draw_weight, spectral_norm
from gansearch.variants.adversarial import DiscriminatorOutput
from gansearch.variants.base import Losses
from gansearch.variants.conditional.settings import ContraganSettings
from gansearch.variants.labelled import LabelledVariant, classes_of, labels_of


class Generator(nn.Module):
    """BigGAN's generator: each block's batch norms get a shared label embedding and a part of z.

    Source: Brock et al. 2019, appendix B ("hierarchical" latents).
    """

    def __init__(self, settings: ContraganSettings, spec: ImageSpec, classes: int) -> None:
        super().__init__()
        widths = generator_widths(settings.g_channels, spec.resolution)
        blocks = len(widths) - 1
        part = settings.z_dim // (blocks + 1)
        # The stem takes the remainder of an uneven division.
        self.parts = [settings.z_dim - blocks * part, *[part] * blocks]
        self.embedding = nn.Embedding(classes, settings.label_dim)

        def affine(channels: int) -> nn.Module:
            return spectral_norm(nn.Linear(settings.label_dim + part, channels, bias=False))

        self.network = ResnetGenerator(
            ConvFactory(settings.dsc, "generator"),
            inputs=self.parts[0],
            widths=widths,
            images=spec.channels,
            norm=partial(ConditionalBatchNorm, affine=affine),
            spectral_norm=True,
            attention=True,
        )
        orthogonal_(self)
        nn.init.orthogonal_(self.embedding.weight)

    def forward(self, z: Tensor, labels: Tensor) -> Tensor:
        """``[N, z_dim]`` and ``[N]`` → ``[N, C, H, W]`` in [-1, 1]."""
        label = self.embedding(labels)
        stem, *parts = torch.split(z, self.parts, dim=1)
        images: Tensor = self.network(stem, [torch.cat([label, part], dim=1) for part in parts])
        return images


class Discriminator(nn.Module):
    """A logit, and embeddings of the images and their classes (section 3.2)."""

    def __init__(self, settings: ContraganSettings, spec: ImageSpec, classes: int) -> None:
        super().__init__()
        self.features = ResnetFeatures(
            ConvFactory(settings.dsc, "discriminator"),
            images=spec.channels,
            channels=settings.d_channels,
            resolution=spec.resolution,
            attention=True,
        )
        width = self.features.width
        self.linear = spectral_norm(nn.Linear(width, 1))
        self.projection = spectral_norm(nn.Linear(width, settings.embedding_dim))
        self.proxies = spectral_norm(nn.Embedding(classes, settings.embedding_dim))
        orthogonal_(self)
        draw_weight(self.proxies, nn.init.orthogonal_)

    def forward(self, images: Tensor, labels: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """``[N, C, H, W]`` and ``[N]`` → logits ``[N]``, embeddings and proxies ``[N, E]``."""
        h = self.features(images)  # [N, width]
        return self.linear(h).squeeze(1), self.projection(h), self.proxies(labels)


class Contragan(LabelledVariant[ContraganSettings]):
    """BigGAN's networks with the 2C loss: on real images for D, on fakes for G (algorithm 1)."""

    def __init__(self, settings: ContraganSettings, spec: ImageSpec) -> None:
        classes = classes_of(spec)
        generator = Generator(settings, spec, classes)
        super().__init__(settings, spec, generator, Discriminator(settings, spec, classes))

    def generate(self, z: Tensor, batch: Batch) -> Tensor:
        """Generate from latents and labels."""
        images: Tensor = self.generator(z, labels_of(batch))
        return images

    def discriminator_output(self, images: Tensor, batch: Batch) -> DiscriminatorOutput:
        """Logits and the embeddings of images and labels."""
        logits, *heads = self.discriminator(images, labels_of(batch))
        return DiscriminatorOutput(logits, tuple(heads))

    def discriminate(self, images: Tensor, batch: Batch) -> Tensor:
        """Logits, which do not depend on the labels."""
        return self.discriminator_output(images, batch).logits

    def auxiliary(
        self, player: str, side: Literal["real", "fake"], output: DiscriminatorOutput, batch: Batch
    ) -> Losses:
        """The 2C loss: on real images for D, on fakes for G."""
        if (player, side) == ("d", "fake"):
            return {}
        embeddings, proxies = output.heads
        loss = conditional_contrastive(
            embeddings, proxies, labels_of(batch), self.settings.temperature
        )
        return {"contrastive": self.settings.contrastive_weight * loss}
