"""Standard errors of the costs of one training, in the units of the costs."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence

REPEAT_DEVIATION = 0.03
"""Relative standard deviation of a rate between processes with the same training. Clocks, caches
and addresses differ between processes, so measurements within one do not show it
(``python benchmarks/sharing.py``)."""

SHARED_ERROR = 0.5
"""Relative standard error of a rate without measurements in exclusive turns: work of other
processes may double it."""

MEMORY_MIB, MEMORY_SHARE = 0.08, 0.005
"""Standard deviation of the peak resident memory between processes with the same small training: a
part in MiB and a share of the peak. The system counts pages and libraries keep some; an allocator
counts exactly."""

LARGE_MIB, LARGE_SHARE = 16.0, 0.25
"""Above so many MiB the standard deviation is this share of the peak: matrices of several MiB lie
in holes of the heap in one process and beside them in another. Six runs of one ``gan`` had peaks
of 16.5 to 35.8 MiB."""

_MEDIAN = math.sqrt(math.pi / 2) * 1.4826
"""Standard error of the median of n normal values, relative to their median absolute deviation
divided by √n. It is √(π/2) times that of the mean; the deviation is 1/1.4826 of the standard
deviation."""


def rate_error(rates: Sequence[float], rate: float) -> float:
    """Standard error of a training rate.

    Args:
        rates: exclusive measurements of the rate; may be empty.
        rate: median of the measurements, or another estimate if there are none.
    """
    if not rates:
        return SHARED_ERROR * rate
    deviation = statistics.median(abs(each - rate) for each in rates)
    return math.hypot(REPEAT_DEVIATION * rate, _MEDIAN * deviation / math.sqrt(len(rates)))


def resident_error(mib: float) -> float:
    """Standard error of a peak of resident memory, both in MiB."""
    share = LARGE_SHARE if mib > LARGE_MIB else MEMORY_SHARE
    return math.hypot(MEMORY_MIB, share * mib)
