"""From a file's bytes to pixels: every form of image file, every way to be broken."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from gansearch.data.decode import decode
from gansearch.errors import DataError

RANDOM = np.random.default_rng(0)
GRAY = RANDOM.integers(0, 256, (8, 8), dtype=np.uint8)
RGB = RANDOM.integers(0, 256, (8, 8, 3), dtype=np.uint8)


def encode(image: Image.Image, form: str = "PNG", **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, form, **options)
    return buffer.getvalue()


def pixels(data: bytes, resolution: int = 8) -> NDArray[np.uint8]:
    """Decoded, as ``[H, W, 3]``."""
    decoded = decode(data, resolution)
    assert decoded.dtype == np.uint8
    assert decoded.shape == (3, resolution, resolution)
    assert decoded.flags.c_contiguous
    return decoded.transpose(1, 2, 0)


@pytest.mark.parametrize("form", ["PNG", "BMP", "TIFF", "PPM", "WEBP"])
def test_lossless_colour_comes_through_to_the_bit(form: str) -> None:
    options = {"lossless": True} if form == "WEBP" else {}
    assert np.array_equal(pixels(encode(Image.fromarray(RGB), form, **options)), RGB)


@pytest.mark.parametrize("form", ["PNG", "BMP", "TIFF", "PPM", "GIF"])
def test_gray_has_three_equal_channels(form: str) -> None:
    found = pixels(encode(Image.fromarray(GRAY), form))
    assert np.array_equal(found, np.stack([GRAY] * 3, axis=2))


def test_black_and_white() -> None:
    bits = Image.fromarray((GRAY > 127).astype(np.uint8) * 255).convert("1")
    assert np.array_equal(pixels(encode(bits))[..., 0], (GRAY > 127) * 255)


@pytest.mark.parametrize("form", ["PNG", "TIFF", "PPM"])
def test_sixteen_bits_are_scaled_not_clipped(form: str) -> None:
    levels = RANDOM.integers(0, 65536, (8, 8), dtype=np.uint16)
    levels[0, :2] = 0, 65535
    found = pixels(encode(Image.fromarray(levels), form))[..., 0]
    assert np.array_equal(found, np.round(levels / 257).astype(np.uint8))


def test_sixteen_bit_colour() -> None:
    levels = RANDOM.integers(0, 65536, (8, 8, 3), dtype=np.uint16)
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in levels)
    chunks = [
        (b"IHDR", struct.pack(">IIBBBBB", 8, 8, 16, 2, 0, 0, 0)),
        (b"IDAT", zlib.compress(rows)),
        (b"IEND", b""),
    ]
    found = pixels(b"\x89PNG\r\n\x1a\n" + b"".join(png_chunk(*chunk) for chunk in chunks))
    assert np.abs(found - levels / 257.0).max() <= 1


def png_chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def test_cmyk_becomes_rgb() -> None:
    red = Image.new("CMYK", (16, 16), (0, 255, 255, 0))
    found = pixels(encode(red, "JPEG"))
    assert np.abs(found.astype(int) - [255, 0, 0]).max() < 5


def red_with(alpha: int, mode: str) -> Image.Image:
    image = Image.new("RGBA", (8, 8), (200, 0, 0, alpha))
    return image.quantize(4) if mode == "P" else image.convert(mode)


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P"])
def test_transparency_is_laid_on_white(mode: str) -> None:
    assert (pixels(encode(red_with(0, mode))) == 255).all()
    opaque = 60 if mode == "LA" else 200
    assert np.abs(pixels(encode(red_with(255, mode)))[..., 0].astype(int) - opaque).max() <= 1
    half = pixels(encode(red_with(128, mode)))[..., 0].astype(int)
    assert np.abs(half - (opaque + 255) / 2).max() <= 2


@pytest.mark.parametrize(("mode", "key"), [("L", 7), ("RGB", (7, 7, 7)), ("P", 0)])
def test_a_transparent_colour_is_white(mode: str, key: object) -> None:
    image = Image.new(mode, (8, 8), 0 if mode == "P" else key)  # type: ignore[arg-type]
    assert (pixels(encode(image, transparency=key)) == 255).all()


def test_a_palette_is_looked_up() -> None:
    image = Image.new("P", (8, 8), 1)
    image.putpalette([0, 0, 0, 10, 200, 30])
    assert (pixels(encode(image)) == [10, 200, 30]).all()


@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_picture_stands_as_its_exif_says(orientation: int) -> None:
    upright = np.zeros((32, 32, 3), np.uint8)
    upright[:16, :16] = 255, 0, 0  # the upper left corner
    upright[:16, 16:] = 0, 255, 0
    turn: dict[int, Callable[[NDArray[np.uint8]], NDArray[np.uint8]]] = {
        1: lambda a: a,
        2: np.fliplr,
        3: lambda a: np.rot90(a, 2),
        4: np.flipud,
        5: lambda a: a.transpose(1, 0, 2),
        6: lambda a: np.rot90(a, 1),
        7: lambda a: np.rot90(a, 2).transpose(1, 0, 2),
        8: lambda a: np.rot90(a, 3),
    }
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored = Image.fromarray(np.ascontiguousarray(turn[orientation](upright)))
    found = pixels(encode(stored, "JPEG", exif=exif, quality=95), 32).astype(int)
    assert np.abs(found[4:12, 4:12] - [255, 0, 0]).mean() < 20
    assert np.abs(found[4:12, 20:28] - [0, 255, 0]).mean() < 20


@pytest.mark.parametrize("form", ["GIF", "PNG", "WEBP", "TIFF"])
def test_of_an_animation_the_first_picture_is_taken(form: str) -> None:
    frames = [Image.new("RGB", (8, 8), colour) for colour in ("red", "blue", "green")]
    data = encode(frames[0], form, save_all=True, append_images=frames[1:])
    assert np.abs(pixels(data).astype(int) - [255, 0, 0]).max() < 5


@pytest.mark.parametrize(("width", "height"), [(24, 8), (8, 24), (48, 16)])
def test_the_largest_centred_square_is_kept(width: int, height: int) -> None:
    picture = np.zeros((height, width, 3), np.uint8)
    side = min(width, height)
    top, left = (height - side) // 2, (width - side) // 2
    picture[top : top + side, left : left + side] = 255
    assert (pixels(encode(Image.fromarray(picture)))[1:-1, 1:-1] == 255).all()


@pytest.mark.parametrize("size", [(1, 1), (1, 1000), (3, 2)])
def test_small_and_thin_pictures_are_enlarged(size: tuple[int, int]) -> None:
    assert (pixels(encode(Image.new("RGB", size, (9, 8, 7))), 32) == [9, 8, 7]).all()


def huge(width: int, height: int) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    data = zlib.compress(b"\0" * 1000)
    return b"\x89PNG\r\n\x1a\n" + png_chunk(b"IHDR", header) + png_chunk(b"IDAT", data)


JPEG = encode(Image.fromarray(RANDOM.integers(0, 256, (64, 64, 3), dtype=np.uint8)), "JPEG")
PNG = encode(Image.fromarray(RGB))


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "empty file"),
        (b"hello, world\n" * 50, "not an image"),
        (b"<html><body>404</body></html>", "not an image"),
        (b"\0" * 5000, "not an image"),
        (JPEG[: len(JPEG) // 2], "truncated"),
        (JPEG[:30], "."),
        (PNG[: len(PNG) // 2], "."),
        (PNG[:50] + b"\xff" * 20 + PNG[70:], "."),
        (huge(60_000, 60_000), "DecompressionBombError"),
        (encode(Image.fromarray(GRAY.astype(np.float32)), "TIFF"), "range is not known"),
        (encode(Image.fromarray(GRAY.astype(np.int32) * -1), "TIFF"), "range is not known"),
        (encode(Image.fromarray(GRAY.astype(np.int32) * 9999), "TIFF"), "range is not known"),
    ],
)
def test_broken_files_have_a_reason(data: bytes, reason: str) -> None:
    with pytest.raises(DataError, match=reason) as caught:
        decode(data, 8)
    assert "0x" not in str(caught.value)  # the same words every time


# --- Keyed transparency --------------------------------------------------------------------------


def packed(levels: NDArray[np.uint16], depth: int) -> bytes:
    """A row of a PNG's samples."""
    if depth == 16:
        return levels.astype(">u2").tobytes()
    bits = (levels.reshape(-1, 1) >> np.arange(depth)[::-1]) & 1
    return np.packbits(bits.astype(np.uint8)).tobytes()


def keyed_png(levels: NDArray[np.uint16], depth: int, key: tuple[int, ...]) -> bytes:
    """``[H, W, 1 or 3]`` in [0, 2^depth), where ``key`` is transparent."""
    height, width, channels = levels.shape
    rows = b"".join(b"\0" + packed(row, depth) for row in levels)
    chunks = [
        (b"IHDR", struct.pack(">IIBBBBB", width, height, depth, channels - 1, 0, 0, 0)),
        (b"tRNS", struct.pack(f">{channels}H", *key)),
        (b"IDAT", zlib.compress(rows)),
        (b"IEND", b""),
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(png_chunk(*chunk) for chunk in chunks)


@given(
    form=st.sampled_from([(1, 1), (2, 1), (4, 1), (8, 1), (16, 1), (8, 3), (16, 3)]),
    seed=st.integers(0, 1000),
)
def test_the_pixels_of_a_transparent_colour_are_white_and_no_others(
    form: tuple[int, int], seed: int
) -> None:
    depth, channels = form
    random = np.random.default_rng(seed)
    near = random.integers(0, 2**depth, channels)
    levels = random.integers(0, 2**depth, (8, 8, channels), dtype=np.uint16)
    # Many that are the colour, or differ from it in the last bits of one channel.
    step = random.integers(0, 2, (8, 8, channels), dtype=np.uint16)
    levels[::2] = (near + step[::2]).clip(0, 2**depth - 1)
    found = pixels(keyed_png(levels, depth, tuple(near)))
    transparent = (levels == near).all(2)
    assert (found[transparent] == 255).all()
    shown = levels * (255 / (2**depth - 1))
    assert np.abs(found - shown)[~transparent].max(initial=0) <= 1


def test_a_keyed_png_stands_as_its_exif_says() -> None:
    levels = np.zeros((8, 8, 1), np.uint16)
    levels[0, 0] = 500
    sound = keyed_png(levels, 16, (500,))
    exif = Image.Exif()
    exif[0x0112] = 3  # upside down
    chunk = png_chunk(b"eXIf", exif.tobytes().removeprefix(b"Exif\0\0"))
    found = pixels(sound[:33] + chunk + sound[33:])[..., 0]
    assert found[7, 7] == 255
    assert found.sum() == 255


# --- Damage --------------------------------------------------------------------------------------

SOUND = {
    f"{form} {image.mode}": encode(image, form)
    for form, images in {
        "JPEG": (Image.fromarray(RGB), Image.fromarray(GRAY)),
        "PNG": (Image.fromarray(RGB), Image.fromarray(GRAY.astype(np.uint16) * 257)),
        "GIF": (Image.fromarray(RGB),),
        "BMP": (Image.fromarray(RGB), Image.fromarray(GRAY)),
        "PPM": (Image.fromarray(RGB), Image.fromarray(GRAY), Image.new("1", (8, 8))),
        "TIFF": (Image.fromarray(RGB), Image.fromarray(GRAY)),
        "WEBP": (Image.fromarray(RGB),),
    }.items()
    for image in images
}
SOUND["keyed PNG"] = keyed_png(np.full((8, 8, 3), 700, np.uint16), 16, (700, 700, 700))
SOUND["plain PPM"] = b"P3\n2 2\n255\n" + b"1 2 3 " * 4


def read_or_refused(data: bytes) -> None:
    with suppress(DataError):
        assert decode(data, 8).shape == (3, 8, 8)


forms = st.sampled_from(list(SOUND))


@settings(max_examples=300)
@given(form=forms, cut=st.integers(0, 400), noise=st.binary(max_size=30))
def test_damage_is_read_or_refused_and_never_more(form: str, cut: int, noise: bytes) -> None:
    sound = SOUND[form]
    read_or_refused(sound[:cut] + noise + sound[cut + len(noise) :])


@given(form=forms, share=st.floats(0, 1))
def test_a_truncated_file_is_read_or_refused(form: str, share: float) -> None:
    read_or_refused(SOUND[form][: int(share * len(SOUND[form]))])


@settings(max_examples=300)
@given(form=forms, flips=st.lists(st.tuples(st.integers(0, 400), st.integers(0, 7)), max_size=4))
def test_flipped_bits_are_read_or_refused(form: str, flips: list[tuple[int, int]]) -> None:
    data = bytearray(SOUND[form])
    for place, bit in flips:
        data[place % len(data)] ^= 1 << bit
    read_or_refused(bytes(data))


number = st.one_of(st.integers(-5, 70_000), st.integers(10**6, 10**30)).map(str)


@given(kind=st.sampled_from(range(1, 8)), sizes=st.lists(number | st.just("x"), max_size=4))
def test_absurd_headers_of_portable_maps_are_refused(kind: int, sizes: list[str]) -> None:
    header = f"P{kind}\n{' '.join(sizes)}\n".encode()
    read_or_refused(header + b"\0" * 40)


@given(width=st.integers(0, 2**32 - 1), height=st.integers(0, 2**32 - 1))
def test_absurd_sizes_are_refused(width: int, height: int) -> None:
    read_or_refused(huge(width, height))
    bmp = bytearray(SOUND["BMP RGB"])
    bmp[18:26] = struct.pack("<II", width, height)
    read_or_refused(bytes(bmp))
