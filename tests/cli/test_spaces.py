"""The commands ``check`` and ``variants``."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from gansearch.variants.catalog import CATALOG

Call = Callable[..., Any]
QUICKSTART = Path(__file__).parents[2] / "search_spaces" / "quickstart.yaml"


def test_a_valid_space_is_printed_as_a_table(gansearch: Call) -> None:
    answer = gansearch("check", QUICKSTART)
    answer.check_completed()
    assert "trials of" in answer.out


def test_an_invalid_space_is_refused_with_file_line_and_key(
    gansearch: Call, tmp_path: Path
) -> None:
    gansearch("check", "missing.yaml").check_refused("missing.yaml: cannot be read")
    wrong = tmp_path / "wrong.yaml"
    wrong.write_text("variant: dcgan\nparameters: {g_lr: fast}\n")
    gansearch("check", wrong).check_refused(f"{wrong}:2: parameters.g_lr:", "'fast'")


def test_variants_and_their_parameters_are_listed(gansearch: Call) -> None:
    out = gansearch("variants").out
    assert all(name in out for name in CATALOG)
    parameters = gansearch("variants", "gan").out
    assert "momentum" in parameters
    assert "Goodfellow et al. 2014" in parameters
    gansearch("variants", "dcgam").check_refused("'dcgam'", "did you mean dcgan")
