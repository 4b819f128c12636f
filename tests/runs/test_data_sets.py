"""Data sets that an argument names."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from gansearch.config import DataConfig
from gansearch.errors import ConfigError, DataError
from gansearch.runs.data_sets import data_config


def test_a_data_set_is_named_with_its_path(tmp_path: Path) -> None:
    assert data_config("digits") == DataConfig(name="digits")
    assert data_config("photos", 64) == DataConfig(name="photos", resolution=64)
    mnist = DataConfig(name="mnist", path=tmp_path, resolution=32)
    assert data_config(f"mnist:{tmp_path}") == mnist


def test_a_folder_has_the_resolution_of_its_images(tmp_path: Path) -> None:
    Image.new("RGB", (16, 16)).save(tmp_path / "a.png")
    folder = DataConfig(name="folder", path=tmp_path, resolution=16)
    assert data_config(str(tmp_path)) == data_config(f"folder:{tmp_path}") == folder
    assert data_config(str(tmp_path), 32).resolution == 32


def test_an_unknown_or_impossible_data_set_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="'nowhere' is not a data set: give digits"):
        data_config("nowhere")
    with pytest.raises(ConfigError, match="not a power of two"):
        data_config("digits", 24)
    with pytest.raises(ConfigError, match="needs a path"):
        data_config("cifar10")
