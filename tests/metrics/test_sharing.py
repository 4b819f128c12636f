"""The same configuration alone and beside three others, in real processes on the same cores."""

from __future__ import annotations

import runpy
import statistics
from pathlib import Path

import pytest

BENCHMARK = Path(__file__).parents[2] / "benchmarks" / "sharing.py"


@pytest.mark.slow
def test_three_others_change_neither_the_time_nor_the_memory() -> None:
    """What the benchmark measures, in short; small memories vary by a fifth of a MiB."""
    run = runpy.run_path(str(BENCHMARK))["run"]
    pairs = [run("dcgan", "with", cpus=2, kimg=6.0) for _ in range(2)]
    for name, relative, absolute in (("seconds_per_kimg", 0.05, 0), ("peak_memory_mib", 0.01, 0.2)):
        alone = statistics.median(pair.alone[name] for pair in pairs)
        beside = statistics.median(costs[name] for pair in pairs for costs in pair.beside)
        assert beside == pytest.approx(alone, rel=relative, abs=absolute), name
    assert all(costs["measured_alone"] > 0 for pair in pairs for costs in pair.beside)
