"""Input and output of the rules of a space."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from gansearch.space.parameters import Parameter
from gansearch.space.scope import SECTIONS, SectionKey, resolve, split
from gansearch.space.space import Space
from gansearch.variants.catalog import CATALOG

Finding = tuple[tuple[str | int, ...], str]
"""Position (a path of keys) and error."""


@dataclass(frozen=True)
class Draft:
    """The well-formed part of a space.

    Attributes:
        space: the space without its malformed parts.
        broken: dotted keys of the omitted parts: sections, or single parameters and objectives.
        on_record: whether a study on record has this space.
    """

    space: Space
    broken: frozenset[str]
    on_record: bool = False

    def is_whole(self, section: str) -> bool:
        """Whether no part of ``section`` was omitted."""
        return not any(key.split(".")[0] == section for key in self.broken)

    @property
    def variants(self) -> Sequence[str]:
        """The chosen variants, or the whole catalog if the choice itself is malformed."""
        known = self.is_whole("variant") and all(v in CATALOG for v in self.space.variant)
        return self.space.variant if known else list(CATALOG)

    @cached_property
    def entries(self) -> dict[str, dict[str, SectionKey]]:
        """Sources of each variant's parameters by plain name, including malformed ones."""
        broken = (key.partition(".") for key in self.broken)
        written = [
            *((section, key) for section, _, key in broken if section in SECTIONS),
            *((section, key) for section in SECTIONS for key in getattr(self.space, section)),
        ]
        return {variant: resolve(written, variant) for variant in self.variants}

    def searched(self, variant: str) -> dict[str, Parameter]:
        """Return the well-formed searched parameters of ``variant``, by plain name."""
        parameters = self.space.parameters
        keys = {
            name: key
            for name, (where, key) in self.entries[variant].items()
            if where == "parameters"
        }
        return {name: parameters[key] for name, key in keys.items() if key in parameters}

    def is_broken(self, name: str) -> bool:
        """Whether a parameter called ``name`` was omitted, shared or of one variant."""
        sections = (key.partition(".") for key in self.broken)
        return any(s == "parameters" and split(key)[1] == name for s, _, key in sections)

    def users(self, section: str, key: str) -> list[str]:
        """Return the variants whose parameter comes from this entry."""
        _, name = split(key)
        return [v for v, entries in self.entries.items() if entries.get(name) == (section, key)]


Rule = Callable[[Draft], Iterator[Finding]]
"""A rule that yields the violations in a draft."""
