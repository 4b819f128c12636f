"""What the rules of a space look at, and what they find."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from gansearch.space.models import Space
from gansearch.variants.catalog import CATALOG

Finding = tuple[tuple[str | int, ...], str]
"""Where (a path of keys) and what is wrong there."""


@dataclass(frozen=True)
class Draft:
    """A space as far as it is well formed.

    Attributes:
        space: without what is broken.
        broken: dotted keys of what was left out: sections, or single parameters and objectives.
    """

    space: Space
    broken: frozenset[str]

    def is_whole(self, section: str) -> bool:
        """Whether nothing of ``section`` was left out."""
        return not any(key.split(".")[0] == section for key in self.broken)

    @property
    def variants(self) -> Sequence[str]:
        """The chosen variants; the whole catalog where it is not known which ones are meant."""
        known = self.is_whole("variant") and all(v in CATALOG for v in self.space.variant)
        return self.space.variant if known else list(CATALOG)


Rule = Callable[[Draft], Iterator[Finding]]
"""One thing that a space must hold to."""
