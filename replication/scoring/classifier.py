"""A small convolutional classifier: the judge of samples where Inception does not apply, or cannot be had."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import cos, pi, prod

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, pad
from tqdm import tqdm

from replication.config.params import Judge
from replication.foundation.seeding import generator, torch_seed
from replication.models.layers.samples import as_samples
from replication.training.optimisers import adam_update

BATCH = 500


def build_classifier(
    shape: Sequence[int], channels: Sequence[int], classes: int, convolutions: int = 1
) -> nn.Sequential:
    """Images [B, C, H, W] in [−1, 1] → logits [B, classes]: 3×3 convolutions, BN, ReLU, and halving after a width."""
    layers: list[nn.Module] = []
    before, *sides = shape
    for width in channels:
        for _ in range(convolutions):
            layers += [nn.Conv2d(before, width, 3, padding=1, bias=False), nn.BatchNorm2d(width), nn.ReLU()]
            before = width
        halved = min(sides) > 1
        layers += [nn.MaxPool2d(2)] if halved else []
        sides = [side // 2 for side in sides] if halved else sides
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(before * prod(sides), classes))


def train_classifier(
    images: Tensor, labels: Tensor, options: Judge, classes: int, device: str = "cpu"
) -> nn.Sequential:
    """Train on uint8 images [n, C, H, W] and labels [n] with Adam, the rate falling to zero along a cosine.

    Each time an image is seen it is shifted by up to `shift` pixels a side and, with `flip`, mirrored half of the time.
    """
    seed, epochs, shape = options.seed, options.epochs, tuple(images.shape[1:])
    with torch_seed(seed, "judge"):
        network = build_classifier(shape, options.channels, classes, options.convolutions).to(device)
    images, labels = images.to(device), labels.to(device)
    parameters: list[Tensor] = list(network.parameters())
    first, second = ([torch.zeros_like(parameter) for parameter in parameters] for _ in range(2))
    network.train()
    update = 0
    for epoch in tqdm(range(epochs), desc="judge", unit="epoch"):
        order = torch.from_numpy(generator(seed, "judge order", epoch).permutation(len(images))).to(device)
        for rows in order.split(options.batch):
            if len(rows) < 2:
                continue  # batch normalisation needs two
            update += 1
            seen = augmented(images[rows], options.shift, options.flip, generator(seed, "judge augmentation", update))
            loss = cross_entropy(network(as_samples(seen)), labels[rows])
            rate = options.learning_rate * (1.0 + cos(pi * epoch / epochs)) / 2
            adam_update(parameters, list(torch.autograd.grad(loss, parameters)), first, second, update, rate)
    return network.eval()


def augmented(images: Tensor, shift: int, flip: bool, stream: np.random.Generator) -> Tensor:
    """uint8 images [B, C, H, W], each moved by up to `shift` pixels both ways, black coming in, and mirrored or not."""
    if not shift and not flip:
        return images
    count, _, height, width = images.shape
    down, across = (torch.from_numpy(stream.integers(0, 2 * shift + 1, (count, 1))) for _ in range(2))
    lines, columns = down + torch.arange(height), across + torch.arange(width)  # [B, H], [B, W] in the padded image
    if flip:
        mirrored = torch.from_numpy(stream.random((count, 1)) < 0.5)
        columns = torch.where(mirrored, columns.flip(1), columns)
    lines, columns = lines.to(images.device), columns.to(images.device)
    which = torch.arange(count, device=images.device)[:, None, None]
    moved = pad(images, (shift,) * 4)[which, :, lines[:, :, None], columns[:, None, :]]  # [B, H, W, C]
    return moved.permute(0, 3, 1, 2)


@dataclass(frozen=True)
class Judged:
    """Features float32 [n, d] and logits float32 [n, K] of n images."""

    features: np.ndarray
    logits: np.ndarray

    @property
    def classes(self) -> np.ndarray:
        """int64 [n]: the class of the largest logit."""
        return self.logits.argmax(axis=1)

    def __getitem__(self, rows: np.ndarray) -> Judged:
        return Judged(self.features[rows], self.logits[rows])

    def __len__(self) -> int:
        return len(self.logits)


@torch.no_grad()
def judged(network: nn.Module, images: np.ndarray) -> Judged:
    """What `build_classifier`'s network says of uint8 images [n, C, H, W], on the device that it is on.

    Features are the maps of its last convolution averaged over the image, as Inception's pool3 is of its own.
    """
    assert isinstance(network, nn.Sequential)
    network.eval()
    device = next(network.parameters()).device
    features, logits = [], []
    for part in torch.from_numpy(images).split(BATCH):
        maps = network[:-2](as_samples(part.to(device)))
        features.append(maps.mean((2, 3)).cpu())
        logits.append(network[-2:](maps).cpu())
    return Judged(torch.cat(features).numpy(), torch.cat(logits).numpy())
