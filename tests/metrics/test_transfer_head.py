"""The transfer head: it learns what can be told apart, as autograd would step by step, and knows what it does not."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from replication.metrics import inception
from replication.metrics.inception import INITIAL_SD, train_transfer_head


def some_features(count: int, classes: int = 3, width: int = 8) -> tuple[np.ndarray, np.ndarray]:
    stream, labels = np.random.default_rng(0), np.arange(count) % classes
    features = stream.normal(size=(count, width)) + 8.0 * np.eye(width)[labels]
    return features.astype(np.float32), labels


def test_classes_that_lie_apart_are_told_on_examples_held_out() -> None:
    features, labels = some_features(400)
    head = train_transfer_head(features, labels, 3)
    assert (head.accuracy, head.held_out) == (1.0, 80)
    fresh, truth = some_features(60)
    assert (head.logits(fresh).argmax(axis=1) == truth).mean() == 1.0
    assert head.logits(fresh).shape == (60, 3) and head.logits(fresh).dtype == np.float32


def test_shuffled_labels_are_guessed() -> None:
    features, labels = some_features(600)
    shuffled = np.random.default_rng(1).permutation(labels)
    assert 0.15 < train_transfer_head(features, shuffled, 3).accuracy < 0.55


def test_a_step_is_that_of_gradient_descent_on_the_cross_entropy(monkeypatch: pytest.MonkeyPatch) -> None:
    features, labels = some_features(5)
    monkeypatch.setattr(inception, "HELD_OUT", 0.2)
    head = train_transfer_head(features, labels, 3, seed=4)
    stream = np.random.default_rng([4, __import__("zlib").crc32(b"transfer head")])
    order = stream.permutation(5)[1:]
    start = inception._truncated(stream, (8, 3))
    layer = nn.Linear(8, 3)
    layer.weight.data, layer.bias.data = torch.from_numpy(start.T.copy()), torch.zeros(3)
    optimiser = torch.optim.SGD(layer.parameters(), lr=0.005)
    for row in order:
        optimiser.zero_grad()
        loss = nn.functional.cross_entropy(
            layer(torch.from_numpy(features[row : row + 1])), torch.tensor(labels[[row]])
        )
        loss.backward()
        optimiser.step()
    np.testing.assert_allclose(head.weights, layer.weight.detach().numpy().T, atol=1e-6)
    np.testing.assert_allclose(head.biases, layer.bias.detach().numpy(), atol=1e-6)
    assert not np.allclose(head.weights, start, atol=1e-4)


def test_first_weights_are_a_truncated_normal() -> None:
    values = inception._truncated(np.random.default_rng(0), (200, 100)) / INITIAL_SD
    assert np.abs(values).max() <= 2.0
    assert values.std() == pytest.approx(0.8796, abs=0.01)  # of a normal cut at ±2
