"""What ``gansearch variants`` prints; no torch."""

from __future__ import annotations

from difflib import get_close_matches

from gansearch.errors import ConfigError
from gansearch.settings import Model
from gansearch.text.sheet import Sheet, sheet
from gansearch.variants.catalog import CATALOG
from gansearch.variants.entry import VariantEntry


def render(name: str | None = None) -> Sheet:
    """The table of all variants, or that of one variant's parameters.

    Args:
        name: of a variant, or ``None`` for all.

    Raises:
        ConfigError: there is no such variant.
    """
    if name is None:
        return _all()
    return _one(known(name))


def known(name: str) -> VariantEntry:
    """The entry of a variant.

    Raises:
        ConfigError: there is no such variant.
    """
    if name not in CATALOG:
        close = get_close_matches(name, CATALOG, n=1)
        hint = f"; did you mean {close[0]}?" if close else ""
        raise ConfigError(f"variant {name!r} is not one of {', '.join(CATALOG)}{hint}")
    return CATALOG[name]


def _all() -> Sheet:
    rows = []
    for entry in CATALOG.values():
        names = ", ".join(
            f"{name}.*" if isinstance(field.default, Model) else name
            for name, field in entry.settings.model_fields.items()
        )
        rows.append((entry.name, f"{entry.summary}\n{entry.source}", entry.data, names))
    return sheet(("variant", "what it is", "data", "parameters"), rows, lines=True)


def _one(entry: VariantEntry) -> Sheet:
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
