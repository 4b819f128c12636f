"""Conditions that samples are asked for by: rows of a set of images, whose labels are used."""

from __future__ import annotations

import torch
from torch import Tensor

from gansearch.data.images import ImageSet


def drawn_conditions(images: ImageSet, count: int, generator: torch.Generator) -> Tensor:
    """Rows drawn with replacement, so that classes are as frequent as among the images.

    Args:
        images: with the labels.
        count: rows wanted.
        generator: on the CPU; what is drawn from it next are latents.

    Returns:
        ``[count]``, int64 in [0, len(images)).
    """
    return torch.randint(len(images), (count,), generator=generator)


def covering_conditions(images: ImageSet, count: int) -> Tensor:
    """Rows that go through the classes in turn, so that few of them show all classes.

    Of each class the images come in their order, and from the first again after the last. With more
    classes than rows, the classes are those at equal distances. Without labels it is the images'
    own order.

    Returns:
        ``[count]``, int64 in [0, len(images)).
    """
    labels = class_labels(images)
    turns = torch.arange(count)
    if labels is None:
        return turns % len(images)
    sizes = labels.bincount()
    present = sizes.nonzero().flatten()
    by_class = labels.argsort(stable=True)
    starts = sizes.cumsum(0) - sizes
    step = max(1.0, len(present) / count)
    chosen = present[(turns * step).long() % len(present)]  # [count], each row's class
    return by_class[starts[chosen] + turns // len(present) % sizes[chosen]]


def class_labels(images: ImageSet) -> Tensor | None:
    """The label of each image of a set, ``[N]``, on the CPU; ``None`` where there are none."""
    return None if images.labels is None else images.labels[images.rows].cpu()
