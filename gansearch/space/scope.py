"""Scope of an entry in ``parameters`` or ``training``: one variant, or shared.

``gan.g_lr`` applies to gan alone and overrides, for gan, the shared ``g_lr``. It does so across the
two sections: a parameter can be fixed for gan and searched for others.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from gansearch.space.specs import is_taken, takes
from gansearch.variants.catalog import CATALOG

SECTIONS = ("training", "parameters")

SectionKey = tuple[str, str]
"""A section and a key in it: ``("parameters", "gan.g_lr")``."""


def split(key: str) -> tuple[str, str]:
    """``gan.g_lr`` → ``("gan", "g_lr")``; the owner of a shared name is ``""``."""
    owner, _, name = key.partition(".")
    return (owner, name) if name and owner in CATALOG else ("", key)


def members(name: str) -> list[str]:
    """Return the parameters that a YAML may nest under a variant or a group such as ``dsc``."""
    if name in CATALOG:
        return sorted(takes(name))
    _, group = split(name)
    return sorted({n for v in CATALOG for n in takes(v) if n.startswith(f"{group}.")})


def is_group(name: str, variants: Sequence[str]) -> bool:
    """Whether ``name`` is a variant or a group such as ``dsc``: a YAML nests parameters under it.

    Args:
        name: name in ``parameters`` or ``training``.
        variants: the chosen variants. Others are imported only for a name that none of these takes.
    """
    if name in CATALOG:
        return True
    owner, plain = split(name)
    return not is_taken(plain, [owner] if owner else variants) and bool(members(name))


def resolve(entries: Iterable[SectionKey], variant: str) -> dict[str, SectionKey]:
    """Return the effective entry of each parameter of ``variant``, by plain name."""
    found: dict[str, dict[str, SectionKey]] = {"": {}, variant: {}}
    for section, key in entries:
        owner, name = split(key)
        if owner in found and name in takes(variant):
            found[owner][name] = (section, key)
    return {**found[""], **found[variant]}
