"""Catalog entries import a variant's settings and its class on first use."""

from __future__ import annotations

import subprocess
import sys

import pytest
from pydantic import ValidationError

from gansearch.variants.catalog import CATALOG


def test_the_small_form_takes_other_parameters() -> None:
    entry = CATALOG["dcgan"]
    settings = entry.small_settings(**{"batch_size": 4, "dsc.where": "both"}).model_dump()
    assert settings["batch_size"] == 4
    assert settings["dsc"]["where"] == "both"
    assert settings["g_channels"] == entry.small["g_channels"]
    with pytest.raises(ValidationError, match="momentum"):
        entry.small_settings(momentum=0.5)


def test_settings_are_imported_when_they_are_asked_for_and_networks_with_the_class() -> None:
    code = (
        "import sys; from gansearch.variants.catalog import CATALOG; entry = CATALOG['dcgan'];"
        "family = 'gansearch.variants.classic.';"
        "print([name in sys.modules for name in (family + 'settings', family + 'dcgan')]);"
        "entry.settings;"
        "print([name in sys.modules for name in (family + 'settings', family + 'dcgan')]);"
        "entry.load(); print(family + 'dcgan' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["[False, False]", "[True, False]", "True"]
