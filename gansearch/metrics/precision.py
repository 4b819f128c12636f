"""How a GPU's products are rounded: torch's own default differs from one operation to the next."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch


@contextmanager
def tf32(*, allowed: bool) -> Iterator[None]:
    """Whether a GPU's convolutions and matrix products may round to TF32, within.

    By default torch lets convolutions do so and products of matrices not. On a CPU it changes
    nothing.
    """
    # Not by `fp32_precision`: after that, torch's own compiler may no longer ask for these.
    backends: tuple[Any, ...] = (torch.backends.cuda.matmul, torch.backends.cudnn)
    before = [backend.allow_tf32 for backend in backends]
    try:
        for backend in backends:
            backend.allow_tf32 = allowed
        yield
    finally:
        for backend, was_allowed in zip(backends, before, strict=True):
            backend.allow_tf32 = was_allowed
