"""The table of loaders."""

from __future__ import annotations

import subprocess
import sys
from typing import get_args

import pytest

import gansearch.data
from gansearch.config import DataConfig
from gansearch.data import load_images
from gansearch.data.catalog import DATA_SETS
from gansearch.data.load import LOADERS


def test_a_configuration_can_name_every_data_set_and_each_has_a_loader() -> None:
    allowed = set(get_args(DataConfig.model_fields["name"].annotation))
    assert allowed == set(LOADERS) == set(DATA_SETS)


def test_the_loader_of_the_name_gets_the_configuration(monkeypatch: pytest.MonkeyPatch) -> None:
    config = DataConfig(name="digits", holdout=0.25)
    images = load_images(config)
    given = []
    monkeypatch.setitem(LOADERS, "digits", lambda each: given.append(each) or images)
    assert load_images(config) is images
    assert given == [config]


def test_every_public_name_of_the_package_is_found() -> None:
    for name in gansearch.data.__all__:
        assert getattr(gansearch.data, name).__name__ == name
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        gansearch.data.nothing  # noqa: B018


def test_libraries_are_imported_where_they_are_needed() -> None:
    script = (
        "import sys, gansearch.data; "
        "print([m for m in ('sklearn', 'torchvision', 'pandas') if m in sys.modules])"
    )
    result = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert result.stdout.strip() == "[]"
