"""The package as a program sees it: its names, its version, its types."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import gansearch

ROOT = Path(__file__).parents[1]


def test_every_name_is_there_and_listed() -> None:
    assert set(gansearch.__all__) <= set(dir(gansearch))
    for name in gansearch.__all__:
        assert callable(getattr(gansearch, name))
    with pytest.raises(AttributeError, match="'gansearch' has no attribute 'runstudy'"):
        _ = gansearch.runstudy  # type: ignore[attr-defined]


def test_the_version_is_that_of_the_distribution() -> None:
    assert f'version = "{gansearch.__version__}"' in (ROOT / "pyproject.toml").read_text()


def test_types_are_shipped() -> None:
    assert (ROOT / "gansearch" / "py.typed").exists()


@pytest.mark.slow
def test_a_wheel_has_the_types_and_the_command(tmp_path: Path) -> None:
    command = [
        sys.executable,
        "-m",
        "pip",
        "wheel",
        "--no-deps",
        "-q",
        "-w",
        str(tmp_path),
        str(ROOT),
    ]
    subprocess.run(command, check=True)
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        assert "gansearch/py.typed" in names
        (entries,) = (name for name in names if name.endswith("entry_points.txt"))
        assert "gansearch = gansearch.__main__:main" in archive.read(entries).decode()
