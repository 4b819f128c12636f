"""Conditions of samples, as rows of an image set whose labels are used."""

from __future__ import annotations

import torch
from torch import Tensor

from gansearch.data.images import ImageSet


def drawn_conditions(images: ImageSet, count: int, generator: torch.Generator) -> Tensor:
    """Draw rows with replacement, so that classes are as frequent as among the images.

    Args:
        images: image set with the labels.
        count: number of rows.
        generator: random generator on the CPU; the latents are drawn from it next.

    Returns:
        ``[count]``, int64 in [0, len(images)).
    """
    return torch.randint(len(images), (count,), generator=generator)


def covering_conditions(images: ImageSet, count: int) -> Tensor:
    """Choose rows that cycle through the classes, so that few rows show all classes.

    The images of each class come in their order and repeat after the last one. If there are more
    classes than rows, the chosen classes are equally spaced. Without labels the rows are in the
    order of the images and repeat.

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
    chosen = present[(turns * step).long() % len(present)]  # [count], the class of each row
    return by_class[starts[chosen] + turns // len(present) % sizes[chosen]]


def class_labels(images: ImageSet) -> Tensor | None:
    """Label of each image of a set, ``[N]``, on the CPU; ``None`` without labels."""
    return None if images.labels is None else images.labels[images.rows].cpu()
