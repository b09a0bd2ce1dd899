"""Which feature maps of a generator mark an object, and its samples without them (DCGAN §6.3.1)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np
import torch
from sklearn.linear_model import LogisticRegression
from torch import Tensor, nn

from replication.foundation.errors import InputError


def takes_second_highest(generator: nn.Module) -> nn.Module:
    """The layer that sees the second-highest maps, the last but one transposed convolution; InputError without two."""
    layers = [layer for layer in generator.modules() if isinstance(layer, nn.ConvTranspose2d)]
    if len(layers) < 2:
        raise InputError(
            f"The generator has {len(layers)} transposed convolutions and so no second-highest maps: name protocol "
            "forgetting on a convolutional dcgan cell whose generator has at least three layers."
        )
    return layers[-2]


@contextmanager
def recorded(layer: nn.Module, output: bool = False) -> Iterator[list[Tensor]]:
    """What a layer is given while samples are drawn, or its output: a list that fills with maps [B, F, h, w]."""
    seen: list[Tensor] = []
    hook = layer.register_forward_hook(lambda _, inputs, maps: seen.append((maps if output else inputs[0]).detach()))
    try:
        yield seen
    finally:
        hook.remove()


@contextmanager
def dropped(layer: nn.Module, maps: Sequence[int]) -> Iterator[None]:
    """Set some of the maps that a layer is given to zero, at every place of every image."""

    def drop(_: nn.Module, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        mask = torch.ones(inputs[0].shape[1], dtype=inputs[0].dtype, device=inputs[0].device)
        mask[list(maps)] = 0
        return (inputs[0] * mask[:, None, None], *inputs[1:])

    hook = layer.register_forward_pre_hook(drop)
    try:
        yield
    finally:
        hook.remove()


def inside_boxes(places: np.ndarray, size: int, side: int, cells: int) -> np.ndarray:
    """bool [n, cells, cells]: the places of a map that a box of `size` pixels covers in an image of `side` pixels.

    Those whose middle lies in the box, and always the one that holds the middle of the box.
    """
    scale = side / cells
    middles = (np.arange(cells) + 0.5) * scale
    along = []
    for start in places.T:  # rows, then columns
        covered = (middles >= start[:, None]) & (middles <= start[:, None] + size)
        middle_cell = np.minimum(((start + size / 2) / scale).astype(np.int64), cells - 1)
        covered[np.arange(len(start)), middle_cell] = True
        along.append(covered)
    return along[0][:, :, None] & along[1][:, None, :]


def map_weights(activations: np.ndarray, inside: np.ndarray, stream: np.random.Generator) -> np.ndarray:
    """float64 [F]: weights of a logistic regression that tells places inside the boxes from others by the maps there.

    `activations` [n, F, h, w] and `inside` bool [n, h, w] are of the same images; of each image as many random places
    outside are taken. Each map is divided by its standard deviation; one that never changes has weight 0.
    """
    features, labels = [], []
    for maps, covered in zip(activations, inside, strict=True):
        outside = stream.permutation(np.flatnonzero(~covered))[: int(covered.sum())]
        places = np.concatenate([np.flatnonzero(covered), outside])
        features.append(maps.reshape(len(maps), -1).T[places])  # [places, F]
        labels.append(covered.reshape(-1)[places])
    whole = np.concatenate(features).astype(np.float64)
    spread = whole.std(axis=0)
    varied = spread > 0
    scaled = whole[:, varied] / spread[varied]
    weights = np.zeros(whole.shape[1])
    if varied.any():
        fitted = LogisticRegression(max_iter=2000).fit(scaled, np.concatenate(labels))
        weights[varied] = fitted.coef_[0]
    return weights


def change_outside(before: np.ndarray, after: np.ndarray, places: np.ndarray, size: int) -> float:
    """Root mean square change of pixels in [0, 1] outside the boxes, of uint8 images [n, C, H, W]."""
    rows, columns = (np.arange(length) for length in before.shape[2:])
    down = (rows >= places[:, :1]) & (rows < places[:, :1] + size)
    across = (columns >= places[:, 1:]) & (columns < places[:, 1:] + size)
    outside = ~(down[:, :, None] & across[:, None, :])  # [n, H, W]
    change = (after.astype(np.float64) - before) / 255.0
    return float(np.sqrt(np.square(change).mean(axis=1)[outside].mean()))
