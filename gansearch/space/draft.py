"""What the rules of a space look at, and what they find."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from gansearch.space.models import Space
from gansearch.space.parameters import Parameter
from gansearch.space.scope import SECTIONS, Entry, resolve, split
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

    @cached_property
    def entries(self) -> dict[str, dict[str, Entry]]:
        """For each variant its parameters by plain name, and where they come from, if broken."""
        broken = (key.partition(".") for key in self.broken)
        written = [
            *((section, key) for section, _, key in broken if section in SECTIONS),
            *((section, key) for section in SECTIONS for key in getattr(self.space, section)),
        ]
        return {variant: resolve(written, variant) for variant in self.variants}

    def searched(self, variant: str) -> dict[str, Parameter]:
        """What is searched for ``variant``, by plain name, without what is broken."""
        parameters = self.space.parameters
        keys = {
            name: key
            for name, (where, key) in self.entries[variant].items()
            if where == "parameters"
        }
        return {name: parameters[key] for name, key in keys.items() if key in parameters}

    def is_broken(self, name: str) -> bool:
        """Whether a parameter called ``name`` was left out, be it shared or of one variant."""
        sections = (key.partition(".") for key in self.broken)
        return any(s == "parameters" and split(key)[1] == name for s, _, key in sections)

    def users(self, section: str, key: str) -> list[str]:
        """The variants that take the parameter, and take it from this entry."""
        _, name = split(key)
        return [v for v, entries in self.entries.items() if entries.get(name) == (section, key)]


Rule = Callable[[Draft], Iterator[Finding]]
"""One thing that a space must hold to."""
