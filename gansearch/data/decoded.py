"""Cache of decoded image files, as one memory-mapped file of bytes.

With the cache a trial starts without decoding. The trials of a machine share one copy in the page
cache, and sets larger than the memory can be read.
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

_FORM = f"2 pillow {PIL.__version__}"  # version of the cache's format and of the decoder
_CHUNK = 512  # files whose decoded images are in memory at a time

_Image = tuple[bytes, NDArray[np.uint8]]  # hash of the file, and pixels


class Decoded(Model):
    """Metadata of a folder's decoded images."""

    digest: str
    """Hash of the bytes of the readable files, in order."""
    names: tuple[str, ...]
    """Names of the readable files, in the order of the pixels' rows."""
    channels: int
    """Number of channels: 1 if every image is gray, otherwise 3."""
    skipped: tuple[str, ...]
    """``name: reason`` for each unreadable file."""


def decoded(root: Path, files: Sequence[File], resolution: int) -> tuple[Decoded, Tensor]:
    """Return the images in ``files`` at ``resolution`` from the cache; decode them if missing.

    Args:
        root: folder that the names of the files are relative to.
        files: files in the order of the images.
        resolution: height and width of the images, in pixels.

    Returns:
        The metadata, and the pixels ``[N, C, H, W]``, uint8, memory-mapped.

    Raises:
        OSError: the cache cannot be written.
    """
    listing = repr([(file.name, file.state) for file in files])
    place = cache_folder("images") / fingerprint(_FORM, str(resolution), listing)
    entry_path, pixels_path = place.with_suffix(".json"), place.with_suffix(".uint8")
    # If several trials start at the same time, one decodes and the others wait.
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
    """Decode ``files`` into ``target`` in order, and return the metadata."""
    hashed = hashlib.blake2b(digest_size=16)
    names, skipped, gray = [], [], True
    with target.open("wb") as output:
        for file, result in _decode_all(root, files, resolution):
            # Escapes bytes that neither terminals nor JSON accept.
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
    """Yield each file in order, with its hash and pixels or with an error."""

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
    """Reduce the pixels in a file from ``[N, 3, H, W]`` to ``[N, 1, H, W]``, in place."""
    size = resolution**2
    if count:
        pixels = np.memmap(path, np.uint8, "r+", shape=(count * 3 * size,))
        for i in range(1, count):
            pixels[i * size : (i + 1) * size] = pixels[3 * i * size : (3 * i + 1) * size]
        pixels.flush()
    os.truncate(path, count * size)
