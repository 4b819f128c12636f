"""Decoding of image files to arrays."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from gansearch.errors import DataError

_PNG_DEPTH = 24  # offset of a PNG's bit depth: after signature, length, IHDR, width and height


def decode(data: bytes, resolution: int) -> NDArray[np.uint8]:
    """Decode an image file to RGB and resize its largest centred square (bicubic, antialiased).

    The image is rotated by its EXIF orientation, transparent pixels are blended with white, and 16
    bits are reduced to 8. Only the first frame or page is used.

    Args:
        data: content of the file.
        resolution: height and width of the result, in pixels.

    Returns:
        ``[3, resolution, resolution]``, in [0, 255].

    Raises:
        DataError: the file cannot be read; the message gives the reason. The file is empty, not an
            image, truncated or damaged, has more pixels than Pillow accepts (179 million), or has
            values without a known range.
    """
    if not data:
        raise DataError("empty file")
    try:
        with Image.open(io.BytesIO(data)) as image:
            image.load()
            upright = ImageOps.exif_transpose(_with_alpha_of_key(image, data))
            square = ImageOps.fit(_rgb(upright), (resolution, resolution))
    except DataError:
        raise
    except UnidentifiedImageError:
        raise DataError("not an image") from None
    # Pillow's readers raise many kinds of errors on damaged files.
    except Exception as error:
        raise DataError(f"{type(error).__name__}: {error}") from error
    return np.ascontiguousarray(np.asarray(square).transpose(2, 0, 1))


def _with_alpha_of_key(image: Image.Image, data: bytes) -> Image.Image:
    """Give the pixels of a PNG's transparent colour (tRNS) alpha 0; return other images unchanged.

    The transparent colour has the bit depth of the file, but Pillow compares it with samples scaled
    to 8 bits. It would have no effect at 2, 4 and 16 bits. At 1 and 8 bits nothing is scaled.
    """
    key = image.info.get("transparency")
    depth = data[_PNG_DEPTH] if image.format == "PNG" and key is not None else 8
    if image.mode == "L" and depth < 8:
        image.info["transparency"] = key * (255 // (2**depth - 1))
    elif image.mode in ("I;16", "RGB") and depth == 16:
        levels = np.asarray(image)
        if image.mode == "RGB":
            levels = levels.astype(np.uint16) << 8 | _low_bytes(data)
        opaque = (levels.reshape(*levels.shape[:2], -1) != key).any(2)
        eight = image if image.mode == "RGB" else _eight_bits(levels)
        keyed = Image.merge(
            "RGBA", [*eight.convert("RGB").split(), Image.fromarray(opaque.astype(np.uint8) * 255)]
        )
        keyed.info = {name: each for name, each in image.info.items() if name != "transparency"}
        return keyed
    return image


def _low_bytes(data: bytes) -> NDArray[np.uint8]:
    """Low bytes of a 16-bit RGB PNG, ``[H, W, 3]``; Pillow itself keeps only the high bytes."""
    with Image.open(io.BytesIO(data)) as image:
        image.tile = [tile._replace(args="RGB;16L") for tile in image.tile]
        image.load()
        return np.array(image)


def _eight_bits(levels: NDArray[Any]) -> Image.Image:
    return Image.fromarray(((levels.astype(np.int64) + 128) // 257).astype(np.uint8))


def _rgb(image: Image.Image) -> Image.Image:
    if image.mode == "F":
        raise DataError("floating-point pixels, whose range is not known")
    if image.mode.startswith("I"):
        # Pillow's own conversion to 8 bits clips at 255.
        levels = np.asarray(image).astype(np.int64)
        if levels.min() < 0 or levels.max() > 65535:
            raise DataError("pixels of more than 16 bits, whose range is not known")
        image = _eight_bits(levels)
    if image.has_transparency_data:
        white = Image.new("RGBA", image.size, "white")
        image = Image.alpha_composite(white, image.convert("RGBA"))
    return image.convert("RGB")
