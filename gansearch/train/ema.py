"""The generator's exponential moving average (EMA), which is what is sampled and evaluated."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import chain

import torch
from torch import Tensor, nn

RAMP_UP = 0.05
"""Largest half-life as a share of the progress: early weights are forgotten (StyleGAN2's code)."""


class Ema:
    """Averaged parameters and buffers of a player's modules.

    Attributes:
        tensors: the averages, in the order of the modules' parameters and floating-point buffers;
            empty where the half-life is 0.
    """

    def __init__(self, modules: Sequence[nn.Module], half_life_kimg: float) -> None:
        self.half_life_kimg = half_life_kimg
        owned = chain.from_iterable(chain(m.parameters(), m.buffers()) for m in modules)
        self._live = [t for t in owned if t.is_floating_point()] if half_life_kimg else []
        self.tensors = [tensor.detach().clone() for tensor in self._live]

    @torch.no_grad()
    def update(self, kimg: float, progress: float) -> None:
        """Move the averages towards the weights.

        Args:
            kimg: shown since the last update.
            progress: shown since the start of the run, this update's among them.
        """
        if not self.tensors:
            return
        half_life = min(self.half_life_kimg, RAMP_UP * progress)
        torch._foreach_lerp_(self.tensors, self._live, 1 - 0.5 ** (kimg / half_life))

    @contextmanager
    def swapped_in(self) -> Iterator[None]:
        """Let the modules compute with the averages; storage changes hands, nothing is copied."""
        self._swap()
        try:
            yield
        finally:
            self._swap()

    def load(self, tensors: Sequence[Tensor]) -> None:
        """Take over saved averages.

        Raises:
            ValueError: they are not as many, or not of the shapes, that the modules have.
        """
        for mine, saved in zip(self.tensors, tensors, strict=True):
            if mine.shape != saved.shape:
                raise ValueError(f"an average of shape {[*saved.shape]} for {[*mine.shape]}")
            mine.copy_(saved)

    def _swap(self) -> None:
        for index, tensor in enumerate(self._live):
            tensor.data, self.tensors[index] = self.tensors[index], tensor.data
