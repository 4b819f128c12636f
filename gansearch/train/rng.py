"""torch's global random stream, isolated for one training run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager

import torch
from torch import Tensor


class RandomStream:
    """States of the global generators of the CPU and the run's device, for this run alone.

    Random draws outside :meth:`active` do not advance the stream, and draws inside are not visible
    outside. An evaluation, or another run in the process, changes no training.

    Args:
        seed: seed of the stream.
        device: device of the run.

    Attributes:
        state: generator states by device type, stored on the CPU; saved in checkpoints.
    """

    def __init__(self, seed: int, device: torch.device) -> None:
        self._cuda = device if device.type == "cuda" else None
        with self._forked():
            torch.manual_seed(seed)
            self.state = self._read()

    @contextmanager
    def active(self) -> Iterator[None]:
        """Make this stream torch's global one, and restore the caller's afterwards."""
        with self._forked():
            self._write(self.state)
            try:
                yield
            finally:
                self.state = self._read()

    def _forked(self) -> AbstractContextManager[None]:
        return torch.random.fork_rng([self._cuda] if self._cuda else [])

    def _read(self) -> dict[str, Tensor]:
        state = {"cpu": torch.get_rng_state()}
        if self._cuda:
            state["cuda"] = torch.cuda.get_rng_state(self._cuda)
        return state

    def _write(self, state: Mapping[str, Tensor]) -> None:
        torch.set_rng_state(state["cpu"])
        # A run that moves from the CPU to a GPU continues with the GPU's seeded stream.
        if self._cuda and "cuda" in state:
            torch.cuda.set_rng_state(state["cuda"], self._cuda)
