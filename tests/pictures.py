"""Pictures as files: of one shade, or any image in any format."""

from __future__ import annotations

import io
from pathlib import Path

from PIL import Image


def encoded(image: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


def picture(shade: int = 9, size: tuple[int, int] = (4, 4), kind: str = "PNG", mode: str = "L") -> bytes:
    """A picture of one shade, `size` wide and high."""
    return encoded(Image.new("L", size, shade).convert(mode), kind)


def save_picture(path: Path, shade: int = 9, size: tuple[int, int] = (4, 4), mode: str = "RGB") -> Path:
    """A PNG of one shade, with the folders that it lies in."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(picture(shade, size, mode=mode))
    return path
