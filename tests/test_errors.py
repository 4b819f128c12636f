"""Errors: their families, and the text of those in a space."""

from __future__ import annotations

from pathlib import Path

from gansearch import errors
from gansearch.errors import GansearchError, InvalidEntry, SpaceError, TrialError, UsageError


def test_errors_of_a_space_are_in_the_order_of_their_lines_with_file_line_and_key() -> None:
    error = SpaceError(
        Path("x.yaml"),
        [
            InvalidEntry("budget.trials", 7, "should be greater than 0 (got 0)"),
            InvalidEntry("variant", 1, "is required"),
            InvalidEntry("", None, "is empty"),
            InvalidEntry("", 3, "is not valid YAML"),
        ],
    )
    assert str(error).splitlines() == [
        "x.yaml: is empty",
        "x.yaml:1: variant: is required",
        "x.yaml:3: is not valid YAML",
        "x.yaml:7: budget.trials: should be greater than 0 (got 0)",
    ]
    assert [entry.line for entry in error.entries] == [None, 1, 3, 7]


def test_every_error_is_in_the_tree_that_the_module_shows() -> None:
    kinds = [e for e in vars(errors).values() if isinstance(e, type) and issubclass(e, Exception)]
    assert all(issubclass(kind, GansearchError) for kind in kinds)
    assert all(kind.__name__ in (errors.__doc__ or "") for kind in kinds)
    assert not issubclass(TrialError, UsageError)
