"""DeLiGAN's transfer head: a softmax on Inception's pool3, trained on a data set's own classes (§5, released code)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from replication.foundation.seeding import generator

HELD_OUT = 0.2
LEARNING_RATE = 0.005
INITIAL_SD = 0.001


@dataclass(frozen=True)
class TransferHead:
    """Weights float32 [d, K] and biases [K]; `accuracy` on the `held_out` training images that it did not see."""

    weights: np.ndarray
    biases: np.ndarray
    accuracy: float
    held_out: int

    def logits(self, features: np.ndarray) -> np.ndarray:
        """float32 [n, K] of features [n, d]."""
        return features @ self.weights + self.biases


def train_transfer_head(features: np.ndarray, labels: np.ndarray, classes: int, seed: int = 0) -> TransferHead:
    """Train on four fifths of features [n, d] and labels [n]: one pass of SGD, an example at a time.

    The released code keeps its last whole thousand steps, here all are kept.  # deviation deligan-38
    """
    stream = generator(seed, "transfer head")
    order = stream.permutation(len(features))
    held_out, train = np.split(order, [int(len(order) * HELD_OUT)])
    weights = _truncated(stream, (features.shape[1], classes))
    biases = np.zeros(classes, np.float32)
    targets = np.eye(classes, dtype=np.float32)[labels]
    for row in train:  # in the order of the permutation
        example = features[row]
        slope = LEARNING_RATE * (_softmax(example @ weights + biases) - targets[row])
        weights -= np.outer(example, slope)
        biases -= slope
    predicted = (features[held_out] @ weights + biases).argmax(axis=1)
    return TransferHead(weights, biases, float((predicted == labels[held_out]).mean()), len(held_out))


def _softmax(logits: np.ndarray) -> np.ndarray:
    exponentials = np.exp(logits - logits.max())
    return exponentials / exponentials.sum()


def _truncated(stream: np.random.Generator, shape: tuple[int, int]) -> np.ndarray:
    """N(0, 0.001²) cut at two standard deviations, float32."""
    values = stream.normal(size=shape)
    while (beyond := np.abs(values) > 2).any():
        values[beyond] = stream.normal(size=int(beyond.sum()))
    return (INITIAL_SD * values).astype(np.float32)
