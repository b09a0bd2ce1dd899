"""Controls beside the GANs: real test images under the judge, and raw pixels under the linear probe."""

from __future__ import annotations

import numpy as np
from torch import nn

from replication.data.reading import PreparedImages
from replication.judge import judge_accuracy
from replication.params import Probe
from replication.scoring.images import add_class_scores, add_probe, run_probe
from replication.scoring.rows import Rows


def score_controls(rows: Rows, data: PreparedImages, probe: Probe, judge: nn.Module, judge_name: str) -> None:
    """Add the rows of real images (the ceiling of every score) and of raw pixels (the floor of the probe)."""
    seed = rows.cell.seed_numbers[0]
    add_class_scores(rows, seed, 0, data.test_images, judge, judge_name)
    accuracy = judge_accuracy(judge, data)
    rows.add(seed, 0, "judge_accuracy", accuracy, len(data.test_labels), judge=judge_name)
    train, test = (
        images.reshape(len(images), -1).astype(np.float32) / 127.5 - 1.0
        for images in (data.train_images, data.test_images)
    )
    names = {"paper": "dcgan2015", "model": "control", "recipe": "raw-pixels"}
    add_probe(rows, seed, 0, run_probe(train, test, data, probe, seed), len(data.test_labels), **names)
