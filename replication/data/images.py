"""Encoded images to arrays: decoding, resizing, and the hash of what was read."""

from __future__ import annotations

import hashlib
import io
import warnings
from collections.abc import Iterable, Sequence
from math import ceil, prod

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError
from tqdm import tqdm

from replication.foundation.capacity import memory, require
from replication.foundation.errors import InputError

FORMATS = {"JPEG": (".jpg", ".jpeg"), "PNG": (".png",), "WEBP": (".webp",), "BMP": (".bmp",), "TIFF": (".tif", ".tiff")}
SUFFIXES = tuple(suffix for suffixes in FORMATS.values() for suffix in suffixes)
KINDS = "JPEG, PNG, WebP, BMP or TIFF"
MOST_PIXELS = 2 * (Image.MAX_IMAGE_PIXELS or 0)  # of what a picture is resized to: where Pillow sees a bomb
BACKGROUND = (255, 255, 255, 255)  # white, behind pixels that are transparent
# 16-bit and float pixels would be clipped without a word.
_EIGHT_BIT = ("1", "L", "LA", "La", "P", "PA", "RGB", "RGBA", "RGBa", "RGBX", "CMYK", "YCbCr", "LAB", "HSV")
_SCAN, _END = b"\xff\xda", b"\xff\xd9"  # what begins the pixels of a JPEG, and what ends them
_NO_PICTURES = {
    b"version https://git-lfs": "a pointer of Git LFS: run `git lfs pull`",
    b"<": "a web page or other text",
}


def decode(content: bytes, name: str, image_size: int, channels: int) -> np.ndarray:
    """One image as uint8 [C, H, W]: turned as its EXIF tag says, on white where it is transparent.

    An `image_size` resizes the shorter side to it and crops the centre.

    Raises:
        InputError: the file is no image, is cut off or otherwise damaged, holds several pictures, has more pixels than
            Pillow takes for harmless (179 million, told by its header), or more than 8 bits a channel.
    """
    try:
        with warnings.catch_warnings():
            # Pillow reads what is left of a TIFF that was cut off, and warns; of other formats it warns of trifles.
            warnings.simplefilter("error" if content[:2] in (b"II", b"MM") else "ignore")
            image = Image.open(io.BytesIO(content), formats=tuple(FORMATS))
            if _is_several(image, content):
                raise InputError(f"{name} holds several pictures: save the one that counts.")
            image.load()
            if image.format == "JPEG" and not _has_end(content):
                raise InputError(f"{name} is a JPEG that was cut off: copy it again, or remove it.")
            if image.mode not in _EIGHT_BIT:
                raise InputError(f"{name} has pixels of mode {image.mode}; save it with 8 bits a channel.")
            array = np.asarray(_resized(_plain(image, channels), image_size, name))
    except (InputError, MemoryError):
        raise
    except UnidentifiedImageError as error:
        kind = next((what for start, what in _NO_PICTURES.items() if content.lstrip()[:40].startswith(start)), "")
        raise InputError(f"{name} is no readable {KINDS}{kind and f', but {kind}'}: replace or remove it.") from error
    except Exception as error:  # of a damaged file Pillow may raise anything
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        raise InputError(f"{name} is no readable {KINDS} ({reason}): replace or remove it.") from error
    return np.ascontiguousarray(array[None] if channels == 1 else array.transpose(2, 0, 1))


def decode_all(
    files: Iterable[tuple[str, bytes]], total: int, image_size: int, channels: int
) -> tuple[np.ndarray, str]:
    """Decode `total` images into one uint8 [n, C, H, W], and hash them: SHA-256 over each name and content in order.

    Raises:
        InputError: an image cannot be decoded or differs in size from the first, some are missing, or all of them do
            not fit in memory.
    """
    _require_room(total, (channels, image_size, image_size))
    listing = hashlib.sha256()
    images, first, read = np.zeros((0, channels, image_size, image_size), np.uint8), "", 0
    for read, (name, content) in enumerate(tqdm(files, "reading images", total, unit="image", disable=None), 1):
        listing.update(f"{hashlib.sha256(content).hexdigest()}  {name}\n".encode(errors="surrogateescape"))
        image = decode(content, name, image_size, channels)
        if read == 1:
            _require_room(total, image.shape)
            images, first = np.empty((total, *image.shape), np.uint8), name
        if image.shape != images.shape[1:]:
            raise InputError(
                f"{name} is {_size(image)} pixels and {first} is {_size(images[0])}: "
                "give the data set an image_size to resize and crop all of them to."
            )
        images[read - 1] = image
    if read < total:
        raise InputError(f"There are {read} of {total} images, and the rest cannot be read: copy them again.")
    return images, listing.hexdigest()


def _require_room(total: int, shape: Sequence[int]) -> None:
    """A sentence before memory is asked for that the machine does not have."""
    what = f"{total} images of {shape[2]}×{shape[1]} pixels"
    require(what, total * prod(shape), memory(), "memory", "give the data set a smaller image_size, or fewer images")


def _has_end(content: bytes) -> bool:
    """Whether a JPEG's pixels end: where zeros stand in place of the rest, Pillow goes on in grey."""
    place = 2
    while content[place : place + 1] == b"\xff" and content[place : place + 2] != _SCAN:  # previews lie in front
        place += 1 if content[place + 1 : place + 2] == b"\xff" else 2 + int.from_bytes(content[place + 2 : place + 4])
    return _END in content[place if place < len(content) else 0 :]


def _is_several(image: Image.Image, content: bytes) -> bool:
    """Whether a second picture follows; counting all of them would read the whole file, and a TIFF has thousands."""
    if image.format not in ("PNG", "WEBP", "TIFF"):  # a telephone's JPEG has a preview behind it
        return False
    other = Image.open(io.BytesIO(content), formats=tuple(FORMATS))
    try:
        other.seek(1)
    except EOFError:
        return False
    return True


def _plain(image: Image.Image, channels: int) -> Image.Image:
    """Turned as its EXIF tag says, on white where it is transparent, grey or in colours."""
    image = ImageOps.exif_transpose(image)
    if image.has_transparency_data:
        above = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", above.size, BACKGROUND), above)
    return image.convert("L" if channels == 1 else "RGB")


def _resized(image: Image.Image, size: int, name: str) -> Image.Image:
    """Shorter side to `size`, antialiased; then the central square. Size 0 leaves the image as it is."""
    if not size:
        return image
    scale = size / min(image.size)
    width, height = (max(size, round(side * scale)) for side in image.size)
    if width * height > MOST_PIXELS:
        raise InputError(
            f"{name} has {image.width}×{image.height} pixels, which an image_size of {size} makes {width}×{height}: "
            "crop it, or give the data set a smaller image_size."
        )
    left, top = ceil((width - size) / 2), ceil((height - size) / 2)
    return image.resize((width, height), Image.Resampling.LANCZOS).crop((left, top, left + size, top + size))


def _size(image: np.ndarray) -> str:
    return f"{image.shape[2]}×{image.shape[1]}"
