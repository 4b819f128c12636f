"""Squared distances between vectors, precise for vectors that are nearly or entirely equal.

The fast form |x|² + |y|² - 2 x·y loses the digits of a distance that is small beside the vectors:
for equal ones it leaves noise in place of 0. Such distances are computed from the differences.
"""

from __future__ import annotations

import torch
from torch import Tensor

TIE = 1e-9
"""Squared distances that differ by less than this share are taken for equal."""

_CLOSE = (
    1e-4  # squared distance, as a share of the squared lengths, from which products are precise
)
_ULPS = 8  # by which the elements of two vectors of one image may differ, relative to their lengths
_NUMBERS = 1 << 22  # of differences that are in memory at a time: 32 MiB


def squared_distances(x: Tensor, y: Tensor) -> Tensor:
    """The squared Euclidean distance of each ``x`` to each ``y``.

    The relative error is below :data:`TIE`. Vectors that differ by no more than the rounding of
    their own floating type have distance 0: a network's features of one image differ by as much
    where it is in batches of different sizes.

    Args:
        x: ``[M, D]``; memory grows with M times N, so callers give few rows at a time.
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
