"""Encoded images to arrays: decoding, resizing, and the hash of what was read."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterable
from math import ceil

import numpy as np
from PIL import Image
from tqdm import tqdm

from replication.foundation.errors import InputError

# Palettes and alpha become plain colours; 16-bit and float pixels would be clipped without a word.
_EIGHT_BIT = ("1", "L", "LA", "La", "P", "PA", "RGB", "RGBA", "RGBa", "RGBX", "CMYK", "YCbCr", "LAB", "HSV")


def decode(content: bytes, name: str, image_size: int, channels: int) -> np.ndarray:
    """One JPEG, PNG or WebP as uint8 [C, H, W]; an `image_size` resizes the shorter side to it and crops the centre.

    Raises:
        InputError: the file is no image, is cut off or otherwise damaged, or has more than 8 bits a pixel.
    """
    try:
        image = Image.open(io.BytesIO(content), formats=("JPEG", "PNG", "WEBP"))
        image.load()
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise InputError(f"{name} is no readable JPEG, PNG or WebP ({error}): replace or remove it.") from error
    if image.mode not in _EIGHT_BIT:
        raise InputError(f"{name} has pixels of mode {image.mode}; save it with 8 bits a channel.")
    if "transparency" in image.info:
        image = image.convert("RGBA")
    image = image.convert("L" if channels == 1 else "RGB")
    array = np.asarray(_resized(image, image_size) if image_size else image)
    return np.ascontiguousarray(array[None] if channels == 1 else array.transpose(2, 0, 1))


def decode_all(
    files: Iterable[tuple[str, bytes]], total: int, image_size: int, channels: int
) -> tuple[np.ndarray, str]:
    """Decode `total` images into one uint8 [n, C, H, W], and hash them: SHA-256 over each name and content in order.

    Raises:
        InputError: an image cannot be decoded, or differs in size from the first.
    """
    listing = hashlib.sha256()
    images, first = np.zeros((0, channels, image_size, image_size), np.uint8), ""
    for index, (name, content) in enumerate(tqdm(files, "reading images", total, unit="image", disable=None)):
        listing.update(f"{hashlib.sha256(content).hexdigest()}  {name}\n".encode(errors="surrogateescape"))
        image = decode(content, name, image_size, channels)
        if index == 0:
            images, first = np.empty((total, *image.shape), np.uint8), name
        if image.shape != images.shape[1:]:
            raise InputError(
                f"{name} is {_size(image)} pixels and {first} is {_size(images[0])}: "
                "give the data set an image_size to resize and crop all of them to."
            )
        images[index] = image
    return images, listing.hexdigest()


def _resized(image: Image.Image, size: int) -> Image.Image:
    """Shorter side to `size`, antialiased; then the central square."""
    scale = size / min(image.size)
    width, height = (max(size, round(side * scale)) for side in image.size)
    left, top = ceil((width - size) / 2), ceil((height - size) / 2)
    return image.resize((width, height), Image.Resampling.LANCZOS).crop((left, top, left + size, top + size))


def _size(image: np.ndarray) -> str:
    return f"{image.shape[2]}×{image.shape[1]}"
