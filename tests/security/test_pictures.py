"""Pictures that were made to do harm, in a folder that is prepared: a sentence, within memory and time."""

from __future__ import annotations

import os
import socket
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from replication.data.folder import read_folder
from replication.data.listing import write_listings
from tests.fuzz.outcomes import ACCEPTED, SENTENCE
from tests.pictures import encoded, picture
from tests.security.held import RAN, Content, held, made, pickled

pytestmark = pytest.mark.integration

Make = Callable[[Path], object]


def png(*chunks: tuple[bytes, bytes], width: int = 4, height: int = 4) -> bytes:
    """A PNG with chunks behind its header."""
    rows = zlib.compress(b"".join([b"\0" + bytes(4)] * 4))
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    parts = [(b"IHDR", header), *chunks, (b"IDAT", rows), (b"IEND", b"")]
    packed = (struct.pack(">I", len(d)) + k + d + struct.pack(">I", zlib.crc32(k + d)) for k, d in parts)
    return b"\x89PNG\r\n\x1a\n" + b"".join(packed)


def declared(width: int, height: int) -> bytes:
    """A JPEG whose header declares another size."""
    content = bytearray(picture(kind="JPEG"))
    place = content.index(b"\xff\xc0") + 5
    content[place : place + 4] = struct.pack(">HH", height, width)
    return bytes(content)


def tiff(width: int, height: int, pages: int = 1) -> bytes:
    """A TIFF of so many pages, all of the same few bytes."""
    tags = ((256, 4, width), (257, 4, height), (258, 3, 8), (259, 3, 1), (262, 3, 1), (273, 4, 8), (279, 4, 16))
    entries = struct.pack("<H", len(tags)) + b"".join(
        struct.pack("<HHII", tag, kind, 1, value) for tag, kind, value in tags
    )
    ends = [24 + (page + 1) * (len(entries) + 4) for page in range(pages)]
    packed = (entries + struct.pack("<I", end if end < ends[-1] else 0) for end in ends)
    return b"II*\0" + struct.pack("<I", 24) + bytes(16) + b"".join(packed)


def frames(kind: str, count: int = 300) -> bytes:
    several = [Image.new("RGB", (4, 4), (n % 256, n // 256, 0)) for n in range(count)]
    return encoded(several[0], kind, save_all=True, append_images=several[1:])


def text_of(kind: bytes, size: int) -> tuple[bytes, bytes]:
    """A chunk of zeros, which take next to nothing when they are packed."""
    return kind, b"a\0\0" + zlib.compress(bytes(size), 9)


CONTENT: dict[str, tuple[str, Content]] = {
    "a pickle": ("a.png", pickled()),
    "PNG of 2^31 by 2^31": ("a.png", png(width=2**31 - 1, height=2**31 - 1)),
    "PNG of 30 000 by 30 000": ("a.png", png(width=30_000, height=30_000)),
    "PNG of no pixels": ("a.png", png(width=0, height=0)),
    "PNG with 1 GB of a text": ("a.png", lambda: png(text_of(b"zTXt", 1 << 28))),
    "PNG with a profile that is a bomb": ("a.png", lambda: png(text_of(b"iCCP", 1 << 26))),
    "PNG with many texts": ("a.png", lambda: png(*[text_of(b"zTXt", 1 << 20)] * 100)),
    "PNG with a chunk that is too long": ("a.png", png()[:40] + b"\x7f\xff\xff\xff" + png()[44:]),
    "JPEG that declares 65 535 by 65 535": ("a.jpg", declared(65_535, 65_535)),
    "TIFF of 2^30 by 2^30": ("a.tif", tiff(2**30, 2**30)),
    "TIFF of 20 000 pages": ("a.tif", lambda: tiff(4, 4, 20_000)),
    "GIF named PNG": ("a.png", frames("GIF", 3)),
    "WebP of many frames": ("a.webp", lambda: frames("WEBP")),
    "PNG of many frames": ("a.png", lambda: frames("PNG")),
    "SVG named PNG": ("a.png", b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>"),
    "PDF named PNG": ("a.png", b"%PDF-1.7\n1 0 obj\n<< /OpenAction << /S /JavaScript >> >>\n"),
    "EPS named JPEG": ("a.jpg", b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 4 4\n(touch it-ran) system\n"),
    "a web page named JPEG": ("a.jpg", b"<!DOCTYPE html><title>404</title>"),
    "a pointer of Git LFS": ("a.jpg", b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n"),
    "a picture in another format, ICO": ("a.png", picture(kind="ICO")),
    "one line of 100 000 pixels": ("a.png", picture(size=(100_000, 1))),
}
PLACES: dict[str, Make] = {
    "a FIFO": lambda place: os.mkfifo(place / "a.png"),
    "a socket": lambda place: listening(place / "a.png"),
    "a link to a device": lambda place: (place / "a.png").symlink_to("/dev/zero"),
    "a link to itself": lambda place: (place / "a.png").symlink_to("a.png"),
    "a link to the folder": lambda place: (place / "a.png").symlink_to("."),
    "a link to a text": lambda place: (place / "a.png").symlink_to("/etc/hostname"),
    "a folder named PNG": lambda place: (place / "a.png").mkdir(),
    "a file of holes": lambda place: os.truncate(written(place / "a.png"), 1 << 40),
    "a class named as a formula": lambda place: (place.parent / "=cmd()").mkdir(),
    "a class of two lines": lambda place: (place.parent / "a\nb").mkdir(),
    "a class whose name is no UTF-8": lambda place: os.mkdir(os.fsencode(place.parent) + b"/caf\xe9"),
    "a class named all": lambda place: (place.parent / "all").mkdir(),
}
READ: dict[str, tuple[str, bytes]] = {
    "TIFF in a circle": ("a.tif", tiff(4, 4)[:-4] + struct.pack("<I", 24)),
    "one pixel": ("a.png", picture(size=(1, 1))),
    "a name that is no UTF-8": ("caf\udce9.png", picture()),
}


def written(place: Path) -> Path:
    place.write_bytes(picture())
    return place


def listening(place: Path) -> None:
    here = os.getcwd()
    os.chdir(place.parent)  # the name of a socket is short
    socket.socket(socket.AF_UNIX).bind(place.name)
    os.chdir(here)


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    place = tmp_path / "raw/train/cat"
    place.mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    return place


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning", "ignore::ResourceWarning")
@pytest.mark.parametrize("name", [*CONTENT, *PLACES])
def test_what_is_no_picture_is_named(place: Path, name: str) -> None:
    if name in CONTENT:
        (place / CONTENT[name][0]).write_bytes(made(CONTENT[name][1]))
    else:
        PLACES[name](place)
    became = held(lambda: read_folder(place.parents[1], 64))
    assert became.kind == SENTENCE, became.text
    assert "train" in became.text or "a." in became.text
    assert not RAN.exists() and "0x" not in became.text


@pytest.mark.parametrize("name", READ)
def test_what_is_only_odd_is_read_and_listed(place: Path, name: str) -> None:
    from replication.config.datasets import Dataset, Split

    (place / READ[name][0]).write_bytes(READ[name][1])
    became = held(lambda: read_folder(place.parents[1]))
    assert became.kind == ACCEPTED, became.text
    options = Dataset(name="raw", source="folder", splits={"full": Split("all")}, root="raw")
    write_listings([options], Path("outputs"), Path("listed"), Path("cache.json"))
    assert '"files": 1' in Path("listed/raw.json").read_text(encoding="utf-8")


def test_a_large_picture_of_few_bytes_is_read_within_memory(place: Path) -> None:
    (place / "a.png").write_bytes(picture(size=(4000, 4000)))
    assert held(lambda: read_folder(place.parents[1], 8), memory=300 * 2**20).kind == ACCEPTED
