"""From an image file's bytes to an array."""

from __future__ import annotations

import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from gansearch.errors import DataError


def decode(data: bytes, resolution: int) -> NDArray[np.uint8]:
    """An image file as RGB, its largest centred square resized (bicubic, antialiased).

    The picture is turned as its EXIF says, transparency is laid on white, 16 bits become 8, and of
    an animation or several pages the first is taken.

    Args:
        data: the file's content.
        resolution: height and width of the result, in pixels.

    Returns:
        ``[3, resolution, resolution]``, in [0, 255].

    Raises:
        DataError: the reason why it cannot be read: empty, not an image, truncated, damaged, more
            pixels than Pillow takes for honest (179 million), or values without a known range.
    """
    if not data:
        raise DataError("empty file")
    try:
        with Image.open(io.BytesIO(data)) as image:
            image.load()
            ImageOps.exif_transpose(image, in_place=True)
            square = ImageOps.fit(_rgb(image), (resolution, resolution))
    except DataError:
        raise
    except UnidentifiedImageError:
        raise DataError("not an image") from None
    # Pillow's readers raise whatever a damaged file drives them into.
    except Exception as error:
        raise DataError(f"{type(error).__name__}: {error}") from error
    return np.ascontiguousarray(np.asarray(square).transpose(2, 0, 1))


def _rgb(image: Image.Image) -> Image.Image:
    if image.mode == "F":
        raise DataError("floating-point pixels, whose range is not known")
    if image.mode.startswith("I"):
        # Pillow's own conversion to 8 bits clips at 255.
        levels = np.asarray(image).astype(np.int64)
        if levels.min() < 0 or levels.max() > 65535:
            raise DataError("pixels of more than 16 bits, whose range is not known")
        image = Image.fromarray(((levels + 128) // 257).astype(np.uint8))
    if image.has_transparency_data:
        white = Image.new("RGBA", image.size, "white")
        image = Image.alpha_composite(white, image.convert("RGBA"))
    return image.convert("RGB")
