"""Mirza & Osindero 2014, Conditional Generative Adversarial Nets."""

from __future__ import annotations

import torch
from torch import Tensor

from gansearch.data.batch import Batch, ImageSpec
from gansearch.nn.conv import ConvFactory
from gansearch.nn.dcgan import DcganDiscriminator, DcganGenerator
from gansearch.variants.conditional.settings import CganSettings
from gansearch.variants.labelled import LabelledVariant, classes_of


class Cgan(LabelledVariant[CganSettings]):
    """The label is concatenated to z in G and to the image in D (equation 2).

    The networks are DCGAN's, as in most later work; the paper uses perceptrons for MNIST. D gets
    the label as one constant map per class.
    """

    def __init__(self, settings: CganSettings, spec: ImageSpec) -> None:
        classes = classes_of(spec)
        generator = DcganGenerator(
            ConvFactory(settings.dsc, "generator"),
            inputs=settings.z_dim + classes,
            channels=settings.g_channels,
            images=spec.channels,
            resolution=spec.resolution,
        )
        discriminator = DcganDiscriminator(
            ConvFactory(settings.dsc, "discriminator"),
            channels=settings.d_channels,
            images=spec.channels + classes,
            resolution=spec.resolution,
        )
        super().__init__(settings, spec, generator, discriminator)

    def generate(self, z: Tensor, batch: Batch) -> Tensor:
        """Generate from latents concatenated with one-hot labels."""
        images: Tensor = self.generator(torch.cat([z, self.one_hot(batch)], dim=1))
        return images

    def discriminate(self, images: Tensor, batch: Batch) -> Tensor:
        """Logits of images concatenated with label maps."""
        maps = self.one_hot(batch)[:, :, None, None].expand(-1, -1, *images.shape[2:])
        logits: Tensor = self.discriminator(torch.cat([images, maps], dim=1))
        return logits
