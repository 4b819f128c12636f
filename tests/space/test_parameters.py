"""Kinds of parameter specs: their values, neighbours and errors."""

# ruff: noqa: E501 - one case a line

from __future__ import annotations

import pytest

from tests.space.cases import Case, added, expect, own

# fmt: off
INVALID = [
    added("low above high", "  beta1: {type: float, low: 0.5, high: 0.1}\n", 4, "parameters.beta1", "0.5", "0.1", "less than"),
    added("low equals high", "  d_steps: {type: int, low: 2, high: 2}\n", 4, "parameters.d_steps", "a constant"),
    added("log from 0", "  beta1: {type: float, low: 0, high: 0.5, log: true}\n", 4, "parameters.beta1", "log needs a low above 0"),
    added("step with log", "  d_steps: {type: int, low: 1, high: 5, log: true, step: 2}\n", 4, "parameters.d_steps", "step 2 and log"),
    added("negative step", "  beta1: {type: float, low: 0, high: 0.5, step: -1}\n", 4, "parameters.beta1.step", "greater than 0", "-1"),
    added("wide step", "  beta1: {type: float, low: 0, high: 0.5, step: 1}\n", 4, "parameters.beta1", "step 1 is wider"),
    added("word for a number", "  beta1: {type: float, low: zero, high: 0.5}\n", 4, "parameters.beta1.low", "number", "'zero'"),
    added("no choices", "  beta1: []\n", 4, "parameters.beta1", "not be empty"),
    added("same choice twice", "  beta1: [0, 0.5, 0.0]\n", 4, "parameters.beta1", "listed twice"),
    added("a list in a choice", "  beta1:\n    - 0\n    - [0.5]\n", 6, "parameters.beta1.1", "should be a finite number", "[0.5]"),
    added("no value", "  beta1:\n", 4, "parameters.beta1", "null"),
    added("NaN", "  beta1: .nan\n", 4, "parameters.beta1", "finite", "NaN"),
    added("choices in training", "training: {beta1: [0, 0.5]}\n", 4, "training.beta1", "should be a finite number"),
    added("range to NaN", "  beta1: {type: float, low: 0, high: .nan}\n", 4, "parameters.beta1.high", "finite", "NaN"),
    added("range of integers to infinity", "  d_steps: {type: int, low: 1, high: .inf}\n", 4, "parameters.d_steps.high", "integer", "Infinity"),
    own("own of wrong form", "  gan:\n    g_lr: {type: float, low: 0.3, high: 0.05}\n", 5, "parameters.gan.g_lr", "should be less than"),
]
# fmt: on


@pytest.mark.parametrize("wrong", INVALID, ids=lambda wrong: wrong.kind)
def test_one_error_with_its_line_and_key(wrong: Case) -> None:
    expect(wrong)
