"""Miyato & Koyama 2018, cGANs with Projection Discriminator."""

from __future__ import annotations

from functools import partial

from torch import Tensor, nn

from gansearch.data.batch import Batch, ImageSpec
from gansearch.nn.conv import ConvFactory
from gansearch.nn.norm import ConditionalBatchNorm
from gansearch.nn.resnet import ResnetFeatures, ResnetGenerator, generator_widths, glorot_resnet_
from gansearch.nn.spectral import draw_weight, spectral_norm
from gansearch.variants.conditional.settings import ProjganSettings
from gansearch.variants.labelled import LabelledVariant, classes_of, labels_of


class Discriminator(nn.Module):
    """logit = ψ(h) + ⟨embed(y), h⟩ of features h (equation 3)."""

    def __init__(self, settings: ProjganSettings, spec: ImageSpec, classes: int) -> None:
        super().__init__()
        self.features = ResnetFeatures(
            ConvFactory(settings.dsc, "discriminator"),
            images=spec.channels,
            channels=settings.d_channels,
            resolution=spec.resolution,
        )
        width = self.features.width
        self.linear = spectral_norm(nn.Linear(width, 1))
        self.embedding = spectral_norm(nn.Embedding(classes, width))
        glorot_resnet_(self)
        draw_weight(self.embedding, nn.init.xavier_uniform_)

    def forward(self, images: Tensor, labels: Tensor) -> Tensor:
        """``[N, C, H, W]`` and ``[N]`` → logits ``[N]``."""
        h = self.features(images)  # [N, width]
        projection = (self.embedding(labels) * h).sum(1)
        logits: Tensor = self.linear(h).squeeze(1) + projection
        return logits


class Projgan(LabelledVariant[ProjganSettings]):
    """ResNets with spectral norm in D and conditional batch norm in G.

    At 32 pixels the widths are those of the papers' CIFAR-10 networks, above those of their
    networks for 64 and 128 pixels.
    """

    def __init__(self, settings: ProjganSettings, spec: ImageSpec) -> None:
        classes = classes_of(spec)
        widths = generator_widths(settings.g_channels, spec.resolution)
        generator = ResnetGenerator(
            ConvFactory(settings.dsc, "generator"),
            inputs=settings.z_dim,
            widths=widths,
            images=spec.channels,
            norm=partial(ConditionalBatchNorm, affine=partial(nn.Embedding, classes)),
        )
        glorot_resnet_(generator)
        super().__init__(settings, spec, generator, Discriminator(settings, spec, classes))
        self._blocks = len(widths) - 1

    def generate(self, z: Tensor, batch: Batch) -> Tensor:
        """Generate from latents, with the labels as condition of every block."""
        images: Tensor = self.generator(z, [labels_of(batch)] * self._blocks)
        return images

    def discriminate(self, images: Tensor, batch: Batch) -> Tensor:
        """Logits of images and labels."""
        logits: Tensor = self.discriminator(images, labels_of(batch))
        return logits
