"""What is watched while a run trains: mean losses, and whether training has diverged."""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from torch import Tensor, nn

from gansearch.errors import Diverged

LOSS_LIMIT = 1e6
"""Largest mean of a loss over a window: far above what adversarial and likelihood terms reach."""
GROWTH_LIMIT = 100.0
"""Largest root mean square of a parameter, as a multiple of its initial one (of 1 where that was
smaller). Initialisations of unit variance and layers that start at zero are both within it."""
ONE_IMAGE = 0.02
"""Variety of samples in [-1, 1] below which they may all be taken for the same image."""
STIRRED = 2.0
"""How many times more varied than an untrained network's the samples of one that learns are by
:data:`COLLAPSE_FROM`: those of the slowest that learnt were 6 times."""
COLLAPSE_FROM, LEAST_KIMG = 0.125, 0.5
"""Share of the budget, and kimg, from which on a generator of a single image has collapsed."""


class LossMeter:
    """Means of named losses over a window, summed on the device and read once."""

    def __init__(self) -> None:
        self._sums: dict[str, Tensor] = {}
        self._counts: dict[str, int] = {}

    def add(self, player: str, losses: Mapping[str, Tensor]) -> None:
        """Count one step's losses; the host does not wait for their values."""
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
        sums: list[float] = torch.stack(list(self._sums.values())).tolist()
        means = {
            name: total / self._counts[name] for name, total in zip(self._sums, sums, strict=True)
        }
        self._sums, self._counts = {}, {}
        return means


class DivergenceCheck:
    """Names the ways in which weights or losses leave the region that training comes back from.

    ``nan``: a loss or a weight is not a number. ``explosion``: a loss passes :data:`LOSS_LIMIT`, or
    a parameter grows past :data:`GROWTH_LIMIT`. Collapse shows in samples alone:
    :func:`check_collapse`.
    """

    def __init__(self, module: nn.Module) -> None:
        self._named: dict[str, Tensor] = dict(module.named_parameters())
        self._limits = [max(1.0, rms) * GROWTH_LIMIT for rms in self._root_mean_squares()]

    def check(self, losses: Mapping[str, float], kimg: float) -> None:
        """Look at a window's mean losses and at the weights as they are.

        Raises:
            Diverged: with the loss or the parameter that shows it.
        """
        for name, value in losses.items():
            _check_magnitude(name, value, LOSS_LIMIT, kimg)
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


def variety(samples: Tensor) -> float:
    """How far images ``[N, C, H, W]`` are from each other, 0 where they are all the same.

    The standard deviation over the images, averaged over what they consist of.
    """
    return float(samples.float().std(dim=0).mean())


def check_collapse(now: float, fresh: float, kimg: float) -> None:
    """See that a generator makes more than one image.

    It does not where its samples are nearly equal, and hardly further apart than before training:
    either it fell back to there, or it never left. Some begin with nearly equal samples, so this is
    for networks that had time: from :data:`COLLAPSE_FROM` and :data:`LEAST_KIMG` on.

    Args:
        now: :func:`variety` of its samples.
        fresh: that of the untrained network's.
        kimg: progress.

    Raises:
        Diverged: it does not.
    """
    if now <= min(ONE_IMAGE, STIRRED * fresh):
        detail = f"samples vary by {now:.2g}, those of the untrained network by {fresh:.2g}"
        raise Diverged("collapse", kimg, detail)


def _check_magnitude(what: str, value: float, limit: float, kimg: float) -> None:
    if math.isnan(value):
        raise Diverged("nan", kimg, f"{what} is not a number")
    if abs(value) > limit:
        raise Diverged("explosion", kimg, f"{what} is {value:g}, past {limit:g}")
