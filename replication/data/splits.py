"""Which training images a run sees: indices by rule."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np

from replication.config.datasets import Split
from replication.foundation.errors import InputError


def split_indices(labels: np.ndarray, class_names: Sequence[str], split: Split) -> np.ndarray:
    """Indices int64 [n] into the training set.

    `all`, `first` and `last` keep the order of the data; `random` keeps the order drawn, for minibatches taken in order
    from a set sorted by class would each see one class.

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
