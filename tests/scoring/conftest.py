"""A network in the place of Inception."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch
from torch import Tensor, nn

from replication.scoring import inception

WIDTH = 12  # of its features


class PlantedInception(nn.Module):
    """pool3 and logits linear in an image's pixels; it counts the images that it sees."""

    def __init__(self) -> None:
        super().__init__()
        stream = torch.Generator().manual_seed(0)
        self.weights = nn.Parameter(torch.randn(64, WIDTH, generator=stream) / 64, requires_grad=False)
        self.fc = nn.Linear(1, 1008)
        nn.init.normal_(self.fc.bias, generator=stream)
        self.seen = 0

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        self.seen += len(images)
        features = images[:, 0].flatten(1).float() @ self.weights
        return features, nn.functional.pad(features, (0, 1008 - WIDTH), value=-20.0)


@pytest.fixture
def planted(monkeypatch: pytest.MonkeyPatch) -> Iterator[PlantedInception]:
    network = PlantedInception()
    monkeypatch.setattr("replication.metrics.inception_network.FEATURES", WIDTH)
    monkeypatch.setattr(inception, "inception_weights", lambda path: path)
    monkeypatch.setattr(inception, "load_inception", lambda path, device: network)
    inception._read.clear()
    yield network
    inception._read.clear()
