"""What is watched while a run trains: mean losses, and whether training has diverged."""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from torch import Tensor, nn

from gansearch.errors import Diverged

LOSS_GROWTH = 1e6
"""Largest mean of a loss over a window, as a multiple of the largest of its player's first step (or
of 1): a likelihood that is summed over an image's pixels begins with millions."""
GROWTH_LIMIT = 100.0
"""Largest root mean square of a parameter, as a multiple of its initial one (of 1 where that was
smaller). Initialisations of unit variance and layers that start at zero are both within it."""


class LossMeter:
    """Means of named losses over a window, summed on the device and read once.

    Attributes:
        scales: for each player the largest magnitude among the losses of its first step, once a
            window with it was closed.
    """

    def __init__(self) -> None:
        self.scales: dict[str, float] = {}
        self._first: dict[str, Tensor] = {}
        self._sums: dict[str, Tensor] = {}
        self._counts: dict[str, int] = {}

    def add(self, player: str, losses: Mapping[str, Tensor]) -> None:
        """Count one step's losses; the host does not wait for their values."""
        if player not in self.scales and player not in self._first:
            self._first[player] = torch.stack([v.float().abs() for v in losses.values()]).max()
        for part, value in losses.items():
            name = f"loss/{player}/{part}"
            if name in self._sums:
                self._sums[name] += value
                self._counts[name] += 1
            else:
                self._sums[name] = value.float().clone()
                self._counts[name] = 1

    def close(self) -> dict[str, float]:
        """The means by ``loss/<player>/<part>`` since the last call."""
        if not self._sums:
            return {}
        read: list[float] = torch.stack([*self._sums.values(), *self._first.values()]).tolist()
        means = {
            name: total / self._counts[name] for name, total in zip(self._sums, read, strict=False)
        }
        self.scales |= dict(zip(self._first, read[len(self._sums) :], strict=True))
        self._first, self._sums, self._counts = {}, {}, {}
        return means


class DivergenceCheck:
    """Names the ways in which weights or losses leave the region that training comes back from.

    ``nan``: a loss or a weight is not a number. ``explosion``: a loss grows past
    :data:`LOSS_GROWTH`, or a parameter past :data:`GROWTH_LIMIT`. Collapse shows in samples alone:
    :class:`gansearch.train.collapse.CollapseCheck`.
    """

    def __init__(self, module: nn.Module) -> None:
        self._named: dict[str, Tensor] = dict(module.named_parameters())
        self._limits = [max(1.0, rms) * GROWTH_LIMIT for rms in self._root_mean_squares()]

    def check(self, losses: Mapping[str, float], scales: Mapping[str, float], kimg: float) -> None:
        """Look at a window's mean losses and at the weights as they are.

        Args:
            losses: means of a window, as of :meth:`LossMeter.close`.
            scales: as of :attr:`LossMeter.scales`.
            kimg: progress.

        Raises:
            Diverged: with the loss or the parameter that shows it.
        """
        for name, value in losses.items():
            first = scales.get(name.split("/")[1], 1.0)
            limit = LOSS_GROWTH * max(1.0, first if math.isfinite(first) else 1.0)
            _check_magnitude(name, value, limit, kimg)
        sizes = self._root_mean_squares()
        for name, size, limit in zip(self._named, sizes, self._limits, strict=True):
            _check_magnitude(f"root mean square of {name}", size, limit, kimg)

    @torch.no_grad()
    def _root_mean_squares(self) -> list[float]:
        parameters = list(self._named.values())
        norms: list[float] = torch.stack(torch._foreach_norm(parameters)).tolist()
        return [
            norm / math.sqrt(max(1, p.numel())) for norm, p in zip(norms, parameters, strict=True)
        ]


def _check_magnitude(what: str, value: float, limit: float, kimg: float) -> None:
    if math.isnan(value):
        raise Diverged("nan", kimg, f"{what} is not a number")
    if abs(value) > limit:
        raise Diverged("explosion", kimg, f"{what} is {value:g}, past {limit:g}")
