"""Images: data sets, batches and their streams."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gansearch.data.batch import Batch, ImageSpec
    from gansearch.data.images import Images, ImageSet
    from gansearch.data.load import load_images
    from gansearch.data.stream import BatchStream

__all__ = ["Batch", "BatchStream", "ImageSet", "ImageSpec", "Images", "load_images"]

# Imported at first use, so that the modules `catalog` and `files` do not import torch.
_HOMES = {
    "Batch": "batch",
    "BatchStream": "stream",
    "ImageSet": "images",
    "ImageSpec": "batch",
    "Images": "images",
    "load_images": "load",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
