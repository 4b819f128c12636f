"""Small forms of conditional variants, and a batch for them."""

from __future__ import annotations

from typing import Any

import torch

from gansearch.data.batch import Batch, ImageSpec
from gansearch.settings import Scalar
from gansearch.variants.catalog import CATALOG

CLASSES = 3


def build(name: str, resolution: int = 8, **params: Scalar) -> Any:
    """Build the small form of a variant for grey images of :data:`CLASSES` classes."""
    torch.manual_seed(0)
    entry = CATALOG[name]
    return entry.load()(entry.small_settings(**params), ImageSpec(1, resolution, CLASSES))


def batch_of(count: int = 6, resolution: int = 8) -> Batch:
    """A batch of noise whose labels go through the classes in turn."""
    generator = torch.Generator().manual_seed(0)
    images = torch.rand(count, 1, resolution, resolution, generator=generator) * 2 - 1
    return Batch(images, torch.arange(count) % CLASSES)
