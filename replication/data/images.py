"""Encoded images to arrays: decoding, resizing, and the hash of what was read."""

from __future__ import annotations

import hashlib
import io
import re
import warnings
from collections.abc import Iterable, Iterator, Sequence
from math import ceil, prod
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError
from PIL.TiffImagePlugin import BITSPERSAMPLE, TiffImageFile
from tqdm import tqdm

from replication.foundation.capacity import memory, require
from replication.foundation.errors import InputError
from replication.foundation.printable import printable

FORMATS = {"JPEG": (".jpg", ".jpeg"), "PNG": (".png",), "WEBP": (".webp",), "BMP": (".bmp",), "TIFF": (".tif", ".tiff")}
SUFFIXES = tuple(suffix for suffixes in FORMATS.values() for suffix in suffixes)
KINDS = "JPEG, PNG, WebP, BMP or TIFF"
MOST_PIXELS = 2 * (Image.MAX_IMAGE_PIXELS or 0)  # of what a picture is resized to: where Pillow sees a bomb
BACKGROUND = (255, 255, 255, 255)  # white, behind pixels that are transparent
# Markers of a JPEG: what begins and ends a picture, tables of codes, frames that are not progressive, pixels.
_START, _END, _TABLES, _BASELINE, _SCAN = b"\xd8", b"\xd9", b"\xc4", (b"\xc0", b"\xc1"), b"\xda"
_MARKER = re.compile(rb"\xff+([^\x00\xff\xd0-\xd7])", re.DOTALL)  # not what may stand among pixels
_ZEROS = bytes(64)
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
            if (bits := _bits(image, content)) > 8:
                raise InputError(f"{name} has {bits} bits a channel, and 8 would be read: save it with 8.")
            image.load()
            if image.format in ("JPEG", "MPO") and not _is_whole(content):
                raise InputError(f"{name} is a JPEG of which a part is missing: copy it again, or remove it.")
            array = np.asarray(_resized(_plain(image, channels), image_size, name))
    except (InputError, MemoryError):
        raise
    except UnidentifiedImageError as error:
        kind = next((what for start, what in _NO_PICTURES.items() if content.lstrip()[:40].startswith(start)), "")
        raise InputError(f"{name} is no readable {KINDS}{kind and f', but {kind}'}: replace or remove it.") from error
    except Exception as error:  # of a damaged file Pillow may raise anything
        reason = printable(" ".join(str(error).split())[:200]) or type(error).__name__
        raise InputError(f"{name} is no readable {KINDS} ({reason}): replace or remove it.") from error
    return np.ascontiguousarray(array[None] if channels == 1 else array.transpose(2, 0, 1))


def decode_all(
    root: Path, files: Iterable[tuple[str, bytes]], total: int, image_size: int, channels: int
) -> tuple[np.ndarray, str]:
    """Decode `total` images into one uint8 [n, C, H, W], and hash them: SHA-256 over each name and content in order.

    `files` are names below `root` and contents. Sentences show both, for a name alone says not where it lies.

    Raises:
        InputError: an image cannot be decoded or differs in size from the first, some are missing, or all of them do
            not fit in memory.
    """
    _require_room(total, (channels, image_size, image_size))
    listing = hashlib.sha256()
    images, first, read = np.zeros((0, channels, image_size, image_size), np.uint8), "", 0
    for read, (name, content) in enumerate(tqdm(files, "reading images", total, unit="image", disable=None), 1):
        listing.update(f"{hashlib.sha256(content).hexdigest()}  {name}\n".encode(errors="surrogateescape"))
        place = printable(root / name)
        image = decode(content, place, image_size, channels)
        if read == 1:
            _require_room(total, image.shape)
            images, first = np.empty((total, *image.shape), np.uint8), place
        if image.shape != images.shape[1:]:
            raise InputError(
                f"{place} is {_size(image)} pixels and {first} is {_size(images[0])}: "
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


def _bits(image: Image.Image, content: bytes) -> int:
    """Bits of a channel as the file has them; Pillow cuts 16 bits of a colour to 8 without a word."""
    if isinstance(image, TiffImageFile):
        return max(image.tag_v2.get(BITSPERSAMPLE, (1,)))
    return content[content.index(b"IHDR") + 12] if image.format == "PNG" else 8


def _is_whole(content: bytes) -> bool:
    """Whether a JPEG's pixels end before another picture begins, and no zeros stand in place of a part of them.

    Pillow goes on in grey or in noise. Zeros are pixels of one shade where that is the code of zeros in every table,
    and anything in a progressive picture.
    """
    place, baseline, never_zeros, in_pixels = 2, False, False, False
    while marker := _MARKER.search(content, place):
        kind, behind = marker[1], marker.end()
        if in_pixels and baseline and never_zeros and _ZEROS in content[place : marker.start()]:
            return False
        if kind in (_START, _END):
            return kind == _END
        place = behind + int.from_bytes(content[behind : behind + 2])  # over a segment, where previews lie
        baseline, in_pixels = baseline or kind in _BASELINE, kind == _SCAN
        never_zeros |= kind == _TABLES and any(_codes_of_zeros(content[behind + 2 : place]))
    return False


def _codes_of_zeros(tables: bytes) -> Iterator[int]:
    """What zeros mean in each table of a JPEG for changes inside a block; 0: it has no more of them."""
    while len(tables) > 17:
        if tables[0] >> 4:
            yield tables[17]  # the first of the shortest codes
        tables = tables[17 + sum(tables[1:17]) :]


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
