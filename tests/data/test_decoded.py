"""The cache of decoded images."""

from __future__ import annotations

import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from gansearch.data import decoded as decoded_module
from gansearch.data.decoded import Decoded, decoded
from gansearch.data.files import image_files


def load(root: Path, resolution: int = 8) -> tuple[Decoded, Tensor]:
    return decoded(root, image_files(root), resolution)


def test_pixels_and_names_are_in_the_order_of_the_files(folder: Path) -> None:
    entry, pixels = load(folder)
    assert entry.names == ("0.png", "1.png", "2.png", "more/0.png", "more/1.png", "more/2.png")
    expected = [np.asarray(Image.open(folder / name)).transpose(2, 0, 1) for name in entry.names]
    assert np.array_equal(pixels.numpy(), np.stack(expected))
    assert (entry.channels, entry.skipped) == (3, ())


def test_unreadable_files_are_left_out_with_a_reason(folder: Path) -> None:
    whole, _ = load(folder)
    (folder / "broken.png").write_bytes(b"")
    entry, pixels = load(folder)
    assert entry.skipped == ("broken.png: empty file",)
    assert (entry.names, entry.digest) == (whole.names, whole.digest)
    assert len(pixels) == 6


def test_files_are_decoded_once_for_each_resolution(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    entry, pixels = load(folder)
    assert load(folder, 16)[1].shape == (6, 3, 16, 16)
    monkeypatch.setattr(decoded_module, "decode", None)
    again = load(folder)
    assert again[0] == entry
    assert torch.equal(again[1], pixels)
    assert torch.equal(load(folder.rename(folder.parent / "moved"))[1], pixels)


def test_a_changed_file_is_decoded_again(folder: Path) -> None:
    entry, pixels = load(folder)
    shutil.copy(folder / "1.png", folder / "0.png")
    changed, again = load(folder)
    assert changed.digest != entry.digest
    assert torch.equal(again[0], pixels[1])


def test_trials_that_start_at_once_decode_once(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    count, decode = [], decoded_module.decode

    def counted(data: bytes, resolution: int) -> object:
        count.append(1)
        return decode(data, resolution)

    monkeypatch.setattr(decoded_module, "decode", counted)
    with ThreadPoolExecutor(4) as pool:
        entries = [entry for entry, _ in pool.map(lambda _: load(folder), range(4))]
    assert all(entry == entries[0] for entry in entries)
    assert len(count) == 6


def test_an_interrupted_decoding_leaves_nothing_in_the_cache(
    folder: Path, monkeypatch: pytest.MonkeyPatch, cache: Path
) -> None:
    def killed(*args: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(decoded_module, "decode", killed)
        with pytest.raises(KeyboardInterrupt):
            load(folder)
    assert not list(cache.rglob("*.uint8"))
    assert len(load(folder)[1]) == 6


def test_a_full_disk_is_an_error_with_both_sizes(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = shutil.disk_usage(folder)._replace(free=100)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    with pytest.raises(OSError, match=r"has 0 MiB free, 0 MiB are needed"):
        load(folder)
