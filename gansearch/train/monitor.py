"""Monitoring of a run: mean losses and divergence."""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from torch import Tensor, nn

from gansearch.errors import Diverged

LOSS_GROWTH = 1e6
"""Largest mean loss over a window, as a multiple of the player's largest loss in its first step, or
of 1 if that is smaller. A likelihood summed over an image's pixels starts in the millions."""
GROWTH_LIMIT = 100.0
"""Largest root mean square of a parameter, as a multiple of its initial one, or of 1 if that is
smaller. Initialisations of unit variance and layers that start at zero are both within it."""


class LossMeter:
    """Means of named losses over a window, summed on the device and read once.

    Attributes:
        scales: largest loss magnitude of each player's first step; set when that window is closed.
    """

    def __init__(self) -> None:
        self.scales: dict[str, float] = {}
        self._first: dict[str, Tensor] = {}
        self._sums: dict[str, Tensor] = {}
        self._counts: dict[str, int] = {}

    def add(self, player: str, losses: Mapping[str, Tensor]) -> None:
        """Add one step's losses; the host does not wait for their values."""
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
        """Return the means since the last call, by ``loss/<player>/<part>``."""
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
    """Detects weights or losses from which training does not recover.

    ``nan``: a loss or a weight is not a number. ``explosion``: a loss exceeds :data:`LOSS_GROWTH`,
    or a parameter :data:`GROWTH_LIMIT`. Collapse shows only in samples; see
    :class:`gansearch.train.collapse.CollapseCheck`.
    """

    def __init__(self, module: nn.Module) -> None:
        self._named: dict[str, Tensor] = dict(module.named_parameters())
        self._limits = [max(1.0, rms) * GROWTH_LIMIT for rms in self._root_mean_squares()]

    def check(self, losses: Mapping[str, float], scales: Mapping[str, float], kimg: float) -> None:
        """Check a window's mean losses and the current weights.

        Args:
            losses: means over a window, from :meth:`LossMeter.close`.
            scales: :attr:`LossMeter.scales`.
            kimg: progress.

        Raises:
            Diverged: names the loss or the parameter.
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


def _check_magnitude(name: str, value: float, limit: float, kimg: float) -> None:
    if math.isnan(value):
        raise Diverged("nan", kimg, f"{name} is not a number")
    if abs(value) > limit:
        raise Diverged("explosion", kimg, f"{name} is {value:g}, past {limit:g}")
