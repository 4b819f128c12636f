"""The data set of a folder of image files."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import cast

import torch
from PIL import Image

from gansearch.config import DataConfig
from gansearch.data.batch import ImageSpec
from gansearch.data.decoded import decoded
from gansearch.data.files import classes_of, image_files
from gansearch.data.images import Images, ImageSet, fingerprint, split
from gansearch.errors import DataError

MIN_SIDE, MAX_SIDE = 8, 1024
"""Minimum and maximum resolution of a set, in pixels."""

_NAMED = 10  # unreadable files named in an error; the others are counted


def folder(config: DataConfig) -> Images:
    """Load a folder's image files (:func:`gansearch.data.files.image_files`) and their classes.

    The set has one channel if every image is gray (its three channels are equal), otherwise three.

    Raises:
        DataError: the folder does not exist or has no images; some images are unreadable and
            ``unreadable`` is ``refuse``; images lie beside folders of classes; or the disk has no
            space for the decoded images.
    """
    root = cast(Path, config.path).expanduser()
    files = image_files(root)
    try:
        entry, pixels = decoded(root, files, config.resolution)
    except OSError as error:
        raise DataError(
            f"the decoded images of {root} cannot be kept: {error}; GANSEARCH_CACHE says where"
        ) from error
    if entry.skipped and (config.unreadable == "refuse" or not entry.names):
        raise DataError(_refusal(root, entry.skipped, len(files)))
    labels, classes = classes_of(entry.names)
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
    """Common height and width of all images in a folder, in pixels; loading then resizes nothing.

    Unreadable files are ignored here; :func:`folder` reports them.

    Raises:
        DataError: the folder does not exist or has no images, the images have several sizes, or
            their size is not a square of a power of two.
    """
    sizes: dict[tuple[int, int], str] = {}
    for file in image_files(root):
        # Pillow's readers raise many kinds of errors on damaged headers.
        with suppress(Exception), Image.open(root / file.name) as image:
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


def _refusal(root: Path, skipped: tuple[str, ...], count: int) -> str:
    named = [f"  {line}" for line in skipped[:_NAMED]]
    rest = [f"  and {len(skipped) - _NAMED} more"] if len(skipped) > _NAMED else []
    what = f"{len(skipped)} of {count} images in {root} cannot be read"
    remedy = "repair or remove them, or leave them out with unreadable: skip"
    return "\n".join([f"{what}; {remedy}:", *named, *rest])
