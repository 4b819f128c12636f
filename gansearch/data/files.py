"""The image files of a folder and their classes, found without opening any of them."""

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
"""Endings of the files that are taken for images, in lower case."""

_NAMED = 5  # files or folders that an error names; the others are counted


@dataclass(frozen=True)
class File:
    """An image file.

    Attributes:
        name: its path below the folder.
        state: inode, size and times; while they stay, its content counts as unchanged.
        regular: whether it is a file that reading comes to an end of.
    """

    name: str
    state: tuple[int, ...]
    regular: bool


def image_files(root: Path) -> list[File]:
    """The image files in a folder and its sub-folders, in the order of their paths.

    Files count by their ending (:data:`SUFFIXES`); hidden ones and hidden folders do not. Links are
    followed; one to nowhere counts as a file, since what it was to hold is missing.

    Raises:
        DataError: no such folder; a folder that cannot be listed; a link to a folder that it lies
            in; no images.
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
    """Each image's class and the number of classes, by the first-level sub-folders.

    Where every image lies in a sub-folder, and there are at least two of these, they are the
    classes, in the order of their names; else there are none.

    Args:
        names: of the files, as of :class:`File`.

    Raises:
        DataError: an image lies beside two sub-folders of images or more, so that it has no class.
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
    except OSError:  # a link to nowhere
        found = path.lstat()
    state = (found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)
    return File(name, state, stat.S_ISREG(found.st_mode))
