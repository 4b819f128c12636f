"""The generator's exponential moving average (EMA), which is what is sampled and evaluated."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import chain

import torch
from torch import Tensor, nn

from gansearch.nn.spectral import settle, singular_vectors

RAMP_UP = 0.05
"""Largest half-life as a share of the progress: early weights are forgotten (StyleGAN2's code)."""


STATISTICS = "running_"
"""How the names of buffers begin that are averages over batches, as in torch's batch norm."""


class Ema:
    """Averaged weights of a player's modules.

    Parameters and running statistics are averaged. All other state is the modules' own, as it is
    now: counters, constants, running magnitudes. The singular vectors of spectral norms belong to
    a weight; the averaged weights get vectors of their own, so that each has the norm 1 that its
    layer claims. A mean of vectors would be shorter than 1 and the weights too large.

    Attributes:
        tensors: the averages, in the order of the modules' parameters and running statistics;
            empty where the half-life is 0.
    """

    def __init__(self, modules: Sequence[nn.Module], half_life_kimg: float) -> None:
        self.half_life_kimg = half_life_kimg
        self._modules = modules if half_life_kimg else ()
        self._live = [tensor for module in self._modules for tensor in averaged(module)]
        self.tensors = [tensor.detach().clone() for tensor in self._live]
        self._live_vectors = [v for module in self._modules for v in singular_vectors(module)]
        self._vectors = [vector.clone() for vector in self._live_vectors]
        self._is_settled = False

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
        self._is_settled = False

    @contextmanager
    def swapped_in(self) -> Iterator[None]:
        """Let the modules compute with the averages; storage changes hands, nothing is copied.

        The first time after an update, singular vectors are found for the averaged weights.
        """
        self._swap()
        try:
            self._settle()
            yield
        finally:
            self._swap()

    def load(self, tensors: Sequence[Tensor]) -> None:
        """Take over saved averages.

        Checkpoints of format 3 hold averages of all floating-point buffers; those that are not
        averaged any more are left out.

        Raises:
            ValueError: they are not as many, or not of the shapes, that the modules have.
        """
        floats = [t for t in self._owned() if t.is_floating_point()]
        if len(tensors) == len(floats):
            live = {id(tensor) for tensor in self._live}
            pairs = zip(floats, tensors, strict=True)
            tensors = [saved for own, saved in pairs if id(own) in live]
        for mine, saved in zip(self.tensors, tensors, strict=True):
            if mine.shape != saved.shape:
                raise ValueError(f"an average of shape {[*saved.shape]} for {[*mine.shape]}")
            mine.copy_(saved)
        self._is_settled = False

    def _owned(self) -> Iterator[Tensor]:
        return chain.from_iterable(chain(m.parameters(), m.buffers()) for m in self._modules)

    def _swap(self) -> None:
        for live, mine in ((self._live, self.tensors), (self._live_vectors, self._vectors)):
            for index, tensor in enumerate(live):
                tensor.data, mine[index] = mine[index], tensor.data

    @torch.no_grad()
    def _settle(self) -> None:
        """Find the averaged weights' vectors, from the live ones on: a function of both weights."""
        if self._is_settled:
            return
        for mine, live in zip(self._live_vectors, self._vectors, strict=True):  # swapped
            mine.copy_(live)
        for module in self._modules:
            settle(module)
        self._is_settled = True


def averaged(module: nn.Module) -> list[Tensor]:
    """The tensors of a module that are averaged: parameters, then running statistics."""
    buffers = module.named_buffers()
    statistics = (b for name, b in buffers if name.rpartition(".")[2].startswith(STATISTICS))
    return [*module.parameters(), *statistics]
