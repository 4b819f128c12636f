"""From a data configuration to its images."""

from __future__ import annotations

from collections.abc import Callable

from gansearch.config import DataConfig
from gansearch.data.embedded import digits, photos
from gansearch.data.folder import folder
from gansearch.data.images import Images
from gansearch.data.published import cifar10, mnist

LOADERS: dict[str, Callable[[DataConfig], Images]] = {
    "digits": digits,
    "photos": photos,
    "folder": folder,
    "mnist": mnist,
    "cifar10": cifar10,
}
"""From a data set's name to what loads it."""


def load_images(config: DataConfig) -> Images:
    """The images that ``config`` names, the same ones on every machine.

    Raises:
        DataError: they are missing, unreadable or of the wrong kind.
    """
    return LOADERS[config.name](config)
