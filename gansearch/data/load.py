"""From a data configuration to its images."""

from __future__ import annotations

from collections.abc import Callable

from gansearch.config import DataConfig
from gansearch.data import embedded
from gansearch.data.images import Images

LOADERS: dict[str, Callable[[DataConfig], Images]] = {
    "digits": embedded.digits,
}
"""From a data set's name to what loads it."""


def load_images(config: DataConfig) -> Images:
    """The images that ``config`` names, the same ones on every machine.

    Raises:
        DataError: they are missing, unreadable or of the wrong kind.
    """
    return LOADERS[config.name](config)
