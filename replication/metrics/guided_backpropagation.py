"""What a filter responds to: guided backpropagation (Springenberg et al. 2015) and the classes that excite it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

BATCH = 500
TOP_SHARE = 0.05  # of the held-out images, those that excite a filter most


class _Rectified(torch.autograd.Function):
    """max(x, leak·x), whose gradient passes back, as it is, only where it and the activation are positive."""

    @staticmethod
    def forward(ctx: Any, inputs: Tensor, leak: float) -> Tensor:
        ctx.save_for_backward(inputs)
        return torch.where(inputs > 0, inputs, leak * inputs)

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Tensor) -> tuple[Tensor, None]:
        (inputs,) = ctx.saved_tensors
        return grad_outputs[0].clamp_min(0) * (inputs > 0), None


@contextmanager
def guided(network: nn.Module) -> Iterator[None]:
    """Make every ReLU and LeakyReLU of a network pass guided gradients back; its outputs are unchanged."""

    def rectify(layer: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> Tensor:
        return _Rectified.apply(inputs[0], layer.negative_slope if isinstance(layer, nn.LeakyReLU) else 0.0)  # type: ignore[return-value]

    rectifiers = [layer for layer in network.modules() if isinstance(layer, nn.ReLU | nn.LeakyReLU)]
    hooks = [layer.register_forward_hook(rectify) for layer in rectifiers]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()


def guided_gradients(
    network: nn.Module, maps: Callable[[Tensor], Tensor], samples: Tensor, filters: Sequence[int]
) -> Tensor:
    """Guided gradients [n, C, H, W] of each sample's one of `filters`, where `maps` [n, F, h, w] respond most."""
    leaves = samples.detach().clone().requires_grad_()
    with guided(network), torch.enable_grad():
        responses = maps(leaves)  # [n, F, h, w]
        peaks = responses[torch.arange(len(responses), device=responses.device), list(filters)].flatten(1).amax(dim=1)
        (gradient,) = torch.autograd.grad(peaks.sum(), leaves)
    return gradient.detach()


@torch.no_grad()
def filter_responses(maps: Callable[[Tensor], Tensor], samples: Tensor) -> np.ndarray:
    """float32 [n, F]: the largest activation over the places of each filter's map."""
    parts = [maps(part).flatten(2).amax(dim=2) for part in samples.split(BATCH)]
    return torch.nan_to_num(torch.cat(parts)).cpu().numpy()


def most_exciting(responses: np.ndarray, count: int) -> np.ndarray:
    """int64 [F, count]: the images with the largest of responses [n, F], the largest first, the first of equal ones."""
    return np.argsort(-responses, axis=0, kind="stable")[:count].T


def filter_selectivity(responses: np.ndarray, labels: np.ndarray, share: float = TOP_SHARE) -> tuple[np.ndarray, int]:
    """The largest class share among the images that excite each filter most, float64 [F], and how many those are.

    `responses` [n, F] are to images of classes `labels` [n]; permuted labels tell how large the share is by chance.
    The share of n holds one image at least.
    """
    count = round(share * len(labels))
    classes = labels[most_exciting(responses, count)]  # [F, count]
    largest = [np.bincount(of_filter).max() for of_filter in classes]
    return np.array(largest) / count, count


def as_picture(gradients: np.ndarray) -> np.ndarray:
    """Gradients [..., C, H, W] as uint8: grey is zero, the largest of an image in size is black or white."""
    size = np.abs(gradients).max(axis=(-3, -2, -1), keepdims=True)
    scaled = np.divide(gradients, size, out=np.zeros_like(gradients), where=size > 0)
    return np.rint(127.5 + 127.5 * scaled).astype(np.uint8)
