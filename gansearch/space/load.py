"""A YAML file to a checked space."""

from __future__ import annotations

from pathlib import Path

from gansearch.space.models import Space


def load_space(path: str | Path) -> Space:
    """The space in the YAML file at ``path``.

    Raises:
        SpaceError: everything that is wrong with the file, each with its line, key and value.
    """
    raise NotImplementedError


def parse_space(text: str, file: str | Path) -> Space:
    """The space that the YAML ``text`` describes; ``file`` is what errors call it.

    Raises:
        SpaceError: everything that is wrong with the text, each with its line, key and value.
    """
    raise NotImplementedError
