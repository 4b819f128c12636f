"""MNIST and CIFAR-10: what is wrong with their files is said in one line.

That the right files are read rightly is in tests/contract/test_data.py.
"""

from __future__ import annotations

import socket
import struct
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from gansearch.config import DataConfig
from gansearch.data import load_images
from gansearch.errors import DataError


def idx(array: NDArray[np.uint8]) -> bytes:
    """An array in MNIST's file format."""
    return struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape) + array.tobytes()


def write_mnist(folder: Path, images: bytes, labels: bytes) -> None:
    raw = folder / "MNIST" / "raw"
    raw.mkdir(parents=True)
    for part in ("train", "t10k"):
        (raw / f"{part}-images-idx3-ubyte").write_bytes(images)
        (raw / f"{part}-labels-idx1-ubyte").write_bytes(labels)


PIXELS = np.zeros((4, 28, 28), np.uint8)
LABELS = np.zeros(4, np.uint8)


@pytest.mark.parametrize(
    ("name", "files"), [("mnist", "MNIST/raw/train-images"), ("cifar10", "cifar-10-batches-py/")]
)
def test_missing_files_are_named_with_the_remedy(tmp_path: Path, name: str, files: str) -> None:
    with pytest.raises(DataError) as caught:
        load_images(DataConfig(name=name, path=tmp_path))  # type: ignore[arg-type]
    assert files in str(caught.value)
    assert str(tmp_path) in str(caught.value)
    assert "download: true" in str(caught.value)


@pytest.mark.parametrize(
    ("images", "labels", "message"),
    [
        (b"", idx(LABELS), "missing or damaged"),
        (b"no idx file at all", idx(LABELS), "missing or damaged"),
        (idx(PIXELS)[:-1], idx(LABELS), "missing or damaged"),
        (idx(PIXELS), idx(PIXELS), "missing or damaged"),
        (idx(PIXELS), idx(LABELS[1:]), "3 labels, 4 images"),
        (idx(PIXELS), idx(LABELS + 10), "10 classes"),
    ],
)
def test_damaged_mnist_files_are_refused(
    tmp_path: Path, images: bytes, labels: bytes, message: str
) -> None:
    write_mnist(tmp_path, images, labels)
    with pytest.raises(DataError, match=message):
        load_images(DataConfig(name="mnist", path=tmp_path))


def test_cifar_files_other_than_the_published_ones_are_not_unpickled(tmp_path: Path) -> None:
    folder = tmp_path / "cifar-10-batches-py"
    folder.mkdir()
    bomb = b"cos\nsystem\n(S'touch " + str(tmp_path / "ran").encode() + b"'\ntR."
    for name in [*(f"data_batch_{i}" for i in range(1, 6)), "test_batch", "batches.meta"]:
        (folder / name).write_bytes(bomb)
    with pytest.raises(DataError, match="missing or damaged"):
        load_images(DataConfig(name="cifar10", path=tmp_path))
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("name", ["mnist", "cifar10"])
def test_a_download_that_fails_is_said(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_network(*args: object, **kwargs: object) -> None:
        raise OSError("no network")

    monkeypatch.setattr(socket, "getaddrinfo", no_network)
    monkeypatch.setattr(socket.socket, "connect", no_network)
    with pytest.raises(DataError, match="the download failed"):
        load_images(DataConfig(name=name, path=tmp_path, download=True))  # type: ignore[arg-type]


def test_nothing_is_fetched_that_was_not_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[object] = []
    monkeypatch.setattr(socket, "getaddrinfo", lambda *host: asked.append(host))
    for name in ("mnist", "cifar10"):
        with pytest.raises(DataError):
            load_images(DataConfig(name=name, path=tmp_path))  # type: ignore[arg-type]
    assert asked == []
