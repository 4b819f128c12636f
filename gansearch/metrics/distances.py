"""Squared distances between vectors, accurate for nearly or exactly equal vectors too.

The fast form |x|² + |y|² - 2 x·y cancels if the distance is small relative to the vectors: equal
vectors get rounding noise instead of 0. Such distances are computed from the differences.
"""

from __future__ import annotations

import torch
from torch import Tensor

TIE = 1e-9
"""Relative difference below which squared distances count as equal."""

_CLOSE = 1e-4  # squared distance relative to the squared lengths above which products are accurate
_ULPS = 8  # rounding errors of one image's vector, relative to its length
_NUMBERS = 1 << 22  # differences in memory at a time: 32 MiB


def squared_distances(x: Tensor, y: Tensor) -> Tensor:
    """Squared Euclidean distance of each ``x`` to each ``y``.

    The relative error is below :data:`TIE`. Vectors that differ only by rounding in their floating
    type have distance 0. A network's features of one image differ by that much between batches of
    different sizes.

    Args:
        x: ``[M, D]``; memory grows with M · N, so callers pass few rows at a time.
        y: ``[N, D]``, N at least 1.

    Returns:
        ``[M, N]``, float64.
    """
    rounding = (_ULPS * torch.finfo(x.dtype).eps) ** 2
    x, y = x.double(), y.double()
    centre = y.mean(0)
    lengths = _sums_of_squares(x - centre, y - centre)
    squares = lengths.addmm(x - centre, (y - centre).T, alpha=-2)
    for pairs in torch.split((squares <= _CLOSE * lengths).nonzero(), _NUMBERS // x.shape[1] + 1):
        i, j = pairs.T
        squares[i, j] = (x[i] - y[j]).square().sum(1)
    return squares.masked_fill_(squares <= rounding * _sums_of_squares(x, y), 0)


def within(squares: Tensor, radii: Tensor) -> Tensor:
    """Whether squared distances are at most squared radii, up to :data:`TIE`."""
    return squares <= radii * (1 + TIE)


def _sums_of_squares(x: Tensor, y: Tensor) -> Tensor:
    return x.square().sum(1, keepdim=True) + y.square().sum(1)
