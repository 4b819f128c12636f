"""Data sets that a command's argument names."""

from __future__ import annotations

from pathlib import Path

from pydantic import ValidationError

from gansearch.config import DataConfig, describe
from gansearch.data.catalog import DATA_SETS
from gansearch.data.folder import native_side
from gansearch.errors import ConfigError, DataError

SIDES = {data.name: data.side for data in DATA_SETS.values() if data.side}
"""Default resolution in pixels of each data set that has one."""


def data_config(text: str, resolution: int | None = None) -> DataConfig:
    """Parse a data set's name or path.

    Args:
        text: ``digits``, ``photos``, ``mnist:PATH``, ``cifar10:PATH``, or a folder of images.
        resolution: resolution in pixels; by default the data's own.

    Raises:
        DataError: there is no such data, or a folder's images differ in resolution.
        ConfigError: the resolution is not supported.
    """
    name, _, path = text.partition(":")
    if name not in SIDES:
        name, path = "folder", text.removeprefix("folder:")
        if not Path(path).is_dir():
            raise DataError(
                f"{text!r} is not a data set: give {', '.join(SIDES)} (as mnist:PATH), a folder or "
                "an .npz"
            )
    side = resolution or (native_side(Path(path)) if name == "folder" else SIDES[name])
    try:
        return DataConfig.model_validate({"name": name, "path": path or None, "resolution": side})
    except ValidationError as error:
        raise ConfigError(describe(error)) from None
