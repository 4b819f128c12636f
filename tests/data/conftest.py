"""A cache folder of its own for each test, and a folder of images."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image


@pytest.fixture(autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path_factory.mktemp("cache")
    monkeypatch.setenv("GANSEARCH_CACHE", str(folder))
    return folder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Six colour images of 8x8 pixels: three flat ones, three in a sub-folder."""
    root = tmp_path / "pictures"
    (root / "more").mkdir(parents=True)
    for i in range(3):
        for path, seed in ((root / f"{i}.png", i), (root / "more" / f"{i}.png", 10 + i)):
            random = np.random.default_rng(seed)
            Image.fromarray(random.integers(0, 256, (8, 8, 3), dtype=np.uint8)).save(path)
    return root
