"""Checkpoint files: written atomically, verified before they are read."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO, cast

import torch

from gansearch.errors import CheckpointError

FORMAT = 4
"""Version of the file's content. Versions in :data:`UPGRADES` are read too; others are refused."""

DIRECTORY = 0x10
"""Bit of an archive entry's DOS attributes that marks a directory."""

State = dict[str, Any]
"""Tensors, numbers, strings, and lists and dictionaries of these: the types that ``weights_only``
accepts."""


def write_checkpoint(path: Path, state: State) -> None:
    """Write ``state`` to ``path`` atomically: a reader finds the old file or the new one.

    Raises:
        OSError: the folder is missing or full; ``path`` is unchanged.
    """
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        with partial.open("wb") as file:
            torch.save({"format": FORMAT, **state}, file)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
    _sync_folder(path.parent)


def read_checkpoint(path: Path) -> State:
    """Read the state that :func:`write_checkpoint` wrote, onto the CPU.

    Raises:
        CheckpointError: the file is missing, truncated, damaged, or of another format.
    """
    try:
        file = path.open("rb")
    except FileNotFoundError:
        raise CheckpointError(f"{path}: there is no such checkpoint") from None
    with file:
        try:
            _verify_checksums(file)
            file.seek(0)
            state = torch.load(file, map_location="cpu", weights_only=True)
        except MemoryError:
            raise
        except Exception as error:  # the exception's type depends on where the damage is
            summary = str(error).partition("\n")[0]
            raise CheckpointError(f"{path}: damaged, or no checkpoint: {summary}") from error
    found = state.get("format") if isinstance(state, dict) else type(state).__name__
    if found in UPGRADES:
        return UPGRADES[found](state)
    if found != FORMAT:
        raise CheckpointError(f"{path}: format {found!r}, not {FORMAT}: written by another version")
    return cast(State, state)


def _from_3(state: State) -> State:
    """Drop the measurements of format 3, which omitted memory and lazy penalties.

    An empty device name matches no device, so the resumed run measures again. Its training time is
    kept.
    """
    timer = state["timer"]
    return {
        **state,
        "format": FORMAT,
        "timer": {
            **{name: timer[name] for name in ("all", "warm_up", "waited")},
            **{name: {} for name in ("earlier", "alone", "current", "lazy")},
            **{name: [] for name in ("plain_rates", "disturbed")},
            "device": "",
            "stage": timer["all"],
            "next": 0,
        },
        "memory": {"device": ""},
    }


UPGRADES: dict[object, Callable[[State], State]] = {3: _from_3}
"""Functions that convert the content of an older format to :data:`FORMAT`."""


def _verify_checksums(file: BinaryIO) -> None:
    """Verify the archive's checksums, because torch's reader would accept a flipped bit."""
    archive = zipfile.ZipFile(file)
    damaged = archive.testzip()
    if damaged is not None:
        raise zipfile.BadZipFile(f"the checksum of {damaged} is wrong")
    for entry in archive.infolist():
        if entry.external_attr & DIRECTORY:  # torch does not read its data, but returns a tensor
            raise zipfile.BadZipFile(f"{entry.filename} is marked as a directory")


def _sync_folder(folder: Path) -> None:
    """Flush the folder, so that the rename survives a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
