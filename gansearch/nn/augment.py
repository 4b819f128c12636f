"""Differentiable augmentation (DiffAugment; Zhao et al. 2020, section 3).

Real and generated images are augmented in D's steps and in G's. The discriminator cannot memorise a
small training set, and the generator does not learn to produce augmented images. Random numbers
come from torch's global generator, one per image.

Flips and quarter turns are those of ADA (Karras et al. 2020b, appendix B). The rest of ADA's
pipeline (scaling, other rotations, hue, filters, noise) is not implemented.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import chain

import torch
import torch.nn.functional as F
from torch import Tensor

TURNED = 0.8
"""Largest share of images that are flipped or turned. If all were, the augmentation would not be
invertible and G would learn to produce turned images (Karras et al. 2020b, section 2.2)."""

Augmentation = Callable[[Tensor], Tensor]
"""Maps images ``[N, C, H, W]`` in about [-1, 1] to images of the same shape."""


def brightness(images: Tensor) -> Tensor:
    """Add one number in [-1/2, 1/2] to each image."""
    return images + _uniform(images) - 0.5


def saturation(images: Tensor) -> Tensor:
    """Scale the deviation of each pixel's channels from their mean by a factor in [0, 2]."""
    gray = images.mean(dim=1, keepdim=True)
    return gray + (images - gray) * 2 * _uniform(images)


def contrast(images: Tensor) -> Tensor:
    """Scale the deviation from the image's mean by a factor in [1/2, 3/2]."""
    mean = images.mean(dim=(1, 2, 3), keepdim=True)
    return mean + (images - mean) * (_uniform(images) + 0.5)


def flip(images: Tensor) -> Tensor:
    """Mirror a share of :data:`TURNED` / 2 of the images horizontally."""
    return torch.where(_uniform(images) < TURNED / 2, images.flip(3), images)


def rotation(images: Tensor) -> Tensor:
    """Turn a share of :data:`TURNED` of the square images by 0 to 3 quarter turns."""
    turned = torch.where(_uniform(images) < 0.5, images.rot90(1, (2, 3)), images)
    turned = torch.where(_uniform(images) < 0.5, turned.flip(2, 3), turned)
    return torch.where(_uniform(images) < TURNED, turned, images)


def translation(images: Tensor, ratio: float = 0.125) -> Tensor:
    """Shift each image by whole pixels along both axes and fill with 0.

    Args:
        images: ``[N, C, H, W]``.
        ratio: largest shift as a share of the side.
    """
    reach = [_round_half_up(side * ratio) for side in images.shape[2:]]
    moved = F.pad(images, (reach[1], reach[1], reach[0], reach[0]))
    for dim, most in zip((2, 3), reach, strict=True):
        side = images.shape[dim]
        start = torch.randint(2 * most + 1, (len(images), 1), device=images.device)
        places = start + torch.arange(side, device=images.device)  # [N, side]
        shape = list(moved.shape)
        shape[dim] = side
        places = places[:, None, :, None] if dim == 2 else places[:, None, None, :]
        moved = moved.gather(dim, places.expand(shape))
    return moved


def cutout(images: Tensor, ratio: float = 0.5) -> Tensor:
    """Set a square of each image to 0; the square may cross the border.

    Args:
        images: ``[N, C, H, W]``.
        ratio: side of the square as a share of the image's side.
    """
    inside = []
    for side in images.shape[2:]:
        size = _round_half_up(side * ratio)
        # The centre is a pixel, or a corner between pixels if the size is even.
        centre = torch.randint(side + 1 - size % 2, (len(images), 1), device=images.device)
        offset = torch.arange(side, device=images.device) - (centre - size // 2)
        inside.append((offset >= 0) & (offset < size))  # [N, side]
    rows, columns = inside
    kept = ~(rows[:, None, :, None] & columns[:, None, None, :])
    return images * kept


Augmentations = Mapping[str, tuple[Augmentation, ...]]
"""Augmentations by name, applied in the order given."""

AUGMENTATIONS: Augmentations = {
    "blit": (flip, rotation, translation),
    "color": (brightness, saturation, contrast),
    "translation": (translation,),
    "cutout": (cutout,),
}
"""Augmentations that a policy may name: ADA's pixel blits and DiffAugment's three."""


def augment(
    images: Tensor,
    policy: str,
    probability: Tensor | None = None,
    table: Augmentations = AUGMENTATIONS,
) -> Tensor:
    """Augment images at random.

    Args:
        images: ``[N, C, H, W]``.
        policy: keys of ``table`` joined by ``_`` in the order of application; ``none`` applies
            nothing.
        probability: scalar probability of each augmentation for each image, independently; by
            default every augmentation is applied to every image.
        table: augmentations by name.
    """
    names = policy.split("_") if policy != "none" else ()
    for change in chain.from_iterable(table[name] for name in names):
        changed = change(images)
        if probability is not None:
            changed = torch.where(_uniform(images) < probability, changed, images)
        images = changed
    return images


def _round_half_up(value: float) -> int:
    """Round to the nearest integer, halves up, as the paper's code does."""
    return int(value + 0.5)


def _uniform(images: Tensor) -> Tensor:
    """One uniform number in [0, 1) per image, ``[N, 1, 1, 1]``."""
    return torch.rand(len(images), 1, 1, 1, dtype=images.dtype, device=images.device)
