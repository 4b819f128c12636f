"""Loading of the images of a data configuration."""

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
"""Functions that load the data sets, by name."""


def load_images(config: DataConfig) -> Images:
    """Load the images of ``config``; the result is the same on every machine.

    Raises:
        DataError: the images are missing, unreadable or of the wrong kind.
    """
    return LOADERS[config.name](config)
