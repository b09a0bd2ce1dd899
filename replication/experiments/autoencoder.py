"""A small dense autoencoder with a bottleneck; those of several seeds are stacked and trained together.

Weights are a list of eight tensors, a matrix [S, in, out] and a bias [S, 1, out] for each of four layers: image →
hidden → code → hidden → image. Each seed's numbers are its own.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from replication.config.background import Autoencoder
from replication.foundation.seeding import generator
from replication.training.optimisers import fused_adam_update

Weights = list[Tensor]


def initial_weights(dimensions: int, width: int, hidden: int, seeds: Sequence[int]) -> Weights:
    """Drawn for each seed from U(−1/√in, 1/√in), matrices and biases, as PyTorch's dense layers are."""
    places = [(dimensions, hidden), (hidden, width), (width, hidden), (hidden, dimensions)]
    runs = []
    for seed in seeds:
        # Not from PyTorch's stream, which is one for all threads: several widths are trained at once.
        stream = generator(seed, "autoencoder")
        shapes = [(inputs, shape) for inputs, outputs in places for shape in ((inputs, outputs), (1, outputs))]
        runs.append([stream.uniform(-(inputs**-0.5), inputs**-0.5, shape) for inputs, shape in shapes])
    return [torch.from_numpy(np.stack(drawn).astype(np.float32)) for drawn in zip(*runs, strict=True)]


def train_autoencoders(images: np.ndarray, width: int, options: Autoencoder, seeds: Sequence[int]) -> Weights:
    """Least squares on images [n, D] by Adam, whose rate falls linearly to zero; minibatches by epochs."""
    data = torch.from_numpy(np.ascontiguousarray(images, dtype=np.float32))
    weights = initial_weights(data.shape[1], width, options.hidden, seeds)
    # Adam goes seed by seed: where its vectors end decides how it rounds, and that is not to depend on the block.
    parameters = _by_seed(weights)
    first, second = ([torch.zeros_like(tensor) for tensor in parameters] for _ in range(2))
    size = min(options.batch, len(data))
    order, used = _orders(seeds, 0, len(data)), 0
    for update in range(options.updates):
        if used + size > len(data):
            order, used = _orders(seeds, update, len(data)), 0
        samples = data[order[:, used : used + size]]  # [S, B, D]
        used += size
        rate = torch.tensor(options.learning_rate * (1.0 - update / options.updates))
        gradients = _by_seed(error_gradients(weights, samples))
        fused_adam_update(parameters, gradients, first, second, torch.tensor(update + 1), rate)
    return weights


@torch.no_grad()
def error_gradients(weights: Weights, samples: Tensor) -> list[Tensor]:
    """Gradients of each seed's mean squared error a pixel on its samples [S, B, D], by the chain rule.

    Written out, they take half the time that automatic differentiation of networks this small does.
    """
    inner = torch.relu(torch.baddbmm(weights[1], samples, weights[0]))
    codes = torch.baddbmm(weights[3], inner, weights[2])
    outer = torch.relu(torch.baddbmm(weights[5], codes, weights[4]))
    back = torch.baddbmm(weights[7], outer, weights[6]).sub_(samples).mul_(2.0 / samples[0].numel())
    gradients: list[Tensor] = []
    for place, entering in ((6, outer), (4, codes), (2, inner), (0, samples)):
        gradients = [torch.bmm(entering.mT, back), back.sum(1, keepdim=True), *gradients]
        if place:
            back = torch.bmm(back, weights[place].mT)
            if place != 4:  # behind the codes there is no ReLU
                back = torch.ops.aten.threshold_backward(back, entering, 0)
    return gradients


@torch.no_grad()
def encode(weights: Weights, images: np.ndarray) -> np.ndarray:
    """Codes float64 [S, n, width] of images [n, D] under each seed's weights."""
    return _encoded(weights, _repeated(weights, images)).double().numpy()


@torch.no_grad()
def reconstruct(weights: Weights, images: np.ndarray) -> np.ndarray:
    """Images [n, D] as each seed's autoencoder gives them back: float64 [S, n, D]."""
    return _decoded(weights, _encoded(weights, _repeated(weights, images))).double().numpy()


@torch.no_grad()
def decode(weights: Weights, codes: np.ndarray) -> np.ndarray:
    """Images float64 [S, n, D] of codes [S, n, width]."""
    return _decoded(weights, torch.from_numpy(codes.astype(np.float32))).double().numpy()


def _encoded(weights: Weights, samples: Tensor) -> Tensor:
    matrix, bias, code_matrix, code_bias = weights[:4]
    hidden = torch.relu(torch.baddbmm(bias, samples, matrix))
    return torch.baddbmm(code_bias, hidden, code_matrix)


def _decoded(weights: Weights, codes: Tensor) -> Tensor:
    matrix, bias, image_matrix, image_bias = weights[4:]
    hidden = torch.relu(torch.baddbmm(bias, codes, matrix))
    return torch.baddbmm(image_bias, hidden, image_matrix)


def _repeated(weights: Weights, images: np.ndarray) -> Tensor:
    samples = torch.from_numpy(np.ascontiguousarray(images, dtype=np.float32))
    return samples.expand(len(weights[0]), *samples.shape)


def _by_seed(tensors: Sequence[Tensor]) -> list[Tensor]:
    """The part of every seed as a view of its own."""
    return [part for tensor in tensors for part in tensor.unbind()]


def _orders(seeds: Sequence[int], update: int, count: int) -> Tensor:
    """Orders of the images, [S, n], for the epoch that begins at `update`."""
    drawn = [generator(seed, "autoencoder order", update).permutation(count) for seed in seeds]
    return torch.from_numpy(np.stack(drawn))
