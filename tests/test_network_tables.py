"""Tables of layers on networks made by hand: what is conditional, noisy, shared, or grows with the batch."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from replication.describe.networks import Tables, network_tables
from replication.models.layers.networks import Conditional, Dropout, GaussianNoise, Generator, Judged, Networks, Stack


class Labelled(Conditional):
    """Joins one-hot labels; owns a parameter beside its layer."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(3 + 4, 6)
        self.gain = nn.Parameter(torch.ones(6))
        self.idle = nn.Linear(2, 2, bias=False)  # never called

    def forward(self, latent: Tensor, labels: Tensor) -> Tensor:
        joined = torch.cat([latent, nn.functional.one_hot(labels, 4).to(latent.dtype)], 1)
        return (self.layer(joined) * self.gain).unflatten(1, (1, 2, 3))


class Pairs(nn.Module):
    """[B, F] → [B, B, F]."""

    def forward(self, features: Tensor) -> Tensor:
        return features.unsqueeze(0) - features.unsqueeze(1)


class Noisy(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        shared = nn.Linear(6, 6)
        noise = GaussianNoise(0.3, (6,))
        self.body = Stack(nn.Flatten(), noise, shared, nn.BatchNorm1d(6), Dropout(0.5, (6,)), shared)
        self.pairs = Pairs()
        self.output = nn.Linear(6, 1)

    def forward(self, samples: Tensor, labels: Tensor | None = None, noise: list[Tensor] | None = None) -> Judged:
        features = self.body(samples, noise)
        return Judged(self.output(self.pairs(features).mean(1)).squeeze(1), (features,))


class Blind(nn.Module):
    def forward(self, samples: Tensor, labels: Tensor | None = None, noise: list[Tensor] | None = None) -> Judged:
        return Judged(samples.flatten(1).sum(1), ())


def tables_of(networks: Networks, latent_dim: int, shape: tuple[int, ...], classes: int) -> Tables:
    for network in networks:
        network.to("meta")
    return network_tables(networks, latent_dim, shape, classes, 5)


def test_a_conditional_generator_and_a_noisy_discriminator_by_hand() -> None:
    tables = tables_of(Networks(Generator(None, Labelled()), Noisy()), 3, (1, 2, 3), 4)
    rows = [(one.network, one.name, one.kind.split("(")[0], one.output_shape, one.parameters) for one in tables.layers]
    assert rows == [
        ("generator", "body", "Labelled", ("B", 1, 2, 3), 6),
        ("generator", "body.layer", "Linear", ("B", 6), 7 * 6 + 6),
        ("generator", "body.idle", "Linear", None, 2 * 2),
        ("discriminator", "body.0", "Flatten", ("B", 6), 0),
        ("discriminator", "body.1", "GaussianNoise", ("B", 6), 0),
        ("discriminator", "body.2", "Linear", ("B", 6), 6 * 6 + 6),  # twice in the stack, once in the table
        ("discriminator", "body.3", "BatchNorm1d", ("B", 6), 6 + 6),
        ("discriminator", "body.4", "Dropout", ("B", 6), 0),
        ("discriminator", "pairs", "Pairs", ("B", 5, 6), 0),
        ("discriminator", "output", "Linear", ("B", 1), 6 + 1),
    ]
    assert tables.parameters == {"generator": 48 + 6 + 4, "discriminator": 42 + 12 + 7}
    assert tables.buffers == {"generator": 0, "discriminator": 6 + 6 + 1}  # mean, variance, count of batches
    assert "in_features=7, out_features=6" in tables.layers[1].kind


def test_a_reference_batch_counts_as_a_buffer() -> None:
    body = nn.Sequential(nn.Linear(3, 4), nn.Unflatten(1, (1, 4)), nn.Flatten(0, 1))
    tables = tables_of(Networks(Generator(None, body, (7, 3)), Blind()), 3, (4,), 0)
    shapes = [layer.output_shape for layer in tables.layers if layer.network == "generator"]
    assert shapes[:2] == [(12, 4), (12, 1, 4)]  # seven more than the batch
    assert tables.buffers["generator"] == 7 * 3
