"""Decoded image files, kept in the cache folder as one memory-mapped file of bytes.

A trial starts at once, the trials of a machine share one copy in its page cache, and a set that is
larger than the memory is read like a small one.
"""

from __future__ import annotations

import hashlib
import math
import os
import shutil
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import PIL
import torch
from filelock import FileLock
from numpy.typing import NDArray
from torch import Tensor

from gansearch.data.decode import decode
from gansearch.data.files import File
from gansearch.data.images import fingerprint
from gansearch.errors import DataError
from gansearch.paths import cache_folder, written_atomically
from gansearch.settings import Model

_FORM = f"2 pillow {PIL.__version__}"  # of the cache's entries and of what made them
_CHUNK = 512  # files whose decoded images are in memory at a time

_Image = tuple[bytes, NDArray[np.uint8]]  # a file's hash and its pixels


class Decoded(Model):
    """What is known of a folder's images beside their pixels."""

    digest: str
    """Hash of the readable files' bytes, in order."""
    names: tuple[str, ...]
    """The readable files, in order: the rows of the pixels."""
    channels: int
    """1 where every image is gray, else 3."""
    skipped: tuple[str, ...]
    """``name: reason`` of each file that cannot be read."""


def decoded(root: Path, files: Sequence[File], resolution: int) -> tuple[Decoded, Tensor]:
    """The images in ``files`` at ``resolution``, from the cache or else decoded into it.

    Args:
        root: the folder that the files' names are below.
        files: in the order that the images shall have.
        resolution: in pixels.

    Returns:
        What is known of the images, and their pixels: uint8 ``[N, C, H, W]``, memory-mapped.

    Raises:
        OSError: the cache cannot be written.
    """
    listing = repr([(file.name, file.state) for file in files])
    place = cache_folder("images") / fingerprint(_FORM, str(resolution), listing)
    entry_path, pixels_path = place.with_suffix(".json"), place.with_suffix(".uint8")
    # Of the trials that start at once, one decodes.
    with FileLock(place.with_suffix(".lock")):
        if not (entry_path.exists() and pixels_path.exists()):
            _need(place.parent, len(files) * 3 * resolution**2)
            with written_atomically(pixels_path) as temporary:
                made = _write(root, files, resolution, temporary)
            with written_atomically(entry_path) as temporary:
                temporary.write_text(made.model_dump_json())
        entry = Decoded.model_validate_json(entry_path.read_bytes())
        shape = (len(entry.names), entry.channels, resolution, resolution)
        size = math.prod(shape)
        mapped = torch.from_file(str(pixels_path), size=size, dtype=torch.uint8)
    return entry, mapped.view(shape)


def _need(folder: Path, needed: int) -> None:
    free = shutil.disk_usage(folder).free
    if needed > free:
        raise OSError(f"{folder} has {free >> 20} MiB free, {needed >> 20} MiB are needed")


def _write(root: Path, files: Sequence[File], resolution: int, target: Path) -> Decoded:
    """Decode ``files`` into ``target``, one after the other."""
    hashed = hashlib.blake2b(digest_size=16)
    names, skipped, gray = [], [], True
    with target.open("wb") as output:
        for file, result in _decode_all(root, files, resolution):
            # What no terminal and no JSON takes is escaped.
            name = file.name.encode("utf-8", "backslashreplace").decode()
            if isinstance(result, DataError):
                skipped.append(f"{name}: {result}")
                continue
            digest, pixels = result
            hashed.update(digest)
            output.write(pixels.data)
            names.append(name)
            gray = gray and bool((pixels == pixels[:1]).all())
    if gray:
        _keep_first_channel(target, len(names), resolution)
    return Decoded(
        digest=hashed.hexdigest(),
        names=tuple(names),
        channels=1 if gray else 3,
        skipped=tuple(skipped),
    )


def _decode_all(
    root: Path, files: Sequence[File], resolution: int
) -> Iterator[tuple[File, _Image | DataError]]:
    """Each file with its hash and pixels, or with what is wrong with it; in order."""

    def read(file: File) -> _Image | DataError:
        if not file.regular:
            path = root / file.name
            return DataError("not a regular file" if path.exists() else "a link to nowhere")
        try:
            data = (root / file.name).read_bytes()
            return hashlib.blake2b(data, digest_size=16).digest(), decode(data, resolution)
        except OSError as error:
            return DataError(error.strerror or str(error))
        except DataError as error:
            return error

    with ThreadPoolExecutor(thread_name_prefix="decode") as pool:  # Pillow decodes without the GIL
        for start in range(0, len(files), _CHUNK):
            chunk = files[start : start + _CHUNK]
            yield from zip(chunk, pool.map(read, chunk), strict=True)


def _keep_first_channel(path: Path, count: int, resolution: int) -> None:
    """``[N, 3, H, W]`` → ``[N, 1, H, W]`` in the file itself."""
    size = resolution**2
    if count:
        pixels = np.memmap(path, np.uint8, "r+", shape=(count * 3 * size,))
        for i in range(1, count):
            pixels[i * size : (i + 1) * size] = pixels[3 * i * size : (3 * i + 1) * size]
        pixels.flush()
    os.truncate(path, count * size)
