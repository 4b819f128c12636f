"""Shorthand of a YAML, and errors in it."""

# ruff: noqa: E501 - one case a line

from __future__ import annotations

import pytest

from tests.space.cases import Case, added, expect, own

# fmt: off
INVALID = [
    added(
        "dotted and nested",
        "  dsc: {where: [both]}\n  dsc.where: both\n",
        5,
        "parameters.dsc.where",
        "given twice",
        "dotted",
    ),
    added("negative rungs", "budget: {rungs: -2}\n", 4, "budget.rungs", "a count from 0", "-2"),
    added("no type", "  beta1: {low: 0, high: 0.5}\n", 4, "parameters.beta1", "needs a type"),
    added("objective of wrong type", "objectives: {fd_digits: 3}\n", 4, "objectives.fd_digits", "mapping", "3"),
    added("objectives as a list", "objectives: [fd_digits]\n", 4, "objectives", "{fid: minimize}", "['fd_digits']"),
    added("bound of wrong type", "constraints: {params_m: 5}\n", 4, "constraints.params_m", "{max: 5}", "5"),
    added("value for a group", "  dsc: both\n", 4, "parameters.dsc", "is a group", "dsc.where"),
    added("W&B's range", "  d_lr_ratio: {distribution: log_uniform_values, min: 0.1, max: 5}\n", 4, "parameters.d_lr_ratio", "write {type: float, low: 0.1, high: 5, log: true}"),
    added("W&B's range of exponents", "  d_lr_ratio: {distribution: log_uniform, min: -1, max: 1}\n", 4, "parameters.d_lr_ratio", "low: 0.368, high: 2.72, log: true}"),
    added("W&B's choice", "  d_steps: {values: [1, 2]}\n", 4, "parameters.d_steps", "needs a type", "write [1, 2]"),
    added("W&B's steps", "  d_steps: {distribution: q_uniform, min: 1, max: 5, q: 2}\n", 4, "parameters.d_steps", "write {type: int, low: 1, high: 5, step: 2}"),
    added("Ray's range", "  d_steps: {lower: 1, upper: 5}\n", 4, "parameters.d_steps", "write {type: int, low: 1, high: 5}"),
    added("Ax's range", "  d_steps: {type: range, bounds: [1, 5]}\n", 4, "parameters.d_steps", "write {type: int, low: 1, high: 5}"),
    added("choices", "  dsc.where: {type: choice, choices: [none, both]}\n", 4, "parameters.dsc.where", "write [none, both]"),
    own("value for a variant", "  gan: 0.1\n", 4, "parameters.gan", "is a group", "momentum"),
    own("choices for a variant", "  gan: [0.1]\n", 4, "parameters.gan", "is a group", "momentum"),
    own("nothing under a variant", "  gan:\n", 4, "parameters.gan", "is a group", "momentum"),
    own("empty variant", "training: {gan: {}}\n", 4, "training.gan", "is a group", "momentum"),
    own("own twice", "  gan: {g_lr: 0.1}\n  gan.g_lr: 0.2\n", 5, "parameters.gan.g_lr", "given twice"),
]
# fmt: on


@pytest.mark.parametrize("wrong", INVALID, ids=lambda wrong: wrong.kind)
def test_one_error_with_its_line_and_key(wrong: Case) -> None:
    expect(wrong)
