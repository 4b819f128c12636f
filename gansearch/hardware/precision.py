"""Rounding of products on a GPU; torch's defaults differ between operations."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch


@contextmanager
def tf32(*, allowed: bool) -> Iterator[None]:
    """Allow or forbid TF32 in convolutions and matrix products on a GPU, within.

    By default torch allows it in convolutions and forbids it in matrix products. On a CPU there is
    no effect.
    """
    # After a use of `fp32_precision`, torch's compiler may no longer read these flags.
    backends: tuple[Any, ...] = (torch.backends.cuda.matmul, torch.backends.cudnn)
    before = [backend.allow_tf32 for backend in backends]
    try:
        for backend in backends:
            backend.allow_tf32 = allowed
        yield
    finally:
        for backend, was_allowed in zip(backends, before, strict=True):
            backend.allow_tf32 = was_allowed
