"""A small convolutional classifier: the judge of samples where Inception does not apply, or cannot be had."""

from __future__ import annotations

from collections.abc import Sequence
from math import cos, pi

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from tqdm import tqdm

from replication.models.layers.samples import as_samples
from replication.seeding import generator, torch_seed
from replication.training.optimisers import adam_update

BATCH = 500


def build_classifier(shape: Sequence[int], channels: Sequence[int], classes: int) -> nn.Sequential:
    """Images [B, C, H, W] in [−1, 1] → logits [B, classes]: 3×3 convolutions with BN and ReLU, halving after each."""
    layers: list[nn.Module] = []
    before, side = shape[0], shape[1]
    for width in channels:
        layers += [nn.Conv2d(before, width, 3, padding=1, bias=False), nn.BatchNorm2d(width), nn.ReLU()]
        layers += [nn.MaxPool2d(2)] if side > 1 else []
        before, side = width, max(side // 2, 1)
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(before * side * side, classes))


def train_classifier(
    images: Tensor,
    labels: Tensor,
    channels: Sequence[int],
    classes: int,
    epochs: int,
    batch: int,
    learning_rate: float,
    seed: int,
    device: str = "cpu",
) -> nn.Sequential:
    """Train on uint8 images [n, C, H, W] and labels [n] with Adam, the rate falling to zero along a cosine."""
    with torch_seed(seed, "judge"):
        network = build_classifier(tuple(images.shape[1:]), channels, classes).to(device)
    images, labels = images.to(device), labels.to(device)
    parameters: list[Tensor] = list(network.parameters())
    first, second = ([torch.zeros_like(parameter) for parameter in parameters] for _ in range(2))
    network.train()
    update = 0
    for epoch in tqdm(range(epochs), desc="judge", unit="epoch"):
        order = torch.from_numpy(generator(seed, "judge order", epoch).permutation(len(images))).to(device)
        for rows in order.split(batch):
            if len(rows) < 2:
                continue  # batch normalisation needs two
            loss = cross_entropy(network(as_samples(images[rows])), labels[rows])
            update += 1
            rate = learning_rate * (1.0 + cos(pi * epoch / epochs)) / 2
            adam_update(parameters, list(torch.autograd.grad(loss, parameters)), first, second, update, rate)
    return network.eval()


@torch.no_grad()
def classify(network: nn.Module, images: Tensor) -> Tensor:
    """Logits float32 [n, K], on the CPU, of uint8 images [n, C, H, W]."""
    network.eval()
    device = next(network.parameters()).device
    return torch.cat([network(as_samples(part.to(device))).cpu() for part in images.split(BATCH)])
