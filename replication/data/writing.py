"""A prepared data set on disk: arrays, splits, and a manifest with the hash of each."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any, BinaryIO, cast

import numpy as np

from replication.config.datasets import Dataset, Split
from replication.data.contents import ImageSet, PointSet
from replication.data.splits import class_counts, hash_indices, split_indices
from replication.foundation.foreign import read_json
from replication.foundation.provenance import installed, sha256_file


def write_dataset(contents: ImageSet | PointSet, options: Dataset, directory: Path) -> None:
    """Write arrays, `splits/` and `manifest.json` into an empty directory; equal contents give equal bytes.

    Raises:
        InputError: a split asks for more images than there are.
    """
    arrays = contents.arrays()
    for name, array in arrays.items():
        with (directory / f"{name}.npy").open("wb") as stream:
            np.lib.format.write_array(cast(Any, _Checked(stream)), array, allow_pickle=False)
    (directory / "splits").mkdir()
    for name, split in options.splits.items():
        _write_split(arrays["train_labels"], contents.class_names, split, directory / "splits" / f"{name}.json")
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
        **_described(contents),
        "files": {file: sha256_file(directory / file) for file in _files(arrays, options)},
        "raw_inputs": dict(contents.raw_inputs),
        "options": _options(options),
        "libraries": {library: installed(library) for library in contents.libraries},
    }
    _write_json(directory / "manifest.json", manifest, indent=2)


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
    return manifest.get("options") == json.loads(json.dumps(_options(options))) and as_planned


def _files(arrays: Iterable[str], options: Dataset) -> list[str]:
    return [f"{name}.npy" for name in arrays] + [f"splits/{name}.json" for name in options.splits]


def _described(contents: ImageSet | PointSet) -> dict[str, object]:
    if isinstance(contents, ImageSet):
        return {"image_shape": list(contents.train_images.shape[1:])}
    return {
        "density": {
            "means": contents.means.tolist(),
            "standard_deviation": contents.standard_deviation,
            "weights": contents.weights.tolist(),
        }
    }


def _options(options: Dataset) -> dict[str, object]:
    """What shaped the arrays; where the raw files lay on this machine did not."""
    left_out = ("name", "source", "splits", "root", "licence")
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
    _write_json(path, written)


def _write_json(path: Path, value: object, indent: int | None = None) -> None:
    path.write_text(json.dumps(value, ensure_ascii=False, indent=indent) + "\n", encoding="utf-8")
