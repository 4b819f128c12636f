"""Standard errors of the costs of one training, in the costs' own units."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence

REPEATS = 0.03
"""Relative standard deviation of a rate over processes that train the same, each measured once:
clocks, caches and addresses differ, which no measurement within one process shows
(``python benchmarks/sharing.py``)."""

NOT_ALONE = 0.5
"""Relative standard error of a rate that was never measured alone: others' work may double it."""

MEMORY_MIB, MEMORY_SHARE = 0.08, 0.005
"""Standard deviation of the peak resident memory over processes that train the same: MiB, and a
share of the peak. The system counts pages and libraries keep some; an allocator counts exactly."""

_MEDIAN = math.sqrt(math.pi / 2) * 1.4826
"""Standard error of the median of n normal values, as a multiple of their median absolute deviation
over √n: √(π/2) times the mean's, and that deviation is 1/1.4826 of the standard deviation."""


def rate_error(rates: Sequence[float], rate: float) -> float:
    """Standard error of a rate of training.

    Args:
        rates: measurements of it alone; may be empty.
        rate: their median, or what else serves where there are none.
    """
    if not rates:
        return NOT_ALONE * rate
    deviation = statistics.median(abs(each - rate) for each in rates)
    return math.hypot(REPEATS * rate, _MEDIAN * deviation / math.sqrt(len(rates)))


def resident_error(mib: float) -> float:
    """Standard error of a peak of resident memory."""
    return math.hypot(MEMORY_MIB, MEMORY_SHARE * mib)
