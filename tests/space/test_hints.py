"""Guesses at the intended value."""

# ruff: noqa: E501 - one case a line

from __future__ import annotations

import pytest

from tests.space.cases import Case, added, expect

# fmt: off
INVALID = [
    added("quoted number", "budget: {trials: '3'}\n", 4, "budget.trials", "integer", "'3'"),
    added("time in words", "budget: {wall_clock: 2 hours}\n", 4, "budget.wall_clock", "2h", "'2 hours'"),
    added("yes for true", "  beta1: {type: float, low: 0.1, high: 0.5, log: yes}\n", 4, "parameters.beta1.log", "true or false; write true", "'yes'"),
    added("off for false", "resources: {gpus: 1}\ncompute: {cuda_graphs: off}\n", 5, "compute.cuda_graphs", "write false"),
    added("number in quotes", "budget: {trials: '5'}\n", 4, "budget.trials", "remove the quotes: 5"),
    added("bound in quotes", "  beta1: {type: float, low: '0.1', high: 0.5}\n", 4, "parameters.beta1.low", "remove the quotes: 0.1"),
    added("GPUs in quotes", "resources: {gpus: '1'}\n", 4, "resources.gpus", "remove the quotes: 1"),
    added("thousands", "budget:\n  max_kimg: 1,000\n", 5, "budget.max_kimg", "write 1000"),
    added("a suffix", "budget: {max_kimg: 10k}\n", 4, "budget.max_kimg", "write 10000"),
    added("an integer with a point", "budget: {trials: 5.0}\n", 4, "budget.trials", "write 5"),
    added("seconds in quotes", "budget: {wall_clock: '7200'}\n", 4, "budget.wall_clock", "remove the quotes for seconds"),
    added("hours in words", "budget: {wall_clock: 2.5 hours}\n", 4, "budget.wall_clock", "write 2h30m"),
    added("a clock", "budget: {wall_clock: '1:30:00'}\n", 4, "budget.wall_clock", "write 1h30m"),
    added("days", "budget: {wall_clock: 1d}\n", 4, "budget.wall_clock", "write 24h"),
]
# fmt: on


@pytest.mark.parametrize("wrong", INVALID, ids=lambda wrong: wrong.kind)
def test_one_error_with_its_line_and_key(wrong: Case) -> None:
    expect(wrong)
