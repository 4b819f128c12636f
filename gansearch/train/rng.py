"""torch's global random stream, kept apart for one training run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager

import torch
from torch import Tensor


class RandomStream:
    """The global generators of the CPU and of a run's device, as this run alone draws from them.

    Nothing that is drawn while the stream is not :meth:`active` moves it, and nothing drawn while
    it is active is seen outside: an evaluation, or another run in the process, changes no training.

    Attributes:
        state: the generators' states by device type, on the CPU; what a checkpoint holds.
    """

    def __init__(self, seed: int, device: torch.device) -> None:
        self._cuda = device if device.type == "cuda" else None
        with self._forked():
            torch.manual_seed(seed)
            self.state = self._read()

    @contextmanager
    def active(self) -> Iterator[None]:
        """Make this stream torch's global one, and put the caller's back afterwards."""
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
        # A run that moves from the CPU to a GPU goes on from the GPU's seeded stream.
        if self._cuda and "cuda" in state:
            torch.cuda.set_rng_state(state["cuda"], self._cuda)
