"""Sections of a space: ranges of their values."""

# ruff: noqa: E501 - one case a line

from __future__ import annotations

import pytest

from tests.space.cases import Case, added, case, expect

# fmt: off
INVALID = [
    added("true for a number", "budget: {trials: true}\n", 4, "budget.trials", "integer", "true"),
    added("no trials", "budget: {trials: 0}\n", 4, "budget.trials", "greater than or equal to 1", "0"),
    added("infinite budget", "budget: {max_kimg: .inf}\n", 4, "budget.max_kimg", "finite"),
    added("negative budget", "budget: {max_kimg: -3}\n", 4, "budget.max_kimg", "0.001", "-3"),
    added("negative time", "budget: {wall_clock: -3}\n", 4, "budget.wall_clock", "greater than 0"),
    added("rung of 0", "budget: {rungs: [0, 5]}\n", 4, "budget.rungs.0", "0.001"),
    added("rungs as text", "budget: {rungs: many}\n", 4, "budget.rungs", "a list", "'many'"),
    added("eta of 1", "search: {reduction_factor: 1}\n", 4, "search.reduction_factor", "2", "1"),
    added("negative seed", "search: {seed: -1}\n", 4, "search.seed", "greater than or equal to 0"),
    added("GPU and a half", "resources: {gpus: 1.5}\n", 4, "resources", "whole number", "1.5"),
    added("bad name", "name: a/b\n", 4, "name", "letters, digits", "'a/b'"),
    case("no variants", "variant: []\nparameters: {g_lr: 1e-4}\n", 1, "variant", "not be empty"),
    added("trials without end", "budget: {trials: 9223372036854775807}\n", 4, "budget.trials", "less than or equal to 1000000"),
    added("NaN for a bound", "objectives: {fd_digits: {max: .nan}}\n", 4, "objectives.fd_digits.max", "finite", "NaN"),
    added("infinity for a bound", "constraints: {params_m: {min: -.inf}}\n", 4, "constraints.params_m.min", "finite", "-Infinity"),
    added("GPUs without end", "resources: {gpus: .inf}\n", 4, "resources.gpus", "a number of at least 0"),
    added("folder without path", "data: {name: folder}\n", 4, "data", "needs a path"),
    added("odd resolution", "data: {name: digits, resolution: 12}\n", 4, "data.resolution", "power of two"),
    added("holdout of all", "data: {name: digits, holdout: 1}\n", 4, "data.holdout", "0.5", "1"),
    added("one sample", "evaluation: {samples: 1}\n", 4, "evaluation.samples", "2", "1"),
    added("no interval", "evaluation: {finalists: {seeds: 1}}\n", 4, "evaluation.finalists.seeds", "2", "1"),
    added("graphs of what is not compiled", "resources: {gpus: 1}\ncompute: {cuda_graphs: true}\n", 5, "compute", "needs compiled networks"),
    added("unknown precision", "compute: {precision: fp16}\n", 4, "compute.precision", "bfloat16", "fp16"),
]
# fmt: on


@pytest.mark.parametrize("wrong", INVALID, ids=lambda wrong: wrong.kind)
def test_one_error_with_its_line_and_key(wrong: Case) -> None:
    expect(wrong)
