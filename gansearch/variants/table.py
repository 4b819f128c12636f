"""What ``gansearch variants`` prints; no torch."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING

from gansearch.errors import ConfigError
from gansearch.settings import Model
from gansearch.variants.catalog import CATALOG
from gansearch.variants.entry import Entry

if TYPE_CHECKING:
    from rich.table import Table


def render(name: str | None = None) -> Table:
    """The table of all variants, or that of one variant's parameters.

    Args:
        name: of a variant, or ``None`` for all.

    Raises:
        ConfigError: there is no such variant.
    """
    if name is None:
        return _all()
    return _one(known(name))


def known(name: str) -> Entry:
    """The entry of a variant.

    Raises:
        ConfigError: there is no such variant.
    """
    if name not in CATALOG:
        close = get_close_matches(name, CATALOG, n=1)
        hint = f"; did you mean {close[0]}?" if close else ""
        raise ConfigError(f"variant {name!r} is not one of {', '.join(CATALOG)}{hint}")
    return CATALOG[name]


def _all() -> Table:
    from rich.table import Column, Table

    table = Table(
        Column("variant", no_wrap=True),
        Column("what it is", ratio=1),
        "data",
        Column("parameters", ratio=2),
        show_lines=True,
    )
    for entry in CATALOG.values():
        names = ", ".join(
            f"{name}.*" if isinstance(field.default, Model) else name
            for name, field in entry.settings.model_fields.items()
        )
        table.add_row(entry.name, f"{entry.summary}\n[dim]{entry.source}[/dim]", entry.data, names)
    return table


def _one(entry: Entry) -> Table:
    from rich.markup import escape
    from rich.table import Column, Table

    from gansearch.space.knobs import knobs_of  # not to list the variants

    table = Table(
        Column("parameter", no_wrap=True),
        "default",
        "takes",
        "meaning",
        title=f"{entry.name}: {entry.summary}",
        caption=entry.source,
    )
    for knob in knobs_of(entry.name).values():
        meaning = " ".join(knob.summary.replace("``", "").split())
        table.add_row(knob.name, str(knob.default), escape(knob.domain), escape(meaning))
    return table
