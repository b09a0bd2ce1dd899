"""The linear probe on the discriminator features of a cell (DCGAN §5)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from replication.config.cell import Cell
from replication.config.params import Probe
from replication.data.reading import PreparedImages
from replication.foundation.seeding import generator
from replication.metrics.linear_probe import ProbeResult, discriminator_features, linear_probe
from replication.models import PROBE, is_scored_by
from replication.models.layers.convolutional import ConvolutionalDiscriminator
from replication.scoring.image_cell import ImageCell
from replication.scoring.rows import Rows

ERRORS = ("svhn",)  # data sets whose published probes are errors, not accuracies
FEW = 1 << 22  # pixels of all training images, below which the features of several seeds are held at once
LARGEST = 1e4  # of a feature in size; those of a network that works are below a hundred


def probe_cell(cell: ImageCell, probe: Probe, steps: Sequence[int]) -> None:
    """Add the linear probe on discriminator features of the cell's images at `steps`; step 0 is the untrained control.

    A discriminator that offers no maps of its convolutions, such as a conditional or a dense one, has no rows. The
    images need not be those trained on (`replace(cell, data=…)`): rows then name them before the number of labels.
    """
    if not isinstance(cell.build().discriminator, ConvolutionalDiscriminator):
        return
    rows, data = cell.rows, cell.data
    on = "" if data.name == rows.cell.dataset else f"{data.name} "
    train_images, test_images = torch.from_numpy(data.train_images), torch.from_numpy(data.test_images)
    # A folder's images come class by class, and statistics of a batch of one class are those of no other.
    shuffled = train_images[torch.from_numpy(generator(0, "calibration").permutation(len(train_images)))]

    def probe_seed(step: int, index: int) -> None:
        discriminator = cell.networks(step, index).discriminator
        assert isinstance(discriminator, ConvolutionalDiscriminator)
        train = discriminator_features(discriminator, train_images, shuffled, threads_each)
        test = discriminator_features(discriminator, test_images, None, threads_each)
        for features in (train, test):
            # A diverged run's rows read NaN whatever is fitted here, and the SVM takes moderate numbers only.
            features.nan_to_num_(0.0).clamp_(-LARGEST, LARGEST)
        result = run_probe(train, test, data, probe, cell.seeds[index], cell.device, threads_each)
        add_probe(rows, cell.seeds[index], step, result, len(data.test_labels), on)

    at_once, threads_each = workers(data.train_images.size, cell.device, cell.threads)
    cell.each(probe_seed, steps, "linear probe", at_once)


def probed_data(cell: Cell) -> tuple[str, ...]:
    """The data set beside its own that a cell's features are probed on, if any."""
    other = not cell.experiment and cell.probe not in ("own", "none") and is_scored_by(cell.model, PROBE)
    return (cell.probe,) if other else ()


def workers(pixels: int, device: str, threads: int) -> tuple[int, int]:
    """How many networks are probed at once, and on how many threads each: one after another where images are many."""
    if device != "cpu":
        return 1, 1
    return (threads, 1) if pixels < FEW else (1, threads)


def run_probe(
    train: Tensor,
    test: Tensor,
    data: PreparedImages,
    probe: Probe,
    seed: int,
    device: str = "cpu",
    threads: int = 1,
    all_labels: bool = True,
) -> ProbeResult:
    """The linear probe on features [n, F] of the training and test images."""
    both = data.train_labels, data.test_labels
    train_labels, test_labels = (torch.from_numpy(labels.astype(np.int64)) for labels in both)
    limited = probe.limited_labels_of.get(data.name, probe.limited_labels)
    examples = (train, train_labels), (test, test_labels)
    return linear_probe(*examples, probe, limited, seed, device, all_labels, threads)


def add_probe(rows: Rows, seed: int, step: int, result: ProbeResult, n_test: int, on: str = "", **names: str) -> None:
    """One row with all labels, and one for each label draw; `on` names a data set other than the one trained on."""
    if result.all_labels is not None and result.cost is not None:
        where = {"metric_variant": f"{on}all-labels", **names}
        rows.add(seed, step, "probe_accuracy", result.all_labels, n_test, **where)
        rows.add(seed, step, "probe_cost", result.cost, n_test, **where)
    for size, limited in result.limited.items():
        where = {"metric_variant": f"{on}{size}-per-class", **names}
        rows.add(seed, step, "probe_cost", limited.cost, n_test, **where)
        for draw, accuracy in enumerate(limited.accuracies):
            place = {**where, "replicate": draw, "replicate_kind": "label draw"}
            rows.add(seed, step, "probe_accuracy", accuracy, n_test, **place)
            if rows.cell.dataset in ERRORS:
                rows.add(seed, step, "test_error", 1.0 - accuracy, n_test, **place)
