"""Invalid spaces: a YAML and the one error that it should give."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from gansearch.errors import SpaceError
from gansearch.space import parse_space

HEAD = """\
variant: dcgan
parameters:
  g_lr: {type: float, low: 2e-5, high: 2e-3, log: true}
"""  # three lines: what a case adds starts on line 4

TWO = """\
variant: [dcgan, gan]
parameters:
  g_lr: {type: float, low: 2e-5, high: 2e-3, log: true}
"""  # three lines as well


@dataclass(frozen=True)
class Case:
    kind: str
    text: str
    line: int | None
    key: str
    fragments: tuple[str, ...]


def case(kind: str, text: str, line: int | None, key: str, *fragments: str) -> Case:
    return Case(kind, text, line, key, fragments)


def added(kind: str, text: str, line: int, key: str, *fragments: str) -> Case:
    """A case that continues :data:`HEAD`."""
    return Case(kind, HEAD + text, line, key, fragments)


def own(kind: str, text: str, line: int, key: str, *fragments: str) -> Case:
    """A case that continues :data:`TWO`."""
    return Case(kind, TWO + text, line, key, fragments)


def expect(wrong: Case) -> None:
    """Check that the case gives one error in one line, with its file, line, key and fragments."""
    with pytest.raises(SpaceError) as caught:
        parse_space(wrong.text, "wrong.yaml")
    assert [(entry.line, entry.key) for entry in caught.value.entries] == [(wrong.line, wrong.key)]
    message = str(caught.value)
    assert message.startswith("wrong.yaml:" + (f"{wrong.line}:" if wrong.line else ""))
    assert "\n" not in message
    for fragment in wrong.fragments:
        assert fragment in message


def invalid(text: str) -> list[tuple[int | None, str]]:
    """The lines and keys of the errors that a YAML gives."""
    with pytest.raises(SpaceError) as caught:
        parse_space(text, "wrong.yaml")
    return [(entry.line, entry.key) for entry in caught.value.entries]
