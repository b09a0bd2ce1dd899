"""Near-duplicates by binarised codes of a denoising autoencoder (DCGAN §4.1.1), and how well it finds planted ones."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from replication.config.experiments import NearDuplicates
from replication.data.reading import PreparedImages
from replication.foundation.errors import InputError
from replication.foundation.runtime import side_by_side
from replication.foundation.seeding import generator
from replication.scoring.rows import Rows
from replication.training.optimisers import adam_update

Weights = list[Tensor]  # matrix [D, h] and bias [h], then matrix [h, D] and bias [D]
BLOCK = 10_000  # images encoded at once


@dataclass(frozen=True)
class PlantedDuplicates:
    """Images uint8 [n, C, H, W] with near-duplicates after them, and of which image each is a view."""

    images: np.ndarray
    origin: np.ndarray  # int64 [n], its own index where it is no planted one
    kind: np.ndarray  # str [n], "" where it is no planted one


def plant_duplicates(
    images: np.ndarray, pairs: int, strengths: Mapping[str, float], stream: np.random.Generator
) -> PlantedDuplicates:
    """Add `pairs` near-duplicates of each kind of ALTERATIONS, of different random images.

    Strengths are pixels of a shift, levels of brightness, standard deviation in levels of noise, and quality of jpeg.

    Raises:
        InputError: a kind is unknown, or there are fewer images than near-duplicates.
    """
    unknown = sorted(set(strengths) - set(ALTERATIONS))
    if unknown or not strengths or not 0 < pairs * len(strengths) <= len(images):
        raise InputError(
            f"{pairs} near-duplicates of each kind in {sorted(strengths)} cannot be planted among {len(images)} "
            f"images: take kinds of {', '.join(ALTERATIONS)}, and at most one near-duplicate an image."
        )
    sources = stream.permutation(len(images))[: pairs * len(strengths)]
    kinds = np.repeat(sorted(strengths), pairs)
    chosen = zip(images[sources], kinds, strict=True)
    added = [ALTERATIONS[kind](image, strengths[kind], stream) for image, kind in chosen]
    return PlantedDuplicates(
        images=np.concatenate([images, np.stack(added)]),
        origin=np.concatenate([np.arange(len(images)), sources]),
        kind=np.concatenate([np.full(len(images), ""), kinds]),
    )


def initial_denoiser(dimensions: int, hidden: int, seed: int) -> Weights:
    """Drawn from U(−1/√in, 1/√in), matrices and biases, as PyTorch's dense layers are."""
    stream = generator(seed, "denoising autoencoder")
    shapes = [(dimensions, (dimensions, hidden)), (dimensions, (hidden,)), (hidden, (hidden, dimensions))]
    shapes.append((hidden, (dimensions,)))
    return [torch.from_numpy(stream.uniform(-(n**-0.5), n**-0.5, shape).astype(np.float32)) for n, shape in shapes]


def train_denoiser(images: np.ndarray, options: NearDuplicates, seed: int) -> Weights:
    """Image → ReLU code → image on uint8 images [n, …], pixels in [−1, 1], least squares by Adam, rate falling to zero.

    The input has Gaussian noise of standard deviation `noise`; each unit of the code is kept with probability `keep`.
    """
    data, network, keep = _pixels(images), options.autoencoder, options.keep
    weights = [tensor.requires_grad_() for tensor in initial_denoiser(data.shape[1], network.hidden, seed)]
    first, second = ([torch.zeros_like(tensor) for tensor in weights] for _ in range(2))
    order = generator(seed, "denoising order")
    # A stream of its own: PyTorch's is one for all threads, and several seeds are trained at once.
    stream = torch.Generator().manual_seed(int(generator(seed, "denoising noise").integers(2**63)))
    for update in range(network.updates):
        clean = data[torch.from_numpy(order.integers(len(data), size=network.batch))]
        code = _code(weights, clean + options.noise * torch.randn(clean.shape, generator=stream))
        code = code * (torch.rand(code.shape, generator=stream) < keep) / keep
        loss = (code @ weights[2] + weights[3] - clean).square().sum(dim=1).mean()
        rate = network.learning_rate * (1.0 - update / network.updates)
        adam_update(weights, list(torch.autograd.grad(loss, weights)), first, second, update + 1, rate)
    return [tensor.detach() for tensor in weights]


@torch.no_grad()
def binary_codes(weights: Weights, images: np.ndarray) -> np.ndarray:
    """bool [n, h]: which units of the code are active for uint8 images [n, …]."""
    blocks = [images[start : start + BLOCK] for start in range(0, len(images), BLOCK)]
    return np.concatenate([(_code(weights, _pixels(block)) > 0).numpy() for block in blocks])


def pixel_codes(images: np.ndarray) -> np.ndarray:
    """bool [n, D]: which pixels of uint8 images [n, …] are brighter than the middle; no network."""
    return images.reshape(len(images), -1) > 127


def groups(codes: np.ndarray) -> np.ndarray:
    """int64 [n]: images of equal code, bool [n, h], have the number of the first of them."""
    packed = np.packbits(codes, axis=1)
    _, first, inverse = np.unique(packed, axis=0, return_index=True, return_inverse=True)
    return first[inverse.reshape(-1)]


@dataclass(frozen=True)
class Found:
    """What a finder makes of planted near-duplicates."""

    recall: dict[str, float]  # by kind, and of all under ""
    removed: int  # images, all but the first of equal ones
    false_positives: float  # share of the removed that had no view of the same image left; 1 where none is removed


def judge_finder(planted: PlantedDuplicates, codes: np.ndarray) -> Found:
    """Count what is found where images of equal code are taken for one.

    A group with images of k origins loses k − 1 of them, whichever image stays: those are the false positives. Repeats
    that the data set already holds count among them, so the share is an upper limit.
    """
    group = groups(codes)
    new = planted.kind != ""
    recognised = group == group[planted.origin]
    removed = len(group) - len(np.unique(group))
    lost = len(np.unique(np.stack([group, planted.origin], axis=1), axis=0)) - len(np.unique(group))
    by_kind = {str(kind): float(recognised[planted.kind == kind].mean()) for kind in np.unique(planted.kind[new])}
    return Found({"": float(recognised[new].mean()), **by_kind}, removed, lost / removed if removed else 1.0)


def _pixels(images: np.ndarray) -> Tensor:
    return torch.from_numpy(images.reshape(len(images), -1)).to(torch.float32) / 127.5 - 1.0


def _code(weights: Weights, samples: Tensor) -> Tensor:
    return torch.relu(samples @ weights[0] + weights[1])


def _shifted(image: np.ndarray, pixels: float, stream: np.random.Generator) -> np.ndarray:
    by, width = int(pixels), image.shape[-1]
    padded = np.pad(image, [(0, 0), (0, 0), (by, by)], mode="edge")
    left = int(stream.integers(2)) * 2 * by
    return padded[..., left : left + width]


def _brightened(image: np.ndarray, levels: float, stream: np.random.Generator) -> np.ndarray:
    sign = 2 * int(stream.integers(2)) - 1
    return np.rint(image + float(sign * levels)).clip(0, 255).astype(np.uint8)


def _noisy(image: np.ndarray, levels: float, stream: np.random.Generator) -> np.ndarray:
    return np.rint(image + levels * stream.standard_normal(image.shape)).clip(0, 255).astype(np.uint8)


def _recompressed(image: np.ndarray, quality: float, stream: np.random.Generator) -> np.ndarray:
    pixels = np.ascontiguousarray(image.transpose(1, 2, 0))  # [H, W, C]
    written = io.BytesIO()
    Image.fromarray(pixels[..., 0] if len(image) == 1 else pixels).save(written, "JPEG", quality=int(quality))
    read = np.asarray(Image.open(written))
    return read[None] if len(image) == 1 else read.transpose(2, 0, 1)


ALTERATIONS: Mapping[str, Callable[[np.ndarray, float, np.random.Generator], np.ndarray]] = {
    "shift": _shifted,
    "brightness": _brightened,
    "noise": _noisy,
    "jpeg": _recompressed,
}


def score_near_duplicates(
    rows: Rows, data: PreparedImages, chosen: np.ndarray, options: NearDuplicates, threads: int
) -> None:
    """Add recall of each kind planted and false positives; each seed plants its own and trains its own autoencoder.

    Step 0 is the untrained autoencoder; the pixels' rows stand at the last step, beside the trained one.
    """
    images, network = data.train_images[chosen], options.autoencoder

    def measure_seed(seed: int) -> None:
        planted = plant_duplicates(images, options.pairs, {**options.strengths}, generator(seed, "planted duplicates"))
        weights = train_denoiser(planted.images, options, seed)
        untrained = initial_denoiser(images[0].size, network.hidden, seed)
        add_found(rows, seed, 0, "codes", planted, binary_codes(untrained, planted.images))
        add_found(rows, seed, network.updates, "codes", planted, binary_codes(weights, planted.images))
        add_found(rows, seed, network.updates, "pixels", planted, pixel_codes(planted.images))

    side_by_side(measure_seed, rows.cell.seed_numbers, threads)


def add_found(rows: Rows, seed: int, step: int, name: str, planted: PlantedDuplicates, codes: np.ndarray) -> None:
    """Rows of one finder, recall by kind and of all."""
    result = judge_finder(planted, codes)
    for kind, recall in result.recall.items():
        count = int((planted.kind == kind if kind else planted.kind != "").sum())
        variant = f"{name} {kind}" if kind else name
        rows.add(seed, step, "duplicate_recall", recall, count, metric_variant=variant)
    rows.add(seed, step, "duplicate_false_positives", result.false_positives, result.removed, metric_variant=name)
