"""CelebA's faces and LSUN's bedrooms: large sets of photographs, resized and cropped while they are read."""

from __future__ import annotations

import importlib
import sys
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np

from replication.data.contents import ImageSet
from replication.data.download import fetching
from replication.data.images import decode_all
from replication.foundation.errors import InputError

LSUN_FOLDERS = ("bedroom_train_lmdb", "bedroom_val_lmdb")


def read_celeba(root: Path, image_size: int, limit: int = 0) -> ImageSet:
    """CelebA's aligned faces [n, 3, image_size, image_size], its train and test parts, from `root`/celeba.

    Raises:
        InputError: the files cannot be had, or the lists among them are not the original ones.
    """
    from torchvision.datasets import CelebA
    from torchvision.datasets.utils import check_integrity, extract_archive

    place = root / CelebA.base_folder
    sums = {name: digest for _, digest, name in CelebA.file_list}
    archive = place / "img_align_celeba.zip"
    checked = "torchvision checks their MD5 sums; remove img_align_celeba where it is incomplete"
    with fetching("CelebA", place, sums, checked):
        # torchvision asks for a downloader first even where the archive is already here.
        if not (place / archive.stem).is_dir() and check_integrity(archive, sums[archive.name]):
            extract_archive(archive)
        names = {split: list(CelebA(root, split, download=True).filename) for split in ("train", "test")}
        train, test = names["train"][: limit or None], names["test"]
        files = ((name, (place / archive.stem / name).read_bytes()) for name in (*train, *test))
        images, digest = decode_all(place / archive.stem, files, len(train) + len(test), image_size, 3)
    licence = "for non-commercial research only (Liu et al. 2015)"
    return _one_class(images, len(train), digest, "face", licence, limit, "torchvision")


def read_lsun(root: Path, image_size: int, limit: int = 0) -> ImageSet:
    """LSUN's bedrooms [n, 3, image_size, image_size] from `root`/bedroom_train_lmdb; bedroom_val_lmdb is the test part.

    The databases are read here, not through torchvision, which would unpickle a cache found in the working directory.

    Raises:
        InputError: lmdb is not installed, or a database is missing or damaged.
    """
    try:
        lmdb = importlib.import_module("lmdb")
    except ModuleNotFoundError as error:
        raise InputError("LSUN is stored in LMDB: install its reader with `uv pip install lmdb`.") from error
    train, test = (root / folder for folder in LSUN_FOLDERS)
    if not (train / "data.mdb").is_file():
        raise InputError(
            f"There is no {train}/data.mdb: LSUN (43 GB of bedrooms) is not downloaded here; get {LSUN_FOLDERS[0]} "
            f"and, for test images, {LSUN_FOLDERS[1]} as its authors say, and put them into {root}."
        )
    try:
        stored, n_train = _database(lmdb, train, limit)
        tested, n_test = _database(lmdb, test, 0) if (test / "data.mdb").is_file() else (iter(()), 0)
        files = (file for part in (stored, tested) for file in part)
        images, digest = decode_all(root, files, n_train + n_test, image_size, 3)
    except lmdb.Error as error:
        raise InputError(f"The databases in {root} cannot be read ({error}): copy them again.") from error
    return _one_class(images, n_train, digest, "bedroom", "none stated (Yu et al. 2015)", limit)


def _database(lmdb: Any, place: Path, limit: int) -> tuple[Iterator[tuple[str, bytes]], int]:
    """The images of a database in the order of their keys, and how many."""
    file = place / "data.mdb"
    with closing(_opened(lmdb, place)) as environment, environment.begin() as transaction:
        entries, page = transaction.stat()["entries"], transaction.stat()["psize"]
        size, whole = file.stat().st_size, (environment.info()["last_pgno"] + 1) * page
    count = min(limit or entries, entries)
    if size < whole:  # what is missing would end the process
        raise InputError(f"{file} has {size} of its {whole} bytes: copy it again.")
    if _ends_a_process(_walk, lmdb, place, count):
        raise InputError(f"{file} is damaged: copy it again.")

    def images() -> Iterator[tuple[str, bytes]]:
        with closing(_opened(lmdb, place)) as environment, environment.begin() as transaction:
            for _, (key, content) in zip(range(count), transaction.cursor(), strict=False):
                yield f"{place.name}/{key.decode(errors='replace')}", content

    return images(), count


def _opened(lmdb: Any, place: Path) -> Any:
    return lmdb.open(str(place), readonly=True, lock=False, readahead=False, meminit=False)


def _walk(lmdb: Any, place: Path, count: int) -> None:
    """Look at every key, and at no image. A tree of pages that is damaged raises lmdb.Error, or ends the process."""
    with suppress(lmdb.Error), closing(_opened(lmdb, place)) as environment, environment.begin() as transaction:
        deque(zip(range(count), transaction.cursor().iternext(values=False), strict=False), 0)


def _ends_a_process(function: Callable[..., None], *arguments: Any) -> bool:
    """Whether a function, tried in a process of its own where one can be forked, ends it."""
    if sys.platform != "linux":
        return False
    process = get_context("fork").Process(target=function, args=arguments)
    process.start()
    process.join()
    return process.exitcode != 0


def _one_class(
    images: np.ndarray, n_train: int, digest: str, name: str, licence: str, limit: int, *libraries: str
) -> ImageSet:
    part = f", the first {limit} training images" if limit else ""
    return ImageSet.cut(
        images,
        np.zeros(len(images), dtype=np.int64),
        n_train,
        class_names=(name,),
        licence=licence,
        libraries=("numpy", "pillow", *libraries),
        not_canonical=f"resized and cropped to {images.shape[2]} pixels{part}; the images themselves carry no checksum",
        raw_inputs={f"listing of {len(images)} images, hash and name": digest},
    )
