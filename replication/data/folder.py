"""Any folder of images: `train/<class>/*.jpg` with an optional `test/<class>/`, or `images/*.jpg` without labels."""

from __future__ import annotations

import lzma
import tarfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from replication.data.contents import ImageSet
from replication.data.images import decode_all
from replication.foundation.atomic import atomic_directory
from replication.foundation.errors import InputError

SUFFIXES = (".jpg", ".jpeg", ".png")
ARCHIVES = (".tar", ".tar.xz")
LAYOUT = "train/<class>/*.jpg (or .jpeg, .png) with an optional test/<class>/, or images/*.jpg without labels"
Files = list[tuple[Path, int]]  # file, label


def read_folder(root: Path, image_size: int = 0, channels: int = 3, licence: str = "") -> ImageSet:
    """Read every image under `root`, classes and files in the order of their names; `root`.tar(.xz) is unpacked first.

    Raises:
        InputError: nothing is there, the layout or a file is not what LAYOUT says, or images differ in size.
    """
    _unpack(root)
    if (root / "train").is_dir():
        names = _class_names(root / "train")
        train = _labelled(root / "train", names)
        test = _labelled(root / "test", names) if (root / "test").is_dir() else []
    elif (root / "images").is_dir():
        names, test = ("unlabelled",), []
        train = [(file, 0) for file in image_files(root / "images")]
    else:
        raise InputError(f"{root} has neither train/ nor images/; expected {LAYOUT}.")
    images, digest = decode_all(_contents(root, train + test), len(train) + len(test), image_size, channels)
    labels = np.array([label for _, label in train + test], dtype=np.int64)
    return ImageSet.cut(
        images,
        labels,
        len(train),
        class_names=names,
        licence=licence or "not stated: see where the images come from",
        libraries=("numpy", "pillow"),
        not_canonical="a folder of images: nothing vouches for its being the data set a paper used",
        raw_inputs={f"listing of {len(labels)} image files, hash and name": digest},
    )


def _unpack(root: Path) -> None:
    """Unpack the archive beside an absent `root`; never outside of it, never half."""
    if root.is_dir():
        return
    archives = [archive for suffix in ARCHIVES if (archive := root.with_name(root.name + suffix)).is_file()]
    if not archives:
        raise InputError(f"There is no folder {root}, nor {root}.tar or {root}.tar.xz beside it: put {LAYOUT} into it.")
    try:
        with tarfile.open(archives[0]) as archive, atomic_directory(root) as directory:
            archive.extractall(directory, filter="data")
            if not any((directory / folder).is_dir() for folder in ("train", "images")):
                raise InputError(f"{archives[0]} holds neither train/ nor images/; expected {LAYOUT}.")
    except (tarfile.TarError, lzma.LZMAError, EOFError) as error:
        raise InputError(f"{archives[0]} cannot be unpacked ({error}): copy it again.") from error


def _class_names(folder: Path) -> tuple[str, ...]:
    entries = _entries(folder)
    stray = next((entry for entry in entries if not entry.is_dir()), None)
    if stray:
        raise InputError(f"{stray} lies beside the class folders: expected {LAYOUT}.")
    if not entries:
        raise InputError(f"{folder} has no class folders and so no images: expected {LAYOUT}.")
    return tuple(entry.name for entry in entries)


def _labelled(folder: Path, names: tuple[str, ...]) -> Files:
    unknown = sorted(set(_class_names(folder)) - set(names))
    if unknown:
        raise InputError(f"{folder / unknown[0]} is a class without training images; known: {', '.join(names)}.")
    present = [(label, folder / name) for label, name in enumerate(names) if (folder / name).is_dir()]
    return [(file, label) for label, place in present for file in image_files(place)]


def image_files(folder: Path) -> list[Path]:
    """The files of a folder of images in the order of their names.

    Raises:
        InputError: the folder is empty, or something in it is no image file.
    """
    files = _entries(folder)
    stray = next((file for file in files if not file.is_file() or file.suffix.lower() not in SUFFIXES), None)
    if stray:
        raise InputError(f"{stray} is no image file ({', '.join(SUFFIXES)}): move it out of the folder.")
    if not files:
        raise InputError(f"{folder} has no images: fill or remove the folder.")
    return files


def _entries(folder: Path) -> list[Path]:
    """Sorted, without the hidden files that desktops leave behind."""
    return sorted(entry for entry in folder.iterdir() if not entry.name.startswith("."))


def _contents(root: Path, files: Files) -> Iterator[tuple[str, bytes]]:
    for file, _ in files:
        try:
            content = file.read_bytes()
        except OSError as error:
            raise InputError(
                f"{file} cannot be read ({error.strerror}): check its permissions or copy it again."
            ) from error
        yield file.relative_to(root).as_posix(), content
