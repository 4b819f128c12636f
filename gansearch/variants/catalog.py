"""The catalog of variants, without torch.

A new variant is one module, one entry in its family's ``entries.py`` and one YAML file in
``search_spaces/``. The contract tests, ``gansearch variants`` and the JSON Schema of a space read
the catalog.
"""

from __future__ import annotations

from gansearch.variants.autoencoder.entries import ENTRIES as AUTOENCODER
from gansearch.variants.classic.entries import ENTRIES as CLASSIC
from gansearch.variants.conditional.entries import ENTRIES as CONDITIONAL
from gansearch.variants.entry import VariantEntry
from gansearch.variants.projected.entries import ENTRIES as PROJECTED
from gansearch.variants.style.entries import ENTRIES as STYLE

CATALOG: dict[str, VariantEntry] = {
    entry.name: entry for entry in (*CLASSIC, *CONDITIONAL, *STYLE, *PROJECTED, *AUTOENCODER)
}
"""Variants by name."""
