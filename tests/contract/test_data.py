"""Every data set of the catalog keeps the contract of data sets.

A data set is tested because it is in the catalog. One without a source of files here fails with a
message that says so.
"""

from __future__ import annotations

import hashlib
import pickle
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image
from torchvision.datasets import CIFAR10

from gansearch.config import DataConfig
from gansearch.data import BatchStream, ImageSet, load_images
from gansearch.data import images as images_module
from gansearch.data.catalog import DATA_SETS

CPU = torch.device("cpu")
RANDOM = np.random.default_rng(0)
GRAY = RANDOM.integers(0, 256, (50, 28, 28), dtype=np.uint8)
COLOUR = RANDOM.integers(0, 256, (50, 32, 32, 3), dtype=np.uint8)
LABELS = np.arange(50, dtype=np.uint8) % 10

Patch = pytest.MonkeyPatch


def nothing(folder: Path, patch: Patch) -> None:
    """For sets that ship with a library."""


def image_files(folder: Path, patch: Patch) -> None:
    for i, pixels in enumerate(COLOUR):
        path = folder / f"class {i % 3}" / f"{i:02}.png"
        path.parent.mkdir(exist_ok=True)
        Image.fromarray(pixels).save(path)


def mnist_files(folder: Path, patch: Patch) -> None:
    """In the real format; torchvision asks only that the four files exist."""

    def idx(array: NDArray[np.uint8]) -> bytes:
        return struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape) + array.tobytes()

    raw = folder / "MNIST" / "raw"
    raw.mkdir(parents=True)
    for part, order in (("train", slice(None)), ("t10k", slice(None, None, -1))):
        (raw / f"{part}-images-idx3-ubyte").write_bytes(idx(GRAY[order]))
        (raw / f"{part}-labels-idx1-ubyte").write_bytes(idx(LABELS[order]))


def cifar_files(folder: Path, patch: Patch) -> None:
    """In the real format. torchvision compares MD5s, so it is told those of these files."""

    def write(name: str, content: dict[str, Any]) -> str:
        data = pickle.dumps(content, protocol=2)
        (base / name).write_bytes(data)
        return hashlib.md5(data, usedforsecurity=False).hexdigest()

    base = folder / CIFAR10.base_folder
    base.mkdir()
    rows = COLOUR.transpose(0, 3, 1, 2).reshape(5, 10, -1)
    batches = [
        {"data": part, "labels": labels.tolist(), "batch_label": f"training batch {i} of 5"}
        for i, (part, labels) in enumerate(zip(rows, LABELS.reshape(5, 10), strict=True), 1)
    ]
    patch.setattr(
        CIFAR10,
        "train_list",
        [
            [name, write(name, content)]
            for (name, _), content in zip(CIFAR10.train_list, batches, strict=True)
        ],
    )
    test = {"data": rows[0, :, ::-1], "labels": [0] * 10}
    patch.setattr(CIFAR10, "test_list", [["test_batch", write("test_batch", test)]])
    names = {"label_names": [f"thing {i}" for i in range(10)]}
    patch.setattr(CIFAR10, "meta", {**CIFAR10.meta, "md5": write("batches.meta", names)})


SOURCES: dict[str, tuple[Callable[[Path, Patch], None], int, int, int]] = {
    # what writes the files; images, channels, classes
    "digits": (nothing, 1797, 1, 10),
    "photos": (nothing, 4096, 3, 0),
    "folder": (image_files, 50, 3, 3),
    "mnist": (mnist_files, 50, 1, 10),
    "cifar10": (cifar_files, 50, 3, 10),
}

Config = Callable[..., DataConfig]


@pytest.fixture(params=list(DATA_SETS))
def name(request: pytest.FixtureRequest) -> str:
    name = str(request.param)
    assert name in SOURCES, f"give SOURCES what writes the files of {name}, for this contract"
    return name


@pytest.fixture
def config(name: str, tmp_path: Path, monkeypatch: Patch) -> Config:
    """Makes configurations of the set ``name``, whose files lie there."""
    source = tmp_path / "source"
    source.mkdir()
    monkeypatch.setenv("GANSEARCH_CACHE", str(tmp_path / "cache"))
    SOURCES[name][0](source, monkeypatch)
    path = None if SOURCES[name][0] is nothing else source
    return lambda **changes: DataConfig(
        **{"name": name, "path": path, "resolution": 32, "holdout": 0.25, **changes}
    )


def everything(images: ImageSet) -> torch.Tensor:
    return images.batch(torch.arange(len(images))).images


def test_the_catalog_says_what_is_loaded(name: str, config: Config) -> None:
    data, images = DATA_SETS[name], load_images(config(holdout=0.0)).train
    if SOURCES[name][0] is nothing:
        assert data.images == len(images)
    assert data.classes in (images.spec.classes, 0)
    assert data.may_have_labels == (images.labels is not None)
    path = config().path
    assert all(path is not None and (path / file).is_file() for file in data.files)


@pytest.mark.parametrize("resolution", [8, 16, 32, 64])
def test_images_are_what_their_spec_says(name: str, config: Config, resolution: int) -> None:
    _, count, channels, classes = SOURCES[name]
    images = load_images(config(resolution=resolution))
    assert images.heldout is not None
    assert len(images.train) + len(images.heldout) == count
    assert len(images.heldout) == round(count / 4)
    for part in (images.train, images.heldout):
        spec = part.spec
        assert (spec.channels, spec.resolution, spec.classes) == (channels, resolution, classes)
        batch = part.batch(torch.tensor([len(part) - 1, 0, 1]))
        assert batch.images.shape == (3, channels, resolution, resolution)
        assert batch.images.dtype == torch.float32
        assert batch.images.is_contiguous()
        assert batch.images.abs().max() <= 1
        assert everything(part).std() > 0.1
        if not classes:
            assert batch.labels is None
            continue
        assert batch.labels is not None
        assert batch.labels.dtype == torch.int64
        assert set(batch.labels.tolist()) <= set(range(classes))
        assert part.skipped == ()


def test_no_image_is_in_both_parts(config: Config) -> None:
    images = load_images(config())
    assert images.heldout is not None
    train, heldout = (
        {image.numpy().tobytes() for image in everything(part)}
        for part in (images.train, images.heldout)
    )
    assert not train & heldout


def test_nothing_is_held_out_unasked(name: str, config: Config) -> None:
    images = load_images(config(holdout=0.0))
    assert images.heldout is None
    assert len(images.train) == SOURCES[name][1]


def test_loading_twice_gives_the_same(config: Config) -> None:
    one, other = load_images(config()), load_images(config())
    assert one.heldout is not None
    assert other.heldout is not None
    for first, second in ((one.train, other.train), (one.heldout, other.heldout)):
        assert first.fingerprint == second.fingerprint
        assert torch.equal(everything(first), everything(second))


def test_fingerprints_tell_what_was_done(config: Config) -> None:
    changes: list[dict[str, Any]] = [{}, {"resolution": 64}, {"holdout": 0.5}, {"holdout": 0.0}]
    prints = set()
    for change in changes:
        images = load_images(config(**change))
        prints |= {part.fingerprint for part in (images.train, images.heldout) if part}
    assert len(prints) == 7


def test_both_ways_of_reading_give_the_same_batches(config: Config, monkeypatch: Patch) -> None:
    images = load_images(config()).train
    resident = BatchStream(images, 16, 3, CPU)
    monkeypatch.setattr(images_module, "RESIDENT_BYTES", 0)
    ahead = BatchStream(load_images(config()).train, 16, 3, CPU)
    for _ in range(8):
        one, other = resident.next(), ahead.next()
        assert torch.equal(one.images, other.images)
        assert (one.labels is None) == (other.labels is None)
        if one.labels is not None and other.labels is not None:
            assert torch.equal(one.labels, other.labels)


@pytest.mark.parametrize("name", ["folder", "cifar10"])
def test_colour_images_are_the_written_ones(name: str, config: Config) -> None:
    images = load_images(config(holdout=0.0)).train
    labels = LABELS if name == "cifar10" else np.arange(50) % 3
    order = range(50) if name == "cifar10" else sorted(range(50), key=lambda i: (i % 3, i))
    batch = images.batch(torch.arange(50))
    expected = COLOUR[list(order)].transpose(0, 3, 1, 2) / 127.5 - 1
    assert np.allclose(batch.images.numpy(), expected, atol=1e-6)
    assert batch.labels is not None
    assert batch.labels.tolist() == labels[list(order)].tolist()


@pytest.mark.parametrize("name", ["mnist"])
def test_gray_images_are_the_written_ones(config: Config) -> None:
    images = load_images(config(holdout=0.0)).train
    batch = images.batch(torch.arange(50))
    assert batch.labels is not None
    assert batch.labels.tolist() == LABELS.tolist()
    back = torch.nn.functional.interpolate(batch.images, (28, 28), mode="bicubic", antialias=True)[
        :, 0
    ]
    written = torch.from_numpy(GRAY / 127.5 - 1).float()
    for i in range(50):
        assert (back[i] - written).abs().mean(dim=(1, 2)).argmin() == i
