"""The same configuration alone and beside three others, in real processes on the same cores."""

from __future__ import annotations

import runpy
import statistics
from pathlib import Path

import pytest

BENCHMARK = Path(__file__).parents[2] / "benchmarks" / "sharing.py"


LIMITS = {"seconds_per_kimg": (0.05, 0.0), "peak_memory_mib": (0.01, 0.2)}
"""Of a change: relative, and absolute in its unit; small memories vary by a fifth of a MiB. Without
turns the time doubles (benchmarks/results/sharing.md)."""
ATTEMPTS = 6
"""What shares the device would change every attempt, by far more; the machine's noise does not."""


@pytest.mark.slow
@pytest.mark.alone
def test_three_other_processes_hardly_change_the_measured_time_and_memory() -> None:
    """What the benchmark measures, in short."""
    run = runpy.run_path(str(BENCHMARK))["run"]
    seen = []
    for _ in range(ATTEMPTS):
        pair = run("dcgan", "with", cpus=2, kimg=20.0)
        assert all(costs["measured_alone"] > 0 for costs in pair.beside)
        beside = {name: statistics.median(costs[name] for costs in pair.beside) for name in LIMITS}
        seen.append({name: (pair.alone[name], beside[name]) for name in LIMITS})
        if all(
            seen[-1][name][1] == pytest.approx(seen[-1][name][0], rel=relative, abs=absolute)
            for name, (relative, absolute) in LIMITS.items()
        ):
            return
    pytest.fail(f"alone and beside three others: {seen}")
