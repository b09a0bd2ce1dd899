"""Samples of a reader's own generator: a folder of images, an array in a file, or a Python callable that draws.

Whatever is read is checked before anything is computed with it: nothing is unpickled, sizes have limits, and what is
no set of images of the data set's shape is refused in one sentence.
"""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stdout
from importlib import import_module
from pathlib import Path

import numpy as np

from replication.data.folder import image_contents, image_files
from replication.data.images import decode_all
from replication.foundation import arrays
from replication.foundation.errors import InputError

FEWEST = 100  # samples: scores of fewer say nothing
MOST_SAMPLES = 200_000
MOST_BYTES = 4 * 2**30  # of a file of an array
MOST_IMAGE_BYTES = 16 * 2**20  # of a file of one image
CHUNK = 4096  # images converted at once
NARROW = 2  # levels, a hundredth of all: samples that differ by no more are one shade of grey
Range = tuple[float, float]


def read_samples(source: str, shape: Sequence[int], limits: Range | None, count: int, seed: int) -> np.ndarray:
    """Samples uint8 [n, C, H, W] of a folder, a `.npy` file or `package.module:callable`, in their order.

    `shape` (C, H, W) is that of the data set. Arrays are uint8 [n, C, H, W] or [n, H, W, C], or floats between
    `limits`, which become levels 0 to 255. A callable is asked for `count` samples from `seed`.

    Raises:
        InputError: there are no such samples, too few or too many, or of another shape, type or range.
    """
    place = Path(source)
    if place.is_dir():
        if limits is not None:
            raise InputError(f"{place} holds image files, whose pixels are levels: leave --range out.")
        return _of_images(place, shape)
    if place.suffix == ".npy":
        return as_levels(read_array(place, "samples"), shape, limits, str(place))
    if ":" in source:
        return as_levels(_drawn(source, count, seed), shape, limits, source)
    raise InputError(f"{source} is no folder of images, no .npy file and no package.module:callable.")


def read_labels(place: Path, count: int, classes: int) -> np.ndarray:
    """Labels int64 [n] of `count` samples, from a `.npy` file of whole numbers below `classes`; InputError if not."""
    labels = read_array(place, "labels")
    if labels.dtype.kind not in "iu" or labels.ndim != 1 or len(labels) != count:
        raise InputError(f"{place} holds {_kind(labels)}; give whole numbers [{count}], one for each sample.")
    if labels.min() < 0 or labels.max() >= classes:
        raise InputError(
            f"{place} has labels from {labels.min()} to {labels.max()}; the classes are 0 to {classes - 1}."
        )
    return np.array(labels, dtype=np.int64)  # a copy: the file's is not to be written to


def read_array(place: Path, what: str) -> np.ndarray:
    """The array of a `.npy` file, mapped into memory, never unpickled; InputError where it has none or too much."""
    if not place.is_file():
        raise InputError(f"There is no file {place} of {what}.")
    if place.stat().st_size > MOST_BYTES:
        raise InputError(f"{place} has {place.stat().st_size} bytes; {MOST_BYTES} at most: score fewer {what}.")
    try:
        array = arrays.read_array(place, MOST_BYTES)
    except (ValueError, OSError) as error:
        raise InputError(f"{place} is no .npy file of numbers ({error}): write one with numpy.save.") from error
    if not array.size:
        raise InputError(f"{place} holds no array with numbers in it: write one with numpy.save.")
    return array


def as_levels(samples: np.ndarray, shape: Sequence[int], limits: Range | None, place: str) -> np.ndarray:
    """Samples as uint8 [n, C, H, W]; InputError where they have none of the accepted forms."""
    _require_count(len(samples) if samples.ndim else 0, place)
    channels, height, width = shape
    if samples.ndim != 4 or samples.shape[1:] not in ((channels, height, width), (height, width, channels)):
        raise InputError(
            f"{place} holds {_kind(samples)}; images of this data set are [n, {channels}, {height}, {width}] or "
            f"[n, {height}, {width}, {channels}]."
        )
    last = samples.shape[1:] != (channels, height, width)
    levels = np.empty((len(samples), *shape), np.uint8)
    for start in range(0, len(samples), CHUNK):
        part = np.asarray(samples[start : start + CHUNK])
        levels[start : start + CHUNK] = _levels(part.transpose(0, 3, 1, 2) if last else part, limits, place)
    if limits is not None and np.ptp(levels) <= NARROW:
        raise InputError(
            f"{place} has values that span less than a hundredth of --range {limits[0]:g} {limits[1]:g}: give the "
            "numbers that stand for black and white."
        )
    return levels


def _levels(part: np.ndarray, limits: Range | None, place: str) -> np.ndarray:
    if part.dtype == np.uint8:
        if limits is not None:
            raise InputError(f"{place} holds uint8, whose values are levels from 0 to 255: leave --range out.")
        return part
    if part.dtype.kind != "f":
        raise InputError(f"{place} holds {part.dtype}: save levels from 0 to 255 as uint8.")
    if limits is None:
        raise InputError(f"{place} holds {part.dtype}: say what black and white are, as --range -1 1, or save uint8.")
    if not np.isfinite(part).all():
        raise InputError(f"{place} has values that are NaN or infinite: draw the samples again.")
    low, high = limits
    values = (part.astype(np.float64) - low) / (high - low) * 255.0
    if values.min() < -1.0 or values.max() > 256.0:
        raise InputError(f"{place} has values from {part.min():g} to {part.max():g}, outside --range {low:g} {high:g}.")
    return np.rint(values).clip(0, 255).astype(np.uint8)


def _of_images(folder: Path, shape: Sequence[int]) -> np.ndarray:
    """Images of a folder's files, in the order of their names; grey or coloured as the data set is."""
    files = image_files(folder)
    _require_count(len(files), str(folder))
    contents = image_contents(folder, files, MOST_IMAGE_BYTES, "sample")
    images, _ = decode_all(folder, contents, len(files), 0, shape[0])
    if images.shape[1:] != tuple(shape):
        raise InputError(
            f"{folder} holds images of {images.shape[3]}×{images.shape[2]} pixels; those of this data set are "
            f"{shape[2]}×{shape[1]}: draw or resize them so."
        )
    return images


def _drawn(source: str, count: int, seed: int) -> np.ndarray:
    """What a callable draws; an error inside of it is shown whole, for it is the reader's to mend."""
    _require_count(count, "-n")
    module, _, name = source.partition(":")
    with _put_back(), redirect_stdout(sys.stderr):  # stdout is for the scores alone
        try:
            draw = getattr(import_module(module), name)
        except (Exception, SystemExit) as error:  # a module may do anything when it is imported
            raise InputError(
                f"{source} names no callable ({_line(error)}): write package.module:callable, of a module that "
                f"`python -c 'import {module}'` imports."
            ) from error
        if not callable(draw):
            raise InputError(f"{source} is no callable: write draw(n: int, seed: int) -> array.")
        try:
            samples = np.asarray(draw(count, seed))
        except (Exception, SystemExit) as error:
            traceback.print_exc()
            raise InputError(f"{source} failed to draw {count} samples from seed {seed} ({_line(error)}).") from error
    if not samples.ndim or len(samples) != count:
        raise InputError(f"{source} was asked for {count} samples and gave {_kind(samples)}.")
    return samples


@contextmanager
def _put_back() -> Iterator[None]:
    """Put back what a reader's code may have changed for the whole process: current folder, and defaults of torch."""
    import torch  # takes seconds, which only a callable's reader waits for here

    place, dtype, gradients = os.getcwd(), torch.get_default_dtype(), torch.is_grad_enabled()
    try:
        yield
    finally:
        os.chdir(place)
        torch.set_default_dtype(dtype)
        torch.set_default_device(None)
        torch.set_grad_enabled(gradients)


def _line(error: BaseException) -> str:
    return " ".join(repr(error).split())[:200]


def _require_count(count: int, place: str) -> None:
    if not FEWEST <= count <= MOST_SAMPLES:
        raise InputError(f"{place}: {count} samples; accepted are {FEWEST} to {MOST_SAMPLES}.")


def _kind(array: np.ndarray) -> str:
    return f"{array.dtype} {list(array.shape)}"
