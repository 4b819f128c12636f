"""Values of options are parsed."""

from __future__ import annotations

import pytest

from gansearch.cli.parse import assignments, bounds, numbers, scalars
from gansearch.errors import UsageError


def test_bounds_are_lower_or_upper() -> None:
    low, high = bounds(["gmacs=1e1"], ["fid=20"])
    assert (low.metric, low.min, low.max) == ("gmacs", 10.0, None)
    assert (high.metric, high.min, high.max) == ("fid", None, 20.0)


def test_numbers_are_finite() -> None:
    assert numbers("--max", ["fid=20", "gmacs=1e1", "fid=3"]) == {"fid": 3.0, "gmacs": 10.0}
    for text in ("fid", "fid=low", "fid=nan", "fid=inf"):
        with pytest.raises(UsageError, match=rf"--max {text}: .* such as --max fid=20"):
            numbers("--max", [text])


def test_assignments_have_a_name_and_a_value() -> None:
    assert assignments("--baseline", ["dsc.where=none", "a=b=c"]) == {
        "dsc.where": "none",
        "a": "b=c",
    }
    for text in ("dsc.where", "=none", "dsc.where="):
        with pytest.raises(UsageError, match=f"--baseline {text}: should be a parameter"):
            assignments("--baseline", [text])


def test_scalars_are_typed() -> None:
    texts = ["d_steps=2", "g_lr=1e-4", "dsc.where=both", "flag=true", "d_steps_too=[1]"]
    assert scalars("--set", texts) == {
        "d_steps": 2,
        "g_lr": 1e-4,
        "dsc.where": "both",
        "flag": True,
        "d_steps_too": "[1]",
    }
    with pytest.raises(UsageError, match="--set d_steps"):
        scalars("--set", ["d_steps"])
