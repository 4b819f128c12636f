"""DiffAugment: random changes of images that gradients pass (Zhao et al. 2020, section 3).

The discriminator sees real and generated images changed alike, in its own steps and in the
generator's, so it cannot learn a small set of real images by heart and the generator does not learn
to make changed ones. Every random number comes from torch's global generator, one for each image.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
import torch.nn.functional as F
from torch import Tensor

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


def color(images: Tensor) -> Tensor:
    """Brightness, saturation and contrast, in this order."""
    return contrast(saturation(brightness(images)))


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


AUGMENTATIONS: Mapping[str, Augmentation] = {
    "color": color,
    "translation": translation,
    "cutout": cutout,
}
"""The three of the paper, of its sizes, by the name that a policy calls them."""


def augment(
    images: Tensor, policy: str, table: Mapping[str, Augmentation] = AUGMENTATIONS
) -> Tensor:
    """Change images at random.

    Args:
        images: ``[N, C, H, W]``.
        policy: names of the table in their order, joined by ``_``; ``none`` changes nothing.
        table: augmentations by name.
    """
    for name in policy.split("_") if policy != "none" else ():
        images = table[name](images)
    return images


def _round_half_up(value: float) -> int:
    """The nearest integer, as the paper's code rounds sizes."""
    return int(value + 0.5)


def _uniform(images: Tensor) -> Tensor:
    """``[N, 1, 1, 1]`` in [0, 1), one for each image."""
    return torch.rand(len(images), 1, 1, 1, dtype=images.dtype, device=images.device)
