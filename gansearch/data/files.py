"""The image files of a folder and their classes, listed without opening files."""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from gansearch.errors import DataError

SUFFIXES = frozenset(
    {".bmp", ".gif", ".jpeg", ".jpg", ".pbm", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp"}
)
"""Suffixes of image files, in lower case."""

_NAMED = 5  # files or folders named in an error; the others are counted


@dataclass(frozen=True)
class File:
    """An image file.

    Attributes:
        name: path relative to the folder.
        state: inode, size and times; equal states mean unchanged content.
        regular: whether it is a regular file, which can be read to the end.
    """

    name: str
    state: tuple[int, ...]
    regular: bool


def image_files(root: Path) -> list[File]:
    """List the image files in a folder and its sub-folders, sorted by path.

    Image files are recognised by their suffix (:data:`SUFFIXES`). Hidden files and folders are
    ignored. Links are followed. A dangling link is listed as a file, because its image is missing.

    Raises:
        DataError: the folder does not exist, cannot be listed, has no images, or contains a link to
            a folder above it.
    """
    if not root.is_dir():
        raise DataError(f"{root} is {'not a folder' if root.exists() else 'missing'}")

    def refuse(error: OSError) -> None:
        raise DataError(f"{error.filename} cannot be listed: {error.strerror}") from error

    found = []
    for parent, folders, names in os.walk(root, onerror=refuse, followlinks=True):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in folders:
            _refuse_circle(root, Path(parent, name))
        for name in names:
            path = Path(parent, name)
            if (path.suffix.lower() in SUFFIXES or _leads_nowhere(path)) and name[0] != ".":
                found.append(_file(path, path.relative_to(root).as_posix()))
    if not found:
        raise DataError(f"{root} holds no images: none of {', '.join(sorted(SUFFIXES))}")
    return sorted(found, key=lambda file: file.name)


def classes_of(names: Sequence[str]) -> tuple[tuple[int, ...] | None, int]:
    """Class of each image and the number of classes, by first-level sub-folders.

    If every image lies in a sub-folder and there are at least two sub-folders, these are the
    classes, sorted by name. Otherwise there are no classes.

    Args:
        names: names of the files, as in :class:`File`.

    Raises:
        DataError: an image lies outside the sub-folders and there are at least two of them.
    """
    folders = [name.split("/")[0] for name in names]
    loose = [name for name in names if "/" not in name]
    classes = {name: i for i, name in enumerate(sorted({*folders} - {*loose}))}
    if len(classes) < 2:
        return None, 0
    if loose:
        raise DataError(
            f"{_listed(loose)} beside the sub-folders {_listed(list(classes))}: images have their "
            "class from these; move what has none into one of them, or out of the folder"
        )
    return tuple(classes[name] for name in folders), len(classes)


def _refuse_circle(root: Path, folder: Path) -> None:
    if folder.is_symlink():
        target = folder.resolve()
        for above in folder.parents:
            if above.resolve() == target:
                raise DataError(f"{folder} is a link to {above}, a folder that it lies in")
            if above == root:
                break


def _leads_nowhere(path: Path) -> bool:
    return path.is_symlink() and not path.exists()


def _listed(names: Sequence[str]) -> str:
    rest = [f"{len(names) - _NAMED} more"] if len(names) > _NAMED else []
    return ", ".join([*names[:_NAMED], *rest])


def _file(path: Path, name: str) -> File:
    try:
        found = path.stat()
    except OSError:  # a dangling link
        found = path.lstat()
    state = (found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)
    return File(name, state, stat.S_ISREG(found.st_mode))
