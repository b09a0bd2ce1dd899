"""How a stage reads a prepared data set: nothing that differs from its manifest gets through."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from replication.foundation.errors import InputError
from replication.foundation.foreign import read_json
from replication.foundation.provenance import sha256_file

_IMAGES = ("train_images", "train_labels", "test_images", "test_labels")
_PLACES = ("train_places", "test_places")
_POINTS = ("train_points", "train_labels")
_KINDS = {"name": str, "class_names": list, "files": dict, "counts": dict}  # keys of every manifest


@dataclass(frozen=True)
class PreparedImages:
    """Images uint8 [n, C, H, W], labels int64 [n]; the manifest as written."""

    name: str
    train_images: np.ndarray
    train_labels: np.ndarray
    test_images: np.ndarray
    test_labels: np.ndarray
    class_names: tuple[str, ...]
    manifest: dict[str, Any] = field(repr=False)
    # int64 [n, 2], top left corners of the planted object, -1 where there is none; None where none is planted
    train_places: np.ndarray | None = None
    test_places: np.ndarray | None = None


@dataclass(frozen=True)
class ToyData:
    """Points float32 [n, 2], labels int64 [n], and the true density of the mixture they come from."""

    name: str
    points: np.ndarray
    labels: np.ndarray
    means: np.ndarray  # float64 [m, 2]
    standard_deviation: float
    weights: np.ndarray  # float64 [m]
    manifest: dict[str, Any] = field(repr=False)


def load_prepared(directory: Path) -> PreparedImages | ToyData:
    """A prepared data set, with the hash of every array checked; InputError where one is missing or another."""
    manifest = load_manifest(directory)
    planted = tuple(name for name in _PLACES if f"{name}.npy" in manifest["files"])
    names = _POINTS if "density" in manifest else _IMAGES + planted
    arrays = {name: _array(directory, f"{name}.npy", manifest) for name in names}
    try:
        return _toy(arrays, manifest) if "density" in manifest else _images(arrays, manifest)
    except (KeyError, TypeError, ValueError) as error:
        raise _differs(directory / "manifest.json", directory) from error


def _images(arrays: dict[str, np.ndarray], manifest: dict[str, Any]) -> PreparedImages:
    names = tuple(manifest["class_names"])
    labels = np.concatenate([arrays["train_labels"], arrays["test_labels"]])
    if not all(isinstance(name, str) for name in names) or labels.max(initial=-1) >= len(names):
        raise ValueError("a class has no name")
    return PreparedImages(name=manifest["name"], class_names=names, manifest=manifest, **arrays)


def _toy(arrays: dict[str, np.ndarray], manifest: dict[str, Any]) -> ToyData:
    density = manifest["density"]
    means, weights = (np.array(density[name], dtype=np.float64) for name in ("means", "weights"))
    spread = float(density["standard_deviation"])
    if means.shape != (len(weights), 2) or not 0.0 <= spread < np.inf:
        raise ValueError("the density is none")
    return ToyData(manifest["name"], arrays["train_points"], arrays["train_labels"], means, spread, weights, manifest)


def load_images(directory: Path) -> PreparedImages:
    """`load_prepared` where only images will do."""
    data = load_prepared(directory)
    if not isinstance(data, PreparedImages):
        raise InputError(f"{data.name} is a toy data set of points; this needs a data set of images.")
    return data


def load_toy(directory: Path) -> ToyData:
    """`load_prepared` where only points of a known density will do."""
    data = load_prepared(directory)
    if not isinstance(data, ToyData):
        raise InputError(f"{data.name} is a data set of images; this needs a toy data set of points.")
    return data


def load_split(directory: Path, split: str) -> np.ndarray:
    """Indices int64 [n] of a split into the training arrays; InputError where there is none or its file was changed."""
    manifest = load_manifest(directory)
    known = [Path(file).stem for file in manifest["files"] if file.startswith("splits/")]
    if split not in known:
        raise InputError(f"{directory} has no split {split!r}; known: {', '.join(known)}.")
    path = _verified(directory, f"splits/{split}.json", manifest)
    return np.array(read_json(path)["indices"], dtype=np.int64)


def load_manifest(directory: Path) -> dict[str, Any]:
    """The manifest of a prepared data set, as written. Raises InputError: there is none, or it is no manifest."""
    path = directory / "manifest.json"
    if not path.is_file():
        raise InputError(f"There is no prepared data set in {directory}: run {_command(directory)}.")
    try:
        manifest = read_json(path)
    except ValueError as error:
        raise _differs(path, directory) from error
    kinds = {name: type(manifest.get(name)) for name in _KINDS} if isinstance(manifest, dict) else {}
    if kinds != _KINDS:
        raise _differs(path, directory)
    return manifest


def _array(directory: Path, file: str, manifest: dict[str, Any]) -> np.ndarray:
    path = _verified(directory, file, manifest)
    try:
        return np.load(path, allow_pickle=False)
    except ValueError as error:
        raise _differs(path, directory) from error


def _verified(directory: Path, file: str, manifest: dict[str, Any]) -> Path:
    """The path of one file, once its hash is the manifest's."""
    path = directory / file
    if not path.is_file() or sha256_file(path) != manifest["files"].get(file):
        raise _differs(path, directory)
    return path


def _differs(path: Path, directory: Path) -> InputError:
    return InputError(f"{path} is missing or not what `prepare` wrote: run {_command(directory)} to make it again.")


def _command(directory: Path) -> str:
    return f"`uv run python -m replication.prepare {directory.name}`"
