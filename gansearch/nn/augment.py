"""DiffAugment: random changes of images that gradients pass (Zhao et al. 2020, section 3).

The discriminator sees real and generated images changed alike, in its own steps and in the
generator's, so it cannot learn a small set of real images by heart and the generator does not learn
to make changed ones. Every random number comes from torch's global generator, one for each image.

Beside DiffAugment's there are flips and quarter turns from ADA (Karras et al. 2020b, appendix B).
Of that pipeline these, translation and color stand for the whole: there is no scaling, no rotation
by other angles, no hue, filter or noise.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import chain

import torch
import torch.nn.functional as F
from torch import Tensor

TURNED = 0.8
"""Share of images that are flipped or turned, at most. Where all are, nothing tells which way is up
and the generator's images come out turned (Karras et al. 2020b, section 2.2)."""

Augmentation = Callable[[Tensor], Tensor]
"""Images ``[N, C, H, W]`` in about [-1, 1] to images of the same shape."""


def brightness(images: Tensor) -> Tensor:
    """Add a number in [-1/2, 1/2] to all of an image."""
    return images + _uniform(images) - 0.5


def saturation(images: Tensor) -> Tensor:
    """Scale the distance of each pixel's channels from their mean, its gray, by [0, 2]."""
    gray = images.mean(dim=1, keepdim=True)
    return gray + (images - gray) * 2 * _uniform(images)


def contrast(images: Tensor) -> Tensor:
    """Scale the distance of each value from the image's mean by [1/2, 3/2]."""
    mean = images.mean(dim=(1, 2, 3), keepdim=True)
    return mean + (images - mean) * (_uniform(images) + 0.5)


def flip(images: Tensor) -> Tensor:
    """Mirror left to right half of the images that may be."""
    return torch.where(_uniform(images) < TURNED / 2, images.flip(3), images)


def rotation(images: Tensor) -> Tensor:
    """Turn the square images that may be by 0, 1, 2 or 3 quarters."""
    turned = torch.where(_uniform(images) < 0.5, images.rot90(1, (2, 3)), images)
    turned = torch.where(_uniform(images) < 0.5, turned.flip(2, 3), turned)
    return torch.where(_uniform(images) < TURNED, turned, images)


def translation(images: Tensor, ratio: float = 0.125) -> Tensor:
    """Move an image by whole pixels along both axes; what comes in is 0.

    Args:
        images: ``[N, C, H, W]``.
        ratio: of the largest shift to the side.
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
    """Set a square of an image to 0; it may reach over the border.

    Args:
        images: ``[N, C, H, W]``.
        ratio: of the square's side to the image's.
    """
    inside = []
    for side in images.shape[2:]:
        size = _round_half_up(side * ratio)
        # The centre is any pixel's, or for an even size any corner's between pixels.
        centre = torch.randint(side + 1 - size % 2, (len(images), 1), device=images.device)
        offset = torch.arange(side, device=images.device) - (centre - size // 2)
        inside.append((offset >= 0) & (offset < size))  # [N, side]
    rows, columns = inside
    kept = ~(rows[:, None, :, None] & columns[:, None, None, :])
    return images * kept


Augmentations = Mapping[str, tuple[Augmentation, ...]]
"""What a policy's names stand for, each applied in order."""

AUGMENTATIONS: Augmentations = {
    "blit": (flip, rotation, translation),
    "color": (brightness, saturation, contrast),
    "translation": (translation,),
    "cutout": (cutout,),
}
"""By the name that a policy calls them: ADA's pixel blits, and DiffAugment's three of its sizes."""


def augment(
    images: Tensor,
    policy: str,
    probability: Tensor | None = None,
    table: Augmentations = AUGMENTATIONS,
) -> Tensor:
    """Change images at random.

    Args:
        images: ``[N, C, H, W]``.
        policy: names of the table, joined by ``_`` in the order in which they are applied; ``none``
            changes nothing.
        probability: with which each augmentation is done to each image, independently; a scalar.
            All are done to all where it is not given.
        table: what the names stand for.
    """
    names = policy.split("_") if policy != "none" else ()
    for change in chain.from_iterable(table[name] for name in names):
        changed = change(images)
        if probability is not None:
            changed = torch.where(_uniform(images) < probability, changed, images)
        images = changed
    return images


def _round_half_up(value: float) -> int:
    """The nearest integer, as the paper's code rounds sizes."""
    return int(value + 0.5)


def _uniform(images: Tensor) -> Tensor:
    """``[N, 1, 1, 1]`` in [0, 1), one for each image."""
    return torch.rand(len(images), 1, 1, 1, dtype=images.dtype, device=images.device)
