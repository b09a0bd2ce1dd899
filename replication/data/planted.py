"""An object planted in images at known places, and a detector of it: what a generator can be made to forget."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import conv2d

from replication.foundation.errors import InputError
from replication.foundation.seeding import generator

NONE = -1  # the place of an object that is not there
BLOCK = 5_000  # images looked at once
LEAST_CONTRAST = 0.5  # of the object's own: fainter patterns score less than their shape alone would


def pattern(size: int) -> np.ndarray:
    """bool [size, size], a multiple of 3: a saltire of nine square blocks, the corners and the middle bright."""
    return (np.add.outer(np.arange(3), np.arange(3)) % 2 == 0).repeat(size // 3, 0).repeat(size // 3, 1)


def plant_object(images: np.ndarray, share: float, size: int, seed: int, purpose: str) -> tuple[np.ndarray, np.ndarray]:
    """Paint the object into a share of uint8 images [n, C, H, W], each at a random place; all channels alike.

    Returns copies, and the object's top left corners int64 [n, 2] (row, column), NONE where there is none. `purpose`
    names the stream: that of training images is not that of test images.

    Raises:
        InputError: the object is larger than the images.
    """
    painted, places = images.copy(), np.full((len(images), 2), NONE, np.int64)
    shape, room = pattern(size), np.array(images.shape[2:]) - size + 1
    if room.min() < 1:
        raise InputError(f"An object of {size} pixels does not fit into images of {images.shape[2]}×{images.shape[3]}.")
    stream = generator(seed, f"planted object {purpose}")
    chosen = np.sort(stream.permutation(len(images))[: round(share * len(images))])
    places[chosen] = stream.integers(room, size=(len(chosen), 2))
    for index in chosen:
        top, left = places[index]
        painted[index, :, top : top + size, left : left + size] = 255 * shape
    return painted, places


def object_scores(images: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray]:
    """How much of each uint8 image [n, C, H, W] looks like the object: float64 [n] up to 1, and where, int64 [n, 2].

    The largest normalised cross-correlation with the object over all places, of the channels' mean. Patches of less
    than LEAST_CONTRAST of the object's contrast are divided by that much, for faint noise has any shape.
    """
    parts = [_correlations(images[start : start + BLOCK], size) for start in range(0, len(images), BLOCK)]
    scores = torch.cat(parts)  # [n, rows, columns]
    best, place = scores.flatten(1).max(dim=1)
    places = np.stack(np.divmod(place.numpy(), scores.shape[2]), axis=1)
    return best.numpy().astype(np.float64), places


def best_threshold(scores: np.ndarray, present: np.ndarray) -> float:
    """The score of the best balanced accuracy, between two seen; InputError where all images are alike."""
    if present.all() or not present.any():
        raise InputError(
            f"{int(present.sum())} of {len(present)} images hold the planted object: a detector is set on images with "
            "and without it, so plant it in a share between 0 and 1."
        )
    order = np.argsort(scores, kind="stable")
    missed = np.cumsum(present[order]) / present.sum()  # by a threshold above the first i
    spared = np.cumsum(~present[order]) / (~present).sum()
    gain = np.concatenate([[0.0], spared - missed])
    # Where scores are equal no threshold lies between them.
    gain[1:-1][np.diff(scores[order]) == 0] = -np.inf
    best = int(gain.argmax())
    edges = np.concatenate([[scores.min() - 1.0], scores[order], [scores.max() + 1.0]])
    return float((edges[best] + edges[best + 1]) / 2)


def balanced_accuracy(detected: np.ndarray, present: np.ndarray) -> float:
    """Mean of the shares of images with and without the object that are told right; both are bool [n]."""
    return float((detected[present].mean() + (~detected[~present]).mean()) / 2)


def _correlations(images: np.ndarray, size: int) -> Tensor:
    grey = torch.from_numpy(images).to(torch.float32).mean(dim=1, keepdim=True) / 255.0
    shape = torch.from_numpy(pattern(size)).to(torch.float32)[None, None]
    centred, ones = shape - shape.mean(), torch.ones_like(shape)
    contrast = centred.square().sum().sqrt()
    sums = conv2d(grey, ones)
    spread = (conv2d(grey.square(), ones) - sums.square() / size**2).clamp_min(0).sqrt()
    return (conv2d(grey, centred / contrast) / spread.clamp_min(LEAST_CONTRAST * contrast))[:, 0]
