"""What a cell trains on: the samples of its split with their labels, told apart by their hash."""

from __future__ import annotations

import numpy as np
import torch

from replication.data.reading import PreparedImages, ToyData
from replication.training import cells
from replication.training.initialise import Samples


def test_labels_belong_to_the_data_of_a_cell() -> None:
    images = np.arange(48, dtype=np.uint8).reshape(12, 1, 2, 2)
    data = PreparedImages("rows", images, np.arange(12) % 3, images[:0], np.arange(0), ("a", "b", "c"), {})
    samples = cells.training_samples(data, np.array([5, 1, 4]))
    assert samples.values.tolist() == images[[5, 1, 4]].tolist()
    assert samples.labels is not None and samples.labels.tolist() == [2, 1, 1]
    assert cells.class_count(data) == 3
    relabelled = samples._replace(labels=torch.tensor([2, 1, 0]))
    hashes = {cells.samples_sha256(each) for each in (samples, relabelled, samples._replace(labels=None))}
    assert len(hashes) == 3
    reshaped = Samples(samples.values.reshape(3, 4), samples.labels)
    assert cells.samples_sha256(reshaped) not in hashes
    points = ToyData("toy", np.zeros((4, 2), np.float32), np.zeros(4), np.zeros((1, 2)), 0.1, np.ones(1), {})
    assert cells.training_samples(points, np.arange(3)).labels is None and cells.class_count(points) == 0
