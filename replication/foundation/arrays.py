"""NumPy's files as strangers hand them over: arrays of numbers whose headers are true; nothing is unpickled."""

from __future__ import annotations

import io
import os
from math import prod
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.lib import format as npy

from replication.foundation.foreign import plain_file

_MAGIC = b"\x93NUMPY"
_NUMBERS = "biufc"  # kinds of types: an array of objects is a pickle


def read_array(path: Path, most: int) -> np.ndarray:
    """The array of numbers in a plain `.npy` file of `most` bytes at most, mapped into memory.

    Raises:
        OSError: there is none, or it cannot be read.
        ValueError: it is something else or larger, holds no array of numbers or not as many as its header says.
    """
    with plain_file(path) as stream:
        size = os.fstat(stream.fileno()).st_size
        if size > most:
            raise ValueError(f"it has {size} bytes; {most} at most")
        shape, dtype, fortran = _header(stream, size)
        order = "F" if fortran else "C"
        if not prod(shape):
            return np.empty(shape, dtype, order)
        return np.memmap(stream, dtype, "r", stream.tell(), shape, order)


def parse_array(content: bytes) -> np.ndarray:
    """The array of numbers in the content of a `.npy` file; ValueError where it holds none, or not as many."""
    stream = io.BytesIO(content)
    shape, dtype, fortran = _header(stream, len(content))
    return np.frombuffer(content, dtype, prod(shape), stream.tell()).reshape(shape, order="F" if fortran else "C")


def _header(stream: IO[bytes], size: int) -> tuple[tuple[int, ...], np.dtype[Any], bool]:
    """Shape, type and order that a header announces, once the bytes behind it are as many."""
    if stream.read(len(_MAGIC)) != _MAGIC:
        raise ValueError("it is no .npy file")
    stream.seek(0)
    try:
        reader = npy.read_array_header_1_0 if npy.read_magic(stream) == (1, 0) else npy.read_array_header_2_0
        shape, fortran, dtype = reader(stream)
    except Exception as error:  # the header is a literal of Python, whose parser knows many errors
        raise ValueError(f"its header cannot be read: {' '.join(str(error).split())[:100]}") from error
    if dtype.kind not in _NUMBERS or dtype.itemsize < 1:
        raise ValueError(f"it holds {str(dtype)[:100]} in place of numbers")
    if len(shape) > 32 or any(type(length) is not int or length < 0 for length in shape):
        raise ValueError(f"its shape {str(shape)[:100]} is none")
    announced, there = prod(shape) * dtype.itemsize, size - stream.tell()
    if announced != there:
        raise ValueError(f"its header announces {announced} bytes of numbers and {there} follow")
    return shape, dtype, fortran
