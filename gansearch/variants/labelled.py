"""What the variants share that are conditioned on class labels."""

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
    """An adversarial variant that is conditioned on labels: normal latents, Adam.

    Fakes have the labels of the batch, so that their classes are distributed as the data's.
    """

    def optimiser(self, lr: float) -> OptimiserFactory:
        """Adam."""
        return adam(lr, self.settings.beta1, self.settings.beta2)

    def latents(
        self, count: int, device: torch.device, generator: torch.Generator | None = None
    ) -> Tensor:
        """From the standard normal distribution."""
        return torch.randn(count, self.settings.z_dim, device=device, generator=generator)

    def one_hot(self, batch: Batch) -> Tensor:
        """The batch's labels as ``[N, classes]``, float32."""
        # torch's own one_hot reads the labels on the host to check them.
        classes = torch.arange(self.spec.classes, device=batch.images.device)
        return (labels_of(batch)[:, None] == classes).to(batch.images.dtype)


def classes_of(spec: ImageSpec) -> int:
    """The number of classes.

    Raises:
        DataError: the images carry no labels.
    """
    if spec.classes == 0:
        raise DataError(
            "a variant that is conditioned on labels needs labelled images, and these have none; "
            "a folder gets its classes from its first-level sub-folders"
        )
    return spec.classes


def labels_of(batch: Batch) -> Tensor:
    """The batch's labels, ``[N]``.

    Raises:
        DataError: it has none.
    """
    if batch.labels is None:
        raise DataError("the variant is conditioned on labels, and the batch has none")
    return batch.labels
