"""The device lock: measurements of a process alone and beside three others, on the same cores."""

from __future__ import annotations

import runpy
import statistics
from pathlib import Path

import pytest

BENCHMARK = Path(__file__).parents[2] / "benchmarks" / "sharing.py"


LIMITS = {"seconds_per_kimg": (0.05, 0.0), "peak_memory_mib": (0.01, 0.2)}
"""Limits of a change, relative and in its unit. Small memories vary by a fifth of a MiB. The time
doubles without the lock (benchmarks/results/sharing.md)."""
ATTEMPTS = 6
"""Number of attempts, one of which must be within the limits. Other programs on the machine disturb
some of them; processes without a lock would disturb all."""


@pytest.mark.slow
@pytest.mark.alone
def test_three_other_processes_hardly_change_the_measured_time_and_memory() -> None:
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
