"""A folder of image files: order, broken files, gray and colour, fingerprints, place in memory."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from gansearch.config import DataConfig
from gansearch.data import ImageSet, load_images
from gansearch.data import images as images_module
from gansearch.data.folder import native_side
from gansearch.errors import DataError


def write(path: Path, seed: int, *, gray: bool = False) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng(seed)
    shape = (8, 8) if gray else (8, 8, 3)
    Image.fromarray(random.integers(0, 256, shape, dtype=np.uint8)).save(path)
    return path


def load(folder: Path, **changes: object) -> ImageSet:
    return load_images(
        DataConfig.model_validate({"name": "folder", "path": folder, **changes})
    ).train


def test_images_come_in_the_order_of_their_paths(tmp_path: Path) -> None:
    names = ["b.png", "a/z.png", "c.PNG", "a/b/c.png", "a.png"]
    for name in names:
        write(tmp_path / name, len(name))
    images = load(tmp_path)
    expected = [
        np.asarray(Image.open(tmp_path / name)).transpose(2, 0, 1)
        for name in ["a.png", "a/b/c.png", "a/z.png", "b.png", "c.PNG"]
    ]
    assert np.array_equal(images.pixels.numpy(), np.stack(expected))


# --- Links ---------------------------------------------------------------------------------------


def test_class_folders_that_are_links_are_followed(tmp_path: Path) -> None:
    root, elsewhere = tmp_path / "classes", tmp_path / "elsewhere"
    write(root / "ant" / "1.png", 1)
    write(elsewhere / "2.png", 2)
    write(elsewhere / "deep" / "3.png", 3)
    (root / "bee").symlink_to(elsewhere)
    (root / "cat").symlink_to("../elsewhere/deep")
    images = load(root)
    assert images.batch(torch.arange(len(images))).labels.tolist() == [0, 1, 1, 2]
    assert load(shutil.copytree(root, tmp_path / "copied")).fingerprint == images.fingerprint


def test_a_class_folder_that_is_a_link_to_nowhere_is_named(tmp_path: Path) -> None:
    write(tmp_path / "ant" / "1.png", 1)
    write(tmp_path / "bee" / "1.png", 2)
    (tmp_path / "cat").symlink_to("gone")
    with pytest.raises(DataError, match=r"1 of 3 images .*\n  cat: a link to nowhere"):
        load(tmp_path)
    assert load(tmp_path, unreadable="skip").spec.classes == 2


def test_gray_where_every_image_is(tmp_path: Path) -> None:
    for i in range(40):
        write(tmp_path / f"{i:02}.png", i, gray=True)
    one = load(tmp_path)
    assert one.spec.channels == 1
    expected = [np.asarray(Image.open(tmp_path / f"{i:02}.png")) for i in range(40)]
    assert np.array_equal(one.pixels[:, 0].numpy(), np.stack(expected))
    write(tmp_path / "colour.png", 9)
    three = load(tmp_path)
    assert three.spec.channels == 3
    assert torch.equal(three.pixels[:40], one.pixels.expand(-1, 3, -1, -1))


def test_gray_files_in_colour_mode_are_gray(tmp_path: Path) -> None:
    image = Image.open(write(tmp_path / "1.png", 1, gray=True)).convert("RGBA")
    image.save(tmp_path / "1.png")
    assert load(tmp_path).spec.channels == 1


def empty(path: Path) -> None:
    path.write_bytes(b"")


def text(path: Path) -> None:
    path.write_text("not an image")


def truncated(path: Path) -> None:
    data = write(path, 5).read_bytes()
    path.write_bytes(data[: len(data) // 2])


def link_to_nowhere(path: Path) -> None:
    path.symlink_to("nowhere")


def pipe(path: Path) -> None:
    os.mkfifo(path)


BREAK: list[Callable[[Path], None]] = [empty, text, truncated, link_to_nowhere, pipe]


@pytest.mark.parametrize("broken", BREAK)
def test_a_broken_file_is_named_and_refused_or_skipped(
    folder: Path, broken: Callable[[Path], None]
) -> None:
    whole = load(folder)
    broken(folder / "more" / "1b.png")
    with pytest.raises(DataError) as caught:
        load(folder)
    assert "1 of 7 images" in str(caught.value)
    assert "more/1b.png: " in str(caught.value)
    assert "unreadable: skip" in str(caught.value)
    kept = load(folder, unreadable="skip")
    assert len(kept) == 6
    assert len(kept.skipped) == 1
    assert kept.skipped[0].startswith("more/1b.png: ")
    assert kept.fingerprint == whole.fingerprint
    assert torch.equal(kept.pixels, whole.pixels)


@pytest.mark.parametrize(
    "data", [b"P6\n", b"P6 x 2\n", b"P5 8 8 0\n", b"BM" + b"\0" * 60, b"II*\0", b"GIF89a", b"RIFF"]
)
def test_a_damaged_header_is_unreadable_and_named(tmp_path: Path, data: bytes) -> None:
    write(tmp_path / "0.png", 0)
    (tmp_path / "a.ppm").write_bytes(data)
    assert native_side(tmp_path) == 8  # what cannot be read is left to whoever loads it
    with pytest.raises(DataError, match=r"1 of 2 images .* cannot be read.*\n  a\.ppm: "):
        load(tmp_path)


def test_many_broken_files_are_counted(folder: Path) -> None:
    for i in range(25):
        text(folder / f"broken{i:02}.jpg")
    with pytest.raises(DataError) as caught:
        load(folder)
    assert "25 of 31" in str(caught.value)
    assert "broken09.jpg" in str(caught.value)
    assert "broken10.jpg" not in str(caught.value)
    assert "and 15 more" in str(caught.value)


@pytest.mark.parametrize("unreadable", ["refuse", "skip"])
def test_nothing_but_broken_files_is_refused(tmp_path: Path, unreadable: str) -> None:
    text(tmp_path / "1.png")
    with pytest.raises(DataError, match="1 of 1 images"):
        load(tmp_path, unreadable=unreadable)


def test_a_class_of_broken_files_is_no_class(tmp_path: Path) -> None:
    for name in ("ant/1.png", "bee/1.png", "cat/1.png"):
        write(tmp_path / name, 1)
    text(tmp_path / "bee" / "1.png")
    assert load(tmp_path, unreadable="skip").spec.classes == 2


def test_a_name_that_is_no_text_is_read_and_can_be_printed(folder: Path) -> None:
    name = os.fsdecode(b"caf\xe9.png")
    text(folder / name)
    with pytest.raises(DataError) as caught:
        load(folder)
    assert r"caf\udce9.png" in str(caught.value)
    str(caught.value).encode()
    write(folder / "good.png", 3).rename(folder / name)
    assert len(load(folder)) == 7


def test_a_fingerprint_does_not_depend_on_where_the_folder_lies(
    folder: Path, tmp_path: Path
) -> None:
    before = load(folder).fingerprint
    copy = shutil.copytree(folder, tmp_path / "copy")
    assert load(copy).fingerprint == before
    assert load(folder.rename(tmp_path / "moved")).fingerprint == before


def test_a_fingerprint_follows_every_change(folder: Path) -> None:
    prints = [load(folder).fingerprint, load(folder, resolution=16).fingerprint]

    def note() -> None:
        prints.append(load(folder).fingerprint)

    with Image.open(folder / "1.png") as image:
        pixels = np.array(image)
    pixels[3, 3, 0] ^= 1
    Image.fromarray(pixels).save(folder / "1.png")
    note()
    write(folder / "3.png", 3)
    note()
    (folder / "0.png").unlink()
    note()
    (folder / "1.png").rename(folder / "9.png")  # changes the order
    note()
    for name in ("2.png", "3.png", "9.png"):  # makes classes
        (folder / "loose").mkdir(exist_ok=True)
        (folder / name).rename(folder / "loose" / name)
    note()
    assert len(set(prints)) == len(prints)


def test_a_full_disk_is_said(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = shutil.disk_usage(folder)._replace(free=100)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    with pytest.raises(DataError, match=r"MiB free.*GANSEARCH_CACHE"):
        load(folder)


def test_a_cache_that_cannot_be_written_is_said(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("GANSEARCH_CACHE", str(tmp_path / "file"))
    with pytest.raises(DataError, match="GANSEARCH_CACHE"):
        load(folder)


def test_large_sets_stay_on_disk_and_small_ones_do_not(
    folder: Path, monkeypatch: pytest.MonkeyPatch, cache: Path
) -> None:
    def mapped() -> bool:
        return str(cache) in Path("/proc/self/maps").read_text()

    small = load(folder)
    assert not mapped()
    monkeypatch.setattr(images_module, "RESIDENT_BYTES", 0)
    large = load(folder)
    assert mapped()
    assert torch.equal(small.pixels, large.pixels)
