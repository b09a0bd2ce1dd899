"""Archives of pictures that were made to do harm: a sentence, nothing outside of the folder, and no folder left."""

from __future__ import annotations

import bz2
import copy
import gzip
import io
import lzma
import tarfile
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from replication.data.folder import read_folder
from tests.fuzz.outcomes import ACCEPTED, SENTENCE, Outcome
from tests.pictures import picture
from tests.security.held import RAN, held, listing, pickled

pytestmark = pytest.mark.integration

FIRST, SECOND = "train/cat/1.png", "train/cat/2.png"
Make = Callable[[Path], object]  # of the archive, at the place without its suffix


def member(name: str, data: bytes = b"", kind: bytes = tarfile.REGTYPE, link: str = "", **more: int) -> bytes:
    """A member of a tar as it lies in the file, with the size that `more` claims or that it has."""
    info = tarfile.TarInfo(name)
    info.type, info.linkname, info.size = kind, link, len(data)
    for field, value in more.items():
        setattr(info, field, value)
    return info.tobuf(tarfile.GNU_FORMAT, errors="surrogateescape") + data + bytes(-len(data) % 512)


def tar(*members: bytes, suffix: str = ".tar", end: bytes = bytes(1024)) -> Make:
    """A tar of these members behind a picture that nothing is wrong with."""
    packers = {".tar.gz": gzip.compress, ".tar.bz2": bz2.compress, ".tar.xz": lzma.compress}
    content = b"".join([member(FIRST, picture()), *members, end])
    return lambda place: Path(f"{place}{suffix}").write_bytes(packers.get(suffix, bytes)(content))


def zipped(*members: tuple[str, bytes], mode: int = 0o644) -> Make:
    """A zip of these members behind a picture that nothing is wrong with."""

    def write(place: Path) -> None:
        with zipfile.ZipFile(f"{place}.zip", "w") as archive, warnings.catch_warnings(action="ignore"):
            for name, data in ((FIRST, picture()), *members):
                info = zipfile.ZipInfo(FIRST)
                info.filename, info.external_attr, info.compress_type = name, mode << 16, zipfile.ZIP_DEFLATED
                archive.writestr(info, data)

    return write


def encrypted(place: Path) -> bytes:
    """A zip whose directory says of every entry that it is encrypted."""
    zipped()(place)
    content = bytearray(Path(f"{place}.zip").read_bytes())
    content[6] |= 1
    content[content.index(b"PK\1\2") + 8] |= 1
    return bytes(content)


def with_another_sum(suffix: str, from_end: int) -> Make:
    """A packed tar whose members and end can be read, and which differs from its checksum."""

    def write(place: Path) -> None:
        tar(suffix=suffix, end=bytes(10240))(place)
        content = bytearray(Path(f"{place}{suffix}").read_bytes())
        content[-from_end] ^= 1
        Path(f"{place}{suffix}").write_bytes(content)

    return write


def nested(place: Path) -> None:
    """42.zip in small: what it holds are archives, and nobody opens them."""
    inner = io.BytesIO()
    with zipfile.ZipFile(inner, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("zeros", bytes(1 << 20))
    zipped(*((f"train/cat/{number}.zip", inner.getvalue()) for number in range(16)))(place)


def overlapping(place: Path) -> None:
    """A flat bomb: many entries of the directory name the same data."""
    zipped((SECOND, bytes(1 << 20)))(place)
    with zipfile.ZipFile(f"{place}.zip", "a") as archive:
        for number in range(3, 30):
            entry = copy.copy(archive.getinfo(SECOND))
            entry.filename = f"train/cat/{number}.png"
            archive.filelist.append(entry)
        archive._didModify = True  # pyright: ignore[reportAttributeAccessIssue]


def of_zeros(suffix: str, size: int) -> Make:
    """A bomb: a member of so many zeros, which take next to nothing when they are packed."""
    openers = {".tar.gz": gzip.open, ".tar.bz2": bz2.open, ".tar.xz": lzma.open}

    def write(place: Path) -> None:
        with openers[suffix](f"{place}{suffix}", "wb") as stream:
            stream.write(member(FIRST, picture()) + member(SECOND, size=size))
            for _ in range(4):
                stream.write(bytes(1 << 22))

    return write


def huge_header(kind: bytes) -> Make:
    """A name, or extended attributes, of 300 MB: read into memory by who trusts the size in the header."""
    zeros = gzip.compress(bytes(1 << 20))
    return lambda place: Path(f"{place}.tar.gz").write_bytes(
        gzip.compress(member(FIRST, picture()) + member("x", kind=kind, size=300 << 20)) + zeros * 300
    )


def empty_files(place: Path) -> None:
    """A million files of nothing."""
    few = gzip.compress(b"".join(member(f"train/cat/{n}.png") for n in range(2, 1200)))
    many = gzip.compress(member("train/cat/x.png") * 10_000)
    Path(f"{place}.tar.gz").write_bytes(gzip.compress(member(FIRST, picture())) + few + many * 100)


NAMES = {  # of a second picture, in a tar and in a zip
    "a name above the folder": "../out.png",
    "a name above a folder inside": "train/../../out.png",
    "an absolute name": "/tmp/out.png",
    "a name that a terminal obeys": "train/cat/\x9b31m.png",
    "a name of two lines": "train/cat/a\nb.png",
    "a name with a drive": "C:\\out.png",
    "the same name twice": FIRST,
    "the same name in other words": "./train//cat/./1.png",
    "a file in place of a folder": "train/cat/1.png/2.png",
    "a name of 300 signs": "train/cat/" + 300 * "a" + ".png",
    "a path of 6000 signs": "train/" + 3000 * "a/" + "1.png",
}
TAR: dict[str, Make] = {
    **{f"tar, {kind}": tar(member(name, picture(8))) for kind, name in NAMES.items()},
    "tar, a link and a file through it": tar(
        member("train/dog", kind=tarfile.SYMTYPE, link="../.."), member("train/dog/out.png", picture())
    ),
    "tar, a link inside the folder": tar(member("train/dog", kind=tarfile.SYMTYPE, link="cat")),
    "tar, a hard link": tar(member(SECOND, kind=tarfile.LNKTYPE, link=FIRST)),
    "tar, a hard link outside": tar(member(SECOND, kind=tarfile.LNKTYPE, link="/etc/passwd")),
    "tar, a link for the mark": tar(member(".unpacked.json", kind=tarfile.SYMTYPE, link="train/cat/1.png")),
    "tar, a folder in place of a file": tar(member(FIRST, kind=tarfile.DIRTYPE)),
    "tar, a device": tar(member(SECOND, kind=tarfile.CHRTYPE)),
    "tar, a block device": tar(member(SECOND, kind=tarfile.BLKTYPE)),
    "tar, a FIFO": tar(member(SECOND, kind=tarfile.FIFOTYPE)),
    "tar, a sparse file": tar(member(SECOND, kind=tarfile.GNUTYPE_SPARSE)),
    "tar, a size below zero": tar(member(SECOND, size=-(1 << 40))),
    "tar, a size of 2^60": tar(member(SECOND, size=1 << 60)),
    "tar, a pickle": tar(member("train/cat/2.png", pickled())),
    "tar, a pickle by its name": tar(member("train/cat/2.pt", pickled())),
    "tar, cut off between two members": tar(member(SECOND, picture()), end=b""),
    "tar, a damaged header in the middle": tar(bytes([7]) * 512, member(SECOND, picture())),
    "tar, 300 MB of a name": huge_header(tarfile.GNUTYPE_LONGNAME),
    "tar, 300 MB of attributes": huge_header(tarfile.XHDTYPE),
    "tar, headers in headers": tar(*[member("x", b"9 a=b\n", kind=tarfile.XHDTYPE)] * 5000),
    "tar, a million files of nothing": empty_files,
    **{f"{suffix}, a bomb": of_zeros(suffix, 1 << 36) for suffix in (".tar.gz", ".tar.bz2", ".tar.xz")},
    **{
        f"{suffix}, of another checksum": with_another_sum(suffix, from_end)
        for suffix, from_end in ((".tar.gz", 8), (".tar.bz2", 3), (".tar.xz", 30))
    },
    "tar.gz that lacks its checksum": lambda place: Path(f"{place}.tar.gz").write_bytes(
        gzip.compress(member(FIRST, picture()) + bytes(1024))[:-8]
    ),
    "tar.gz of noise": lambda place: Path(f"{place}.tar.gz").write_bytes(gzip.compress(bytes(range(256)) * 40)),
    "tar.xz that is cut off": lambda place: Path(f"{place}.tar.xz").write_bytes(
        lzma.compress(member(FIRST, picture()) + member(SECOND, bytes(range(256)) * 99))[:-200]
    ),
}
ZIP: dict[str, Make] = {
    **{f"zip, {kind}": zipped((name, picture(8))) for kind, name in NAMES.items()},
    "zip, a link": zipped((SECOND, b"/etc/passwd"), mode=0o120777),
    "zip, a FIFO": zipped((SECOND, b""), mode=0o010644),
    "zip, archives in an archive": nested,
    "zip, entries that overlap": overlapping,
    "zip, a bomb": zipped((SECOND, bytes(1 << 23))),
    "zip, encrypted": lambda place: Path(f"{place}.zip").write_bytes(encrypted(place)),
    "zip of noise": lambda place: Path(f"{place}.zip").write_bytes(b"PK\3\4" + bytes(200)),
}
READ: dict[str, Make] = {
    "tar, setuid": tar(member(SECOND, picture(), mode=0o6777)),
    "zip, setuid": zipped((SECOND, picture()), mode=0o106777),
    "tar, names that differ in case": tar(member("train/cat/A.png", picture()), member("train/cat/a.png", picture())),
    "tar, a name that is no UTF-8": tar(member("train/cat/\udce9.png", picture())),
    "one picture of one pixel": lambda place: zipped()(place),
}


def outcome(make: Make, folder: Path) -> Outcome:
    """What becomes of reading the archive; a fault where anything but its folder was written or run."""
    make(folder / "packed")
    before = listing(folder.parent)
    became = held(lambda: read_folder(folder / "packed"), memory=100 * 2**20)
    inside = {name for name in listing(folder.parent) if name.startswith(str(folder / "packed") + "/")}
    assert {name: data for name, data in listing(folder.parent).items() if name not in inside} == before, became
    assert not RAN.exists() and not Path("/tmp/out.png").exists()
    assert not inside or became.kind == ACCEPTED or "train/cat/" in became.text, became  # what is no picture is named
    assert not any((folder / "packed" / name).stat().st_mode & 0o7000 for name in inside)
    return became


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr("replication.data.archives.ALWAYS_ALLOWED", 1 << 22)  # small bombs do
    (tmp_path / "raw").mkdir()
    (tmp_path / "current").mkdir()
    monkeypatch.chdir(tmp_path / "current")
    return tmp_path / "raw"


@pytest.mark.parametrize("name", [*TAR, *ZIP])
def test_a_hostile_archive_is_refused(place: Path, name: str) -> None:
    became = outcome((TAR | ZIP)[name], place)
    assert became.kind == SENTENCE, became.text
    assert "packed" in became.text or SECOND in became.text


@pytest.mark.parametrize("name", READ)
def test_what_is_only_odd_is_read_without_harm(place: Path, name: str) -> None:
    became = outcome(READ[name], place)
    assert became.kind == ACCEPTED, became.text
