"""Entries of autoencoders: what data each needs, and where its code is."""

from __future__ import annotations

import pytest

from gansearch.variants.autoencoder.entries import ENTRIES

FACTS = {
    "vae": ("noise", False, ()),
}
"""Data, whether samples are conditioned on a class, and own metrics."""


def test_facts_without_torch() -> None:
    found = {entry.name: (entry.data, entry.by_class, entry.metrics) for entry in ENTRIES}
    assert found == FACTS


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.name)
def test_the_code_is_in_the_family(entry) -> None:
    assert entry.settings.__module__ == "gansearch.variants.autoencoder.settings"
    assert entry.load().__module__.startswith("gansearch.variants.autoencoder.")
