"""Odena 2016, Semi-Supervised Learning with GANs; Salimans et al. 2016, section 5."""

from __future__ import annotations

from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from gansearch.data.batch import Batch, ImageSpec
from gansearch.data.images import ImageSet, permutation
from gansearch.errors import DataError
from gansearch.nn.conv import ConvFactory
from gansearch.nn.dcgan import DcganDiscriminator, DcganGenerator
from gansearch.nn.optim import OptimiserFactory, adam
from gansearch.variants.adversarial import AdversarialVariant, DiscriminatorOutput
from gansearch.variants.base import Losses
from gansearch.variants.classic.settings import SganSettings
from gansearch.variants.labelled import classes_of, labels_of

_EVALUATED = 256  # images per batch of evaluation


class Sgan(AdversarialVariant[SganSettings]):
    """A discriminator with K classes of real images and one class of generated ones.

    The logit of the class "fake" is fixed at 0 without loss of generality (Salimans et al. 2016,
    section 5). The logit of being real is then the logsumexp of the K class logits, and any
    adversarial loss applies to it.

    Each step also draws a batch of labelled images with replacement. The labels of the other
    training images are not used.
    """

    def __init__(self, settings: SganSettings, spec: ImageSpec) -> None:
        generator = DcganGenerator(
            ConvFactory(settings.dsc, "generator"),
            inputs=settings.z_dim,
            channels=settings.g_channels,
            images=spec.channels,
            resolution=spec.resolution,
        )
        discriminator = DcganDiscriminator(
            ConvFactory(settings.dsc, "discriminator"),
            channels=settings.d_channels,
            images=spec.channels,
            resolution=spec.resolution,
            outputs=classes_of(spec),
        )
        super().__init__(settings, spec, generator, discriminator)

    def prepare(self, images: ImageSet) -> None:
        """Choose the labelled images.

        Raises:
            DataError: the images have no labels, or too few for the setting ``labelled``.
        """
        self._labelled = choose_labelled(images, self.settings.labelled)

    def discriminator_output(self, images: Tensor, batch: Batch) -> DiscriminatorOutput:  # noqa: ARG002 - unconditional
        """The logit of being real and the class logits ``[N, classes]``."""
        classes: Tensor = self.discriminator(images)
        return DiscriminatorOutput(classes.logsumexp(1), (classes,))

    def auxiliary(
        self,
        player: str,
        side: Literal["real", "fake"],
        output: DiscriminatorOutput,  # noqa: ARG002 - the labels of its images are not used
        batch: Batch,
    ) -> Losses:
        """The cross-entropy of a batch of labelled images among the real classes."""
        if (player, side) != ("d", "real"):
            return {}
        device = self._labelled.pixels.device
        indices = torch.randint(len(self._labelled), (len(batch),), device=device)
        labelled = self._labelled.batch(indices).to(batch.images.device)
        (classes,) = self.discriminator_output(self.augment(labelled.images), labelled).heads
        return {"supervised": F.cross_entropy(classes, labels_of(labelled))}

    def evaluate(self, heldout: ImageSet | None) -> dict[str, float]:
        """``accuracy``: the share of held-out images that D classifies correctly."""
        values = super().evaluate(heldout)
        if heldout is None:
            return values
        device = next(self.discriminator.parameters()).device
        right = torch.zeros((), dtype=torch.int64, device=device)
        for rows in torch.split(torch.arange(len(heldout)), _EVALUATED):
            batch = heldout.batch(rows).to(device)
            right += (self.discriminator(batch.images).argmax(1) == batch.labels).sum()
        return {**values, "accuracy": right.item() / len(heldout)}

    def optimiser(self, lr: float) -> OptimiserFactory:
        """Adam (Salimans et al. 2016, released code)."""
        return adam(lr, self.settings.beta1, self.settings.beta2)

    def latents(
        self, count: int, device: torch.device, generator: torch.Generator | None = None
    ) -> Tensor:
        """Uniform latents in [-1, 1]."""
        return 2 * torch.rand(count, self.settings.z_dim, device=device, generator=generator) - 1


def choose_labelled(images: ImageSet, count: int) -> ImageSet:
    """Choose images with equal numbers per class where possible; deterministic.

    Args:
        images: labelled images.
        count: number of images to choose.

    Raises:
        DataError: the images have no labels, or ``count`` is below the number of classes or above
            the number of images.
    """
    if images.labels is None:
        raise DataError("a semi-supervised variant needs labelled images, and these have none")
    classes = images.spec.classes
    if not classes <= count <= len(images):
        raise DataError(
            f"labelled should be between {classes}, one image a class, and the {len(images)} "
            f"training images (got {count})"
        )
    order = permutation(len(images), int(images.fingerprint, 16))
    labels = images.labels[images.rows[order]]
    by_class = labels.argsort(stable=True)
    sizes = labels.bincount(minlength=classes)
    turn = torch.empty_like(by_class)  # index of each image within its class
    turn[by_class] = torch.arange(len(labels)) - (sizes.cumsum(0) - sizes)[labels[by_class]]
    chosen = (turn * classes + labels).argsort()[:count]
    return images.subset(order[chosen])
