"""The catalog has each variant once, and every family's entries are in it."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

import gansearch.variants
from gansearch.metrics.catalog import METRICS
from gansearch.variants.catalog import CATALOG
from gansearch.variants.entry import VariantEntry

FOLDER = Path(gansearch.variants.__file__).parent


def test_every_entry_of_every_family_is_in_the_catalog() -> None:
    found: list[VariantEntry] = []
    for file in sorted(FOLDER.glob("*/entries.py")):
        entries = import_module(f"gansearch.variants.{file.parent.name}.entries").ENTRIES
        assert all(entry.family == file.parent.name for entry in entries)
        found += entries
    assert {entry.name: entry for entry in found} == CATALOG
    assert len(found) == len(CATALOG)


def test_metrics_that_variants_compute_are_in_the_catalog_of_metrics() -> None:
    names = {name for entry in CATALOG.values() for name in entry.metrics}
    assert names == {metric.name for metric in METRICS.values() if metric.of_variant}
