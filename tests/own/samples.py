"""The cells of this folder's tests, and samples of a reader's generator as they write them."""

from __future__ import annotations

import numpy as np

TOY, IMAGES, MIXTURE = "cpu-gan-toy-k1", "cpu-dcgan-digits", "cpu-deligan-digits"
N = 70  # samples that are scored: more than the 64 of a figure
DIGITS = (1, 8, 8)
ASKED = ["--dataset", "digits", "--inception", "none"]
GENERATOR = """
import os
import sys

import numpy as np
import torch

def draw(n, seed):
    print("drawing")  # as a network that shows its progress may
    return np.random.default_rng(seed).integers(0, 256, (n, 1, 8, 8)).astype(np.uint8)

def floats(n, seed):
    return draw(n, seed) / 255.0

def few(n, seed):
    return draw(3, seed)

def broken(n, seed):
    raise RuntimeError("no weights")

def leaves(n, seed):
    sys.exit()

def wanders(n, seed):
    os.chdir("/")
    torch.set_default_dtype(torch.float64)
    torch.set_default_device("meta")
    torch.set_grad_enabled(False)
    return draw(n, seed)

number = 7
"""


def noise(count: int = 120, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (count, *DIGITS)).astype(np.uint8)


def saved(array: np.ndarray, name: str = "samples.npy") -> str:
    np.save(name, array)
    return name
