"""Any folder of images: `train/<class>/*.jpg` with an optional `test/<class>/`, or `images/*.jpg` without labels.

A folder `val/<class>/` serves as the test part where there is no `test/`; where there is, it is not read. The manifest
says which folders are not, and how many pictures are there more than once.
"""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

from replication.data.archives import unpack
from replication.data.contents import ImageSet
from replication.data.images import SUFFIXES, decode_all
from replication.foundation.errors import InputError
from replication.foundation.foreign import is_plain_name, read_bytes
from replication.foundation.printable import printable

LAYOUT = (
    "train/<class>/*.jpg (or .png, .webp, .bmp, .tiff) with an optional test/<class>/, or images/*.jpg without labels"
)
MOST_IMAGE_BYTES = 1 << 28  # of a file of one image
Files = list[tuple[Path, int]]  # file, label


def read_folder(root: Path, image_size: int = 0, channels: int = 3, licence: str = "") -> ImageSet:
    """Read every image under `root`, classes and files in the order of their names; an archive beside it is unpacked.

    Raises:
        InputError: nothing is there, the layout or a file is not what LAYOUT says, or images differ in size.
    """
    reasons = ["a folder of images: nothing vouches for its being the data set a paper used"]
    reasons += [f"{printable(place.name)} is not read, for the folder is there" for place in unpack_folder(root)]
    if (root / "train").is_dir():
        names, read = _class_names(root / "train"), ["train"]
        train = _labelled(root / "train", names)
        held_out = [root / name for name in ("test", "val") if (root / name).is_dir()]
        test = _labelled(held_out[0], names) if held_out else []
        read += [place.name for place in held_out[:1]]
        if "val" in read:
            reasons.append("val/ serves as the test part")
    elif (root / "images").is_dir():
        names, test, read = ("unlabelled",), [], ["images"]
        train = [(file, 0) for file in image_files(root / "images")]
    else:
        raise InputError(f"{root} has neither train/ nor images/; expected {LAYOUT}.")
    reasons += [
        f"{printable(place.name)}/ is not read" for place in _entries(root) if place.is_dir() and place.name not in read
    ]
    both = train + test
    contents = image_contents(root, (file for file, _ in both))
    images, digest = decode_all(root, contents, len(both), image_size, channels)
    labels = np.array([label for _, label in both], dtype=np.int64)
    reasons += _repeated(images, labels, len(train))
    return ImageSet.cut(
        images,
        labels,
        len(train),
        class_names=names,
        licence=licence or "not stated: see where the images come from",
        libraries=("numpy", "pillow"),
        not_canonical="; ".join(reasons),
        raw_inputs={f"listing of {len(labels)} image files, hash and name": digest},
    )


def unpack_folder(root: Path) -> list[Path]:
    """Make `root` from the archive beside it as `unpack` does; the archives that are not read."""
    return unpack(root, ("train", "images"), LAYOUT)


def _repeated(images: np.ndarray, labels: np.ndarray, n_train: int) -> list[str]:
    """What is to be said of pictures that are there more than once."""
    digests = [hashlib.sha256(image).digest() for image in images]
    last_label, train = dict(zip(digests, labels.tolist(), strict=True)), set(digests[:n_train])
    known = sum(digest in train for digest in digests[n_train:])
    ambiguous = len({digest for digest, label in zip(digests, labels, strict=True) if last_label[digest] != label})
    return [
        *([f"{known} of {len(images) - n_train} test images equal a training image"] if known else []),
        *([f"{ambiguous} pictures stand under more than one label"] if ambiguous else []),
    ]


def _class_names(folder: Path) -> tuple[str, ...]:
    entries = _entries(folder)
    stray = next((entry for entry in entries if not entry.is_dir()), None)
    if stray:
        raise InputError(f"{printable(stray)} lies beside the class folders: expected {LAYOUT}.")
    if not entries:
        raise InputError(f"{folder} has no class folders and so no images: expected {LAYOUT}.")
    names = tuple(unicodedata.normalize("NFC", entry.name) for entry in entries)  # é is one sign or two
    twice = next((name for name in names if names.count(name) > 1), None)
    odd = next((name for name in names if name == "all" or not is_plain_name(name)), None)
    if odd:
        raise InputError(
            f"{folder} has a class folder {odd[:100]!r}, which cannot name a class (a formula, unprintable signs, too "
            "long, or `all`, which is what all classes together are called): rename it."
        )
    if twice:
        raise InputError(f"{folder} has two folders {twice}, whose names differ in Unicode form alone: join them.")
    return names


def _labelled(folder: Path, names: tuple[str, ...]) -> Files:
    unknown = sorted(set(_class_names(folder)) - set(names))
    if unknown:
        raise InputError(
            f"{printable(folder / unknown[0])} is a class without training images; known: {', '.join(names)}."
        )
    present = {unicodedata.normalize("NFC", place.name): place for place in _entries(folder)}
    return [(file, label) for label, name in enumerate(names) if name in present for file in image_files(present[name])]


def image_files(folder: Path) -> list[Path]:
    """The files of a folder in the order of their names; InputError where it is empty or holds another file."""
    files = _entries(folder)
    stray = next((file for file in files if not file.is_file() or file.suffix.lower() not in SUFFIXES), None)
    if stray:
        raise InputError(f"{printable(stray)} is no image file ({', '.join(SUFFIXES)}): move it out of the folder.")
    if not files:
        raise InputError(f"{printable(folder)} has no images: fill or remove the folder.")
    return files


def _entries(folder: Path) -> list[Path]:
    """Sorted, without the hidden files that desktops leave behind."""
    return sorted(entry for entry in folder.iterdir() if not entry.name.startswith("."))


def image_contents(
    root: Path, files: Iterable[Path], most: int = MOST_IMAGE_BYTES, what: str = "picture"
) -> Iterator[tuple[str, bytes]]:
    """Name under `root` and content of each file; InputError where one is unreadable or has more than `most` bytes."""
    for file in files:
        try:
            content = read_bytes(file, most)
        except ValueError as error:
            raise InputError(f"{printable(file)} is no {what}: {error}. Replace or remove it.") from error
        except OSError as error:
            raise InputError(
                f"{printable(file)} cannot be read ({error.strerror}): check its permissions or copy it again."
            ) from error
        yield file.relative_to(root).as_posix(), content
