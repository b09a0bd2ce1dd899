"""What a stranger's archive holds, member by member: plain files and folders alone, each once, within a limit.

Nothing is written here. A member's name is relative and has no way out of the folder that it is written into.
"""

from __future__ import annotations

import errno
import lzma
import stat
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import IO, Any, NamedTuple

from replication.foundation.errors import InputError
from replication.foundation.printable import has_controls, printable

BLOCK = 4096  # bytes that every member counts for at least: a limit of bytes is one of members too
LONGEST_HEADER = 1 << 16  # bytes of a name or of extended attributes, which are read into memory
LONGEST_REST, _CHUNK = 1 << 26, 1 << 20  # bytes behind the end, of which tar writes a few thousand; read at once
DEEPEST, LONGEST = 16, 1000  # folders of a name, and its signs
_DAMAGED = (
    tarfile.TarError,
    zipfile.BadZipFile,
    zipfile.LargeZipFile,
    lzma.LZMAError,
    zlib.error,
    struct.error,
    EOFError,
    OverflowError,
    RuntimeError,
    ValueError,
)
# What a member's name does to a file system; every other error of the system is the machine's.
_BY_NAME = (None, errno.ENAMETOOLONG, errno.ENOTDIR, errno.EISDIR, errno.EEXIST, errno.EINVAL)


class Member(NamedTuple):
    name: str
    size: int  # bytes
    open: Callable[[], IO[bytes]] | None  # None for a folder


@contextmanager
def opened(archive: Path, most: int) -> Iterator[Iterator[Member]]:
    """The members of a tar (packed or not) or zip archive, which unpack to `most` bytes at most.

    Raises:
        InputError: it is no archive, is damaged or cut off, holds something else or too much; also where that shows
            while the caller reads or writes a member.
    """
    try:
        with archive.open("rb") as stream:
            zipped = stream.read(4) in (b"PK\3\4", b"PK\5\6")
        with zipfile.ZipFile(archive) if zipped else tarfile.open(archive, tarinfo=_Header) as container:
            members = _of_zip(container) if isinstance(container, zipfile.ZipFile) else _of_tar(container)
            yield _checked(members, most)
    except (*_DAMAGED, OSError) as error:
        if isinstance(error, OSError) and error.errno not in _BY_NAME:
            raise
        raise InputError(
            f"{printable(archive)} is no sound tar or zip archive ({_line(error)}): copy it again."
        ) from error


def _checked(members: Iterator[Member], most: int) -> Iterator[Member]:
    total, seen = 0, set()
    for name, size, content in members:
        member = Member(_plain(name), size, content)
        total += max(size, BLOCK)
        if size < 0 or total > most:
            raise ValueError(f"it unpacks to more than {most} bytes, of which each member counts for {BLOCK} or more")
        if content and member.name in seen:
            raise ValueError(f"it holds {member.name!r} twice")
        if content:
            seen.add(member.name)
        yield member


def _plain(name: str) -> str:
    path = PurePosixPath(name)
    leads_out = path.is_absolute() or ".." in path.parts or "\\" in name or PureWindowsPath(name).drive
    if leads_out or has_controls(name):
        raise ValueError(f"the name {name[:100]!r} is no name below a folder")
    if len(path.parts) > DEEPEST or len(name) > LONGEST:
        raise ValueError(f"the name {name[:100]!r}… is too long or has too many folders")
    return path.as_posix()


class _Header(tarfile.TarInfo):
    """A tar's header whose sizes are checked before what they announce is read."""

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> tarfile.TarInfo:
        header = super().frombuf(buf, encoding, errors)
        if (
            header.size < 0
            or header.type == tarfile.GNUTYPE_SPARSE
            or not header.isreg()
            and header.size > LONGEST_HEADER
        ):
            raise tarfile.ReadError(f"a header of type {header.type!r} announces {header.size} bytes")
        return header

    def _proc_gnusparse_10(self, *_: Any) -> None:  # tarfile reads its list of holes without a limit
        raise tarfile.ReadError("it holds a sparse file")


def _of_tar(archive: tarfile.TarFile) -> Iterator[Member]:
    for header in archive:
        archive.members = []  # pyright: ignore[reportAttributeAccessIssue]  # which would grow with every member
        if not header.isdir() and (not header.isfile() or header.issparse()):
            raise ValueError(f"{header.name!r} is no plain file, but a link or a device")
        yield Member(
            header.name, header.size, None if header.isdir() else lambda header=header: _stream(archive, header)
        )
    stream: Any = archive.fileobj
    stream.seek(archive.offset)
    if stream.read(tarfile.BLOCKSIZE) != bytes(tarfile.BLOCKSIZE):  # tarfile takes a damaged header for the end
        raise ValueError("it is cut off, or damaged in the middle")
    rest = 0
    while more := stream.read(_CHUNK):  # to its end, where a packed archive has the checksums of all of it
        rest += len(more)
        if rest > LONGEST_REST:
            raise ValueError(f"more than {LONGEST_REST} bytes follow its end")


def _stream(archive: tarfile.TarFile, header: tarfile.TarInfo) -> IO[bytes]:
    stream = archive.extractfile(header)
    assert stream is not None
    return stream


def _of_zip(archive: zipfile.ZipFile) -> Iterator[Member]:
    for entry in archive.infolist():
        if stat.S_IFMT(entry.external_attr >> 16) not in (0, stat.S_IFREG, stat.S_IFDIR):
            raise ValueError(f"{entry.filename!r} is no plain file, but a link or a device")
        if entry.flag_bits & 1:
            raise InputError(
                f"{printable(archive.filename)} is encrypted: unpack it with its password and pack it without one."
            )
        content = None if entry.is_dir() else lambda entry=entry: archive.open(entry)
        yield Member(entry.filename, entry.file_size, content)


def _line(error: Exception) -> str:
    return printable(" ".join(str(error).split())[:300]) or type(error).__name__
