"""The files of a release: which arrays a folder holds, and each of them once nothing is wrong with it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from replication.foundation import arrays
from replication.foundation.errors import InputError

NETS = {"discrim": "discriminator", "gen": "generator"}
MOST_BYTES = 1 << 28  # of a file: the largest of a release has some 10 MB


@dataclass(frozen=True)
class ArrayFiles:
    """The numbered arrays of one network in a folder."""

    directory: Path
    net: str  # a key of NETS
    epoch: int
    paths: Mapping[int, Path]  # by number, in order

    def name_of(self, number: int) -> str:
        return f"{self.epoch}_{self.net}_params.jl_{number:02d}.npy"


def array_files(directory: Path, net: str) -> ArrayFiles:
    """The files `<epoch>_<net>_params.jl_NN.npy` of a folder; InputError where it holds none, or several epochs'."""
    if not directory.is_dir():
        raise InputError(f"There is no folder {directory}: name the folder that holds the released *.npy files.")
    pattern = re.compile(rf"(\d+)_{net}_params\.jl_((?!00)\d\d)\.npy")
    named = [(match, path) for path in directory.iterdir() if (match := pattern.fullmatch(path.name))]
    if not named:
        raise InputError(
            f"{directory} holds no <epoch>_{net}_params.jl_NN.npy, the arrays of a released {NETS[net]}: copy a folder "
            "of models/ from Newmu/dcgan_code there."
        )
    epochs = sorted({int(match[1]) for match, _ in named})
    if len(epochs) > 1:
        raise InputError(f"{directory} holds arrays of epochs {', '.join(map(str, epochs))}: keep one epoch's files.")
    return ArrayFiles(directory, net, epochs[0], dict(sorted((int(match[2]), path) for match, path in named)))


def read_array(path: Path) -> Tensor:
    """An array of finite floats as float32, nothing executed; InputError where the file is no such (a pickle, say)."""
    again = "copy the file again from the release"
    try:
        array = arrays.read_array(path, MOST_BYTES)
    except (ValueError, OSError) as error:
        raise InputError(f"{path} is no complete NumPy array ({error}): {again}.") from error
    if array.dtype.kind != "f":
        raise InputError(f"{path} holds {array.dtype} in place of an array of floats: {again}.")
    if not np.isfinite(array).all():
        raise InputError(f"{path} holds numbers that are not finite: {again}.")
    return torch.from_numpy(np.array(array, dtype=np.float32, order="C"))
