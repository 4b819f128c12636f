"""Exponential moving average (EMA) of the generator, from which images are sampled."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import chain

import torch
from torch import Tensor, nn

from gansearch.nn.spectral import settle, singular_vectors

RAMP_UP = 0.05
"""Largest half-life as a share of the progress, so that early weights are forgotten (StyleGAN2's
code)."""


STATISTICS = "running_"
"""Prefix of the names of buffers that are averages over batches, as in torch's batch norm."""


class Ema:
    """Averaged weights of a player's modules.

    Parameters and running statistics are averaged. All other state is the modules' current one:
    counters, constants, running magnitudes. The singular vectors of a spectral norm depend on its
    weight, so the averaged weights have vectors of their own, under which each layer has spectral
    norm 1. An average of the vectors would be shorter than 1, and the weights too large.

    Args:
        modules: the player's modules.
        half_life_kimg: half-life of the average; 0 for none.

    Attributes:
        tensors: the averages, in the order of the modules' parameters and running statistics; empty
            if the half-life is 0.
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
            kimg: kimg shown since the last update.
            progress: kimg shown since the start of the run, this update included.
        """
        if not self.tensors:
            return
        half_life = min(self.half_life_kimg, RAMP_UP * progress)
        torch._foreach_lerp_(self.tensors, self._live, 1 - 0.5 ** (kimg / half_life))
        self._is_settled = False

    @contextmanager
    def swapped_in(self) -> Iterator[None]:
        """Context in which the modules use the averages; storage is swapped, not copied.

        On first use after an update, the singular vectors of the averaged weights are computed.
        """
        self._swap()
        try:
            self._settle()
            yield
        finally:
            self._swap()

    def load(self, tensors: Sequence[Tensor]) -> None:
        """Load saved averages.

        Checkpoints of format 3 hold averages of all floating-point buffers; those no longer
        averaged are ignored.

        Raises:
            ValueError: number or shapes differ from the modules'.
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
        """Compute the averaged weights' singular vectors, starting from the live ones.

        The result depends on the live vectors and both weights alone.
        """
        if self._is_settled:
            return
        for mine, live in zip(self._live_vectors, self._vectors, strict=True):  # swapped
            mine.copy_(live)
        for module in self._modules:
            settle(module)
        self._is_settled = True


def averaged(module: nn.Module) -> list[Tensor]:
    """Return the averaged tensors of a module: parameters, then running statistics."""
    buffers = module.named_buffers()
    statistics = (b for name, b in buffers if name.rpartition(".")[2].startswith(STATISTICS))
    return [*module.parameters(), *statistics]
