"""Samples of a checkpoint's generator."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from PIL import Image

from gansearch.errors import UsageError
from gansearch.runs.sample import sample
from gansearch.settings import LARGEST


def test_samples_are_images_that_the_seed_decides(trained: Path) -> None:
    samples = sample("s/0", count=5, seed=3, results=trained)
    assert samples.shape == (5, 1, 8, 8)
    assert samples.dtype == torch.float32
    assert samples.abs().max() <= 1
    assert torch.equal(samples, sample("s/0", count=5, seed=3, results=trained))
    assert not torch.equal(samples, sample("s/0", count=5, seed=4, results=trained))
    assert not torch.equal(samples, sample("s/1", count=5, seed=3, results=trained))


def test_the_grid_is_as_square_as_possible(trained: Path, tmp_path: Path) -> None:
    file = tmp_path / "new" / "grid.png"
    sample("s/0", count=6, out=str(file), results=trained)
    with Image.open(file) as grid:
        width, height = grid.size
    assert width / height == pytest.approx(2 / 3, rel=0.02)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"out": "grid.xyz"}, "should end in .png"),
        ({"count": 0}, "count: should be at least 1"),
        ({"seed": -1}, "seed: should be from 0"),
        ({"seed": LARGEST + 1}, "seed: should be from 0"),
        ({"source": "s/9"}, "trials 0 to 1"),
    ],
)
def test_invalid_arguments_are_refused(
    trained: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    options: dict[str, object],
    words: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError, match=words):
        sample(**{"source": "s/0", "results": trained, **options})
    assert list(tmp_path.iterdir()) == []
