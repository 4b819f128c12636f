"""The list of variants, and tables of variants and of their parameters; no torch."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

from gansearch.errors import ConfigError
from gansearch.settings import Model
from gansearch.text.sheet import Sheet, sheet
from gansearch.variants.catalog import CATALOG
from gansearch.variants.entry import VariantEntry


def list_variants() -> tuple[VariantEntry, ...]:
    """List the catalog's entries of all variants, in the order of the catalog.

    An entry has the variant's name, summary, source, kind of data and settings with the defaults of
    its paper. Torch is not imported.
    """
    return tuple(CATALOG.values())


def known(name: str) -> VariantEntry:
    """Return the catalog's entry of a variant.

    Raises:
        ConfigError: there is no such variant.
    """
    if name not in CATALOG:
        close = get_close_matches(name, CATALOG, n=1)
        hint = f"; did you mean {close[0]}?" if close else ""
        raise ConfigError(f"variant {name!r} is not one of {', '.join(CATALOG)}{hint}")
    return CATALOG[name]


def variants_table(entries: Iterable[VariantEntry]) -> Sheet:
    """Make a table of variants with their summaries, sources and parameters."""
    rows = []
    for entry in entries:
        names = ", ".join(
            f"{name}.*" if isinstance(field.default, Model) else name
            for name, field in entry.settings.model_fields.items()
        )
        rows.append((entry.name, f"{entry.summary}\n{entry.source}", entry.data, names))
    return sheet(("variant", "what it is", "data", "parameters"), rows, lines=True)


def parameters_table(entry: VariantEntry) -> Sheet:
    """Make a table of a variant's parameters with their defaults, domains and meanings."""
    from gansearch.space.specs import specs_of  # not to list the variants

    rows = [
        (
            spec.name,
            str(spec.default),
            spec.domain,
            " ".join(spec.summary.replace("``", "").split()),
        )
        for spec in specs_of(entry.name).values()
    ]
    return sheet(
        ("parameter", "default", "takes", "meaning"),
        rows,
        f"{entry.name}: {entry.summary}",
        [entry.source],
    )
