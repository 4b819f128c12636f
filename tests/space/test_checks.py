"""All rules together, and combinations that do not build."""

# ruff: noqa: E501 - one case a line

from __future__ import annotations

import pytest

from tests.space.cases import Case, case, expect

# fmt: off
INVALID = [
    case("a value that the fixed settings forbid", "variant: stylegan3\ntraining: {config: r}\nparameters:\n  dsc:\n    where:\n      - none\n      - generator\n", 7, "parameters.dsc.where.1", "does not go with the rest", "no kernel to separate"),
]
# fmt: on


@pytest.mark.parametrize("wrong", INVALID, ids=lambda wrong: wrong.kind)
def test_one_error_with_its_line_and_key(wrong: Case) -> None:
    expect(wrong)
