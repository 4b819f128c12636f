"""Base class of variants that are conditioned on class labels."""

from __future__ import annotations

from typing import TypeVar

import torch
from torch import Tensor

from gansearch.data.batch import Batch, ImageSpec
from gansearch.errors import DataError
from gansearch.nn.optim import OptimiserFactory, adam
from gansearch.variants.adversarial import AdversarialVariant
from gansearch.variants.settings import ConvolutionalAdversarial

L = TypeVar("L", bound=ConvolutionalAdversarial)


class LabelledVariant(AdversarialVariant[L]):
    """An adversarial variant conditioned on labels, with normal latents and Adam.

    Generated images take the labels of the batch, so their classes follow the data's distribution.
    """

    def optimiser(self, lr: float) -> OptimiserFactory:
        """Adam with the variant's betas."""
        return adam(lr, self.settings.beta1, self.settings.beta2)

    def latents(
        self, count: int, device: torch.device, generator: torch.Generator | None = None
    ) -> Tensor:
        """Standard normal latents."""
        return torch.randn(count, self.settings.z_dim, device=device, generator=generator)

    def one_hot(self, batch: Batch) -> Tensor:
        """One-hot labels of the batch, ``[N, classes]``, float32."""
        # F.one_hot would synchronise with the device to validate the labels.
        classes = torch.arange(self.spec.classes, device=batch.images.device)
        return (labels_of(batch)[:, None] == classes).to(batch.images.dtype)


def classes_of(spec: ImageSpec) -> int:
    """The number of classes of the images.

    Raises:
        DataError: the images have no labels.
    """
    if spec.classes == 0:
        raise DataError(
            "a variant that is conditioned on labels needs labelled images, and these have no "
            "labels; put the images of each class into a sub-folder of its own"
        )
    return spec.classes


def labels_of(batch: Batch) -> Tensor:
    """The labels of a batch, ``[N]``.

    Raises:
        DataError: the batch has no labels.
    """
    if batch.labels is None:
        raise DataError("the variant is conditioned on labels, but the batch has none")
    return batch.labels
