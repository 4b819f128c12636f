"""Whose an entry of ``parameters`` or ``training`` is: one variant's alone, or shared.

``gan.g_lr`` is gan's alone and goes, for gan, before ``g_lr``, which all others that take it share.
It does so across the two sections: what is fixed for gan, others can search.
"""

from __future__ import annotations

from collections.abc import Iterable

from gansearch.space.knobs import takes
from gansearch.variants.catalog import CATALOG

SECTIONS = ("training", "parameters")

Entry = tuple[str, str]
"""A section and a key in it: ``("parameters", "gan.g_lr")``."""


def split(key: str) -> tuple[str, str]:
    """``gan.g_lr`` → ``("gan", "g_lr")``; the owner of what is shared is ``""``."""
    owner, _, name = key.partition(".")
    return (owner, name) if name and owner in CATALOG else ("", key)


def members(name: str) -> list[str]:
    """The parameters that a YAML may nest under ``name``, a variant or a group such as ``dsc``."""
    if name in CATALOG:
        return sorted(takes(name))
    _, group = split(name)
    return sorted({n for v in CATALOG for n in takes(v) if n.startswith(f"{group}.")})


def resolve(entries: Iterable[Entry], variant: str) -> dict[str, Entry]:
    """The entry that holds for ``variant``, for each of its parameters that has one, by name."""
    found: dict[str, dict[str, Entry]] = {"": {}, variant: {}}
    for section, key in entries:
        owner, name = split(key)
        if owner in found and name in takes(variant):
            found[owner][name] = (section, key)
    return {**found[""], **found[variant]}
