"""Every variant's entry, by name, without torch.

A new variant is one module, one entry in its family's ``entries.py`` and one YAML in
``search_spaces/``; the contract tests, ``gansearch variants`` and the JSON Schema of a space find
it by themselves.
"""

from __future__ import annotations

from gansearch.variants.autoencoder.entries import ENTRIES as AUTOENCODER
from gansearch.variants.classic.entries import ENTRIES as CLASSIC
from gansearch.variants.conditional.entries import ENTRIES as CONDITIONAL
from gansearch.variants.entry import Entry
from gansearch.variants.projected.entries import ENTRIES as PROJECTED
from gansearch.variants.style.entries import ENTRIES as STYLE

CATALOG: dict[str, Entry] = {
    entry.name: entry for entry in (*CLASSIC, *CONDITIONAL, *STYLE, *PROJECTED, *AUTOENCODER)
}
"""In the order in which ``gansearch variants`` lists them."""
