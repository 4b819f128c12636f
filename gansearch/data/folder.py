"""A folder of image files."""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import cast

import torch
from PIL import Image

from gansearch.config import DataConfig
from gansearch.data.batch import ImageSpec
from gansearch.data.decode import SUFFIXES
from gansearch.data.decoded import File, decoded
from gansearch.data.images import Images, ImageSet, fingerprint, split
from gansearch.errors import DataError

MIN_SIDE, MAX_SIDE = 8, 1024
"""Least and greatest resolution of a set, in pixels."""

_NAMED = 10  # broken files that an error names; the others are counted


def folder(config: DataConfig) -> Images:
    """The image files in a folder and its sub-folders, in the order of their paths.

    Files count by their ending (:data:`gansearch.data.decode.SUFFIXES`); hidden ones and hidden
    folders do not. Where every image lies in a sub-folder, and there are at least two of these, the
    first-level sub-folders are the classes, in the order of their names. The set is gray where
    every image is (its three channels are equal everywhere), otherwise in colour.

    Raises:
        DataError: no such folder; no images in it; unreadable ones, where they are to be refused;
            no room for what is decoded.
    """
    root = cast(Path, config.path).expanduser()
    files = _files(root)
    if not files:
        raise DataError(f"{root} holds no images: none of {', '.join(sorted(SUFFIXES))}")
    try:
        entry, pixels = decoded(root, files, config.resolution)
    except OSError as error:
        raise DataError(
            f"the decoded images of {root} cannot be kept: {error}; GANSEARCH_CACHE says where"
        ) from error
    if entry.skipped and (config.unreadable == "refuse" or not entry.names):
        raise DataError(_refusal(root, entry.skipped, len(files)))
    labels, classes = _labels(entry.names)
    images = ImageSet(
        spec=ImageSpec(entry.channels, config.resolution, classes),
        fingerprint=fingerprint(entry.digest, repr((config.resolution, labels))),
        pixels=pixels,
        labels=None if labels is None else torch.tensor(labels),
        rows=torch.arange(len(entry.names)),
        skipped=entry.skipped,
    )
    if images.resident:
        images = replace(images, pixels=pixels.clone())
    return split(images, config.holdout)


def native_side(root: Path) -> int:
    """Height and width that all images in a folder have, so that loading them changes no pixel.

    Files that cannot be read are left to :func:`folder`, which names them.

    Raises:
        DataError: no such folder, no images in it, or images of several sizes or of one that is no
            square of a power of two.
    """
    sizes: dict[tuple[int, int], str] = {}
    for file in _files(root):
        with suppress(OSError, Image.DecompressionBombError), Image.open(root / file.name) as image:
            sizes.setdefault(image.size, file.name)
    (width, height), *others = sizes or {(MIN_SIDE, MIN_SIDE): ""}
    usual = width == height and not width & (width - 1) and MIN_SIDE <= width <= MAX_SIDE
    if others or not usual:
        shown = [f"{w}x{h} ({name})" for (w, h), name in sizes.items()]
        raise DataError(
            f"the images in {root} are {', '.join(shown[:3])}{' and more' * (len(shown) > 3)}: "
            "without a resolution all should be squares of one power of two, such as 64x64"
        )
    return width


def _files(root: Path) -> list[File]:
    if not root.is_dir():
        raise DataError(f"{root} is {'not a folder' if root.exists() else 'missing'}")

    def refuse(error: OSError) -> None:
        raise DataError(f"{error.filename} cannot be listed: {error.strerror}") from error

    found = []
    for parent, folders, names in os.walk(root, onerror=refuse):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in names:
            path = Path(parent, name)
            if path.suffix.lower() in SUFFIXES and not name.startswith("."):
                found.append(_file(path, path.relative_to(root).as_posix()))
    return sorted(found, key=lambda file: file.name)


def _file(path: Path, name: str) -> File:
    try:
        found = path.stat()
    except OSError:  # a link to nowhere
        found = path.lstat()
    state = (found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)
    return File(name, state, stat.S_ISREG(found.st_mode))


def _labels(names: tuple[str, ...]) -> tuple[tuple[int, ...] | None, int]:
    """Each image's class and the number of classes, by the first-level sub-folders."""
    folders = [name.split("/")[0] for name in names]
    classes = {name: i for i, name in enumerate(sorted(set(folders)))}
    if len(classes) < 2 or not all("/" in name for name in names):
        return None, 0
    return tuple(classes[name] for name in folders), len(classes)


def _refusal(root: Path, skipped: tuple[str, ...], count: int) -> str:
    named = [f"  {line}" for line in skipped[:_NAMED]]
    rest = [f"  and {len(skipped) - _NAMED} more"] if len(skipped) > _NAMED else []
    what = f"{len(skipped)} of {count} images in {root} cannot be read"
    remedy = "repair or remove them, or leave them out with unreadable: skip"
    return "\n".join([f"{what}; {remedy}:", *named, *rest])
