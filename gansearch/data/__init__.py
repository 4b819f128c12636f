"""Images: what a batch is, where data sets come from, how they are fed."""

from gansearch.data.batch import Batch, ImageSpec
from gansearch.data.images import Images, ImageSet
from gansearch.data.load import load_images
from gansearch.data.stream import BatchStream

__all__ = ["Batch", "BatchStream", "ImageSet", "ImageSpec", "Images", "load_images"]
