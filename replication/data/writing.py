"""A prepared data set on disk: arrays, splits, and a manifest with the hash of each."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, BinaryIO, cast

import numpy as np

from replication.config.datasets import Dataset, Split
from replication.data.contents import ImageSet, PointSet
from replication.foundation.errors import InputError
from replication.foundation.foreign import read_json
from replication.foundation.provenance import installed, sha256_file

UNCHECKED = ("folder", "lsun")  # sources whose raw files may be any


def write_dataset(contents: ImageSet | PointSet, options: Dataset, directory: Path) -> None:
    """Write arrays, `splits/` and `manifest.json` into an empty directory; equal contents give equal bytes."""
    arrays = contents.arrays()
    for name, array in arrays.items():
        with (directory / f"{name}.npy").open("wb") as stream:
            np.lib.format.write_array(cast(Any, _Checked(stream)), array, allow_pickle=False)
    (directory / "splits").mkdir()
    for name, split in options.splits.items():
        _write_split(arrays["train_labels"], contents.class_names, split, directory / "splits" / f"{name}.json")
    files = [f"{name}.npy" for name in arrays] + [f"splits/{name}.json" for name in options.splits]
    manifest = {
        "name": options.name,
        "source": options.source,
        "licence": contents.licence,
        "canonical": not contents.not_canonical,
        "reason": contents.not_canonical,
        "counts": {
            part: {"total": len(labels), "per_class": class_counts(labels, contents.class_names)}
            for part in ("train", "test")
            if (labels := arrays.get(f"{part}_labels")) is not None
        },
        "class_names": list(contents.class_names),
        **contents.described(),
        "files": {file: sha256_file(directory / file) for file in files},
        "raw_inputs": dict(contents.raw_inputs),
        "options": _options(options),
        "libraries": {library: installed(library) for library in contents.libraries},
    }
    text = json.dumps(manifest, ensure_ascii=False, indent=2)
    (directory / "manifest.json").write_text(text + "\n", encoding="utf-8")


class _Checked:
    """A file that says when it could not be written: NumPy writes a file of its own through C, and asks nobody."""

    def __init__(self, stream: BinaryIO) -> None:
        self.write = stream.write


def is_prepared(options: Dataset, directory: Path) -> bool:
    """Whether a directory holds a data set of these very options and splits."""
    try:
        manifest = read_json(directory / "manifest.json")
        splits = {name: read_json(directory / f"splits/{name}.json") for name in options.splits}
    except (FileNotFoundError, ValueError):
        return False
    if not all(isinstance(written, dict) for written in (manifest, *splits.values())):
        return False
    rules = [(splits[name], key, value) for name, rule in options.splits.items() for key, value in asdict(rule).items()]
    as_planned = all(written.get(key) == value for written, key, value in rules if key != "n" or value)
    same = manifest.get("source") == options.source
    return same and manifest.get("options") == json.loads(json.dumps(_options(options))) and as_planned


def _options(options: Dataset) -> dict[str, object]:
    """What shaped the arrays, beside the source; where raw files lay did so where no checksum says what they are."""
    left_out = ("name", "source", "splits", "root", "licence")
    if options.source in UNCHECKED:
        options, left_out = replace(options, root=options.raw.as_posix()), tuple({*left_out} - {"root"})
    return {key: value for key, value in asdict(options).items() if key not in left_out and value is not None}


def _write_split(labels: np.ndarray, class_names: tuple[str, ...], split: Split, path: Path) -> None:
    """Write the rule, the indices it chose and their hash, for a reviewer to audit."""
    indices = split_indices(labels, class_names, split)
    written = {
        **asdict(split),
        "n": len(indices),
        "sha256": hash_indices(indices),
        "class_counts": class_counts(labels[indices], class_names),
        "indices": indices.tolist(),
    }
    path.write_text(json.dumps(written, ensure_ascii=False) + "\n", encoding="utf-8")


def split_indices(labels: np.ndarray, class_names: Sequence[str], split: Split) -> np.ndarray:
    """Indices int64 [n] into the training set, in the order of the data, or for `random` in the order drawn.

    Minibatches taken in order from a set sorted by class would each see one class.

    Raises:
        InputError: the set, or a class, has fewer images than asked for, or `n` does not divide into balanced classes.
    """
    labels = np.asarray(labels)
    if split.rule == "all":
        return np.arange(len(labels), dtype=np.int64)
    stream = np.random.Generator(np.random.PCG64(split.seed))
    per_class = split.per_class
    if split.balanced:
        if split.n % len(class_names):
            raise InputError(f"{split.n} images cannot be balanced over {len(class_names)} classes: take a multiple.")
        per_class = split.n // len(class_names)
    if not per_class:
        return _take(np.arange(len(labels)), split.n, split.rule, stream, "the training set")
    parts = [
        _take(np.flatnonzero(labels == label), per_class, split.rule, stream, f"class {name}")
        for label, name in enumerate(class_names)
    ]
    chosen = np.concatenate(parts)
    return stream.permutation(chosen) if split.rule == "random" else np.sort(chosen)


def hash_indices(indices: np.ndarray) -> str:
    """SHA-256 of the indices as little-endian 64-bit integers."""
    return hashlib.sha256(np.asarray(indices).astype("<i8").tobytes()).hexdigest()


def class_counts(labels: np.ndarray, class_names: Sequence[str]) -> dict[str, int]:
    """How many labels each class has, in the order of `class_names`."""
    counts = np.bincount(labels, minlength=len(class_names))
    return {name: int(count) for name, count in zip(class_names, counts, strict=True)}


def _take(candidates: np.ndarray, n: int, rule: str, stream: np.random.Generator, where: str) -> np.ndarray:
    if n > len(candidates):
        raise InputError(f"A split by rule {rule} asks for {n} images of {where}, which has only {len(candidates)}.")
    if rule == "random":
        return stream.permutation(candidates)[:n].astype(np.int64)
    return candidates[:n] if rule == "first" else candidates[-n:]
