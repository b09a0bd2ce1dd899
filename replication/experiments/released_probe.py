"""The linear probe on the discriminator that DCGAN's authors released, and with one part of it changed at a time.

Rows of recipe `<network>` are the paper's protocol. Those of `<network>-pooling`, `-statistics` and `-costs-few` have
fewer draws of labels, the same for all of them, and set the protocol itself beside what is changed; `-costs` has every
C of the grid with all labels. A release without all of its convolutions says so in `<network>`: `imagenet32-4-of-6`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from replication.config.experiments import Released
from replication.config.params import Probe
from replication.data.reading import PreparedImages
from replication.metrics.linear_probe import Pool, accuracies_by_cost, discriminator_features, max_pooled
from replication.released.probe import (
    BATCH,
    halved,
    infer_statistics,
    mean_pooled,
    of_last_convolution,
    own_batch_features,
    shuffled,
)
from replication.released.weights import ReleasedDiscriminator
from replication.scoring.probe import add_probe, run_probe
from replication.scoring.rows import Rows

VARIED = 0  # the seed whose labels the changed probes have; it shuffles the images of all statistics, too
Features = tuple[Tensor, Tensor]  # of the training images and of the test images, [n, F] each


@dataclass(frozen=True)
class Bench:
    """What every probe of one discriminator shares."""

    released: ReleasedDiscriminator
    data: PreparedImages
    probe: Probe
    options: Released
    device: str
    threads: int

    @property
    def images(self) -> Features:
        return torch.from_numpy(self.data.train_images), torch.from_numpy(self.data.test_images)

    def features(self, pool: Pool = max_pooled) -> Features:
        """Features of both kinds of images under the statistics in force."""
        train, test = (
            discriminator_features(self.released.discriminator, each, None, self.threads, pool, BATCH)
            for each in self.images
        )
        return train, test

    def infer(self, images: Tensor, order: np.ndarray) -> None:
        """Put statistics of batches of these images, in this order, in force."""
        infer_statistics(self.released.discriminator, images, order, self.threads)


def score_released_probe(
    rows: Rows,
    released: ReleasedDiscriminator,
    data: PreparedImages,
    probe: Probe,
    options: Released,
    device: str = "cpu",
    threads: int = 1,
) -> None:
    """Add the rows of every seed of the block: a seed chooses the validation images anew, and so C with all labels.

    Batch statistics come from the training images in one order for all seeds (deviation dcgan-43). Seed VARIED alone
    has what draws of labels repeat: the columns of a few labels, and the probes with pooling, statistics or C changed.
    """
    released.discriminator.to(device)
    bench = Bench(released, data, probe, options, device, threads)
    train = bench.images[0]
    bench.infer(train, shuffled(len(train), VARIED))
    features = bench.features()
    every = replace(probe, limited_labels=(), limited_labels_of={})
    for seed in tqdm(rows.cell.seed_numbers, desc=f"{rows.cell.key}: linear probe", unit="seed"):
        chosen = probe if seed == VARIED else every
        rows.once(f"seed-{seed}", partial(_add_probed, bench, features, chosen, seed, released.name, "", True))
    if VARIED in rows.cell.seed_numbers:
        rows.once("costs", partial(_add_costs, bench, features))
        per_class = options.per_class
        sizes = {"selection_draws": options.selection_draws, "limited_draws": options.draws}
        few = replace(every, limited_labels=(per_class,), **sizes)
        for number, (axis, name, changed) in enumerate(_changed(bench, features)):
            where = (f"{released.name}-{axis}", f"{per_class}-per-class {name}", False)
            rows.once(f"changed-{number}", partial(_add_probed, bench, changed, few, VARIED, *where))


def _add_probed(
    bench: Bench, features: Features, probe: Probe, seed: int, recipe: str, variant: str, all_labels: bool, rows: Rows
) -> None:
    result = run_probe(*features, bench.data, probe, seed, bench.device, bench.threads, all_labels)
    named = {"recipe": recipe, **({"metric_variant": variant} if variant else {})}
    add_probe(rows, seed, 0, result, len(bench.data.test_labels), **named)


def _changed(bench: Bench, features: Features) -> Iterator[tuple[str, str, Features]]:
    """Axis, name and features of every probe with one part changed, and of the protocol itself on either axis."""
    discriminator = bench.released.discriminator
    train, test = features
    yield "pooling", "max-4x4", features
    yield "pooling", "max-2x2", (halved(train), halved(test))
    last = tuple(of_last_convolution(discriminator, each) for each in features)
    yield "pooling", "max-4x4 of the last convolution", (last[0], last[1])
    yield "pooling", "mean-4x4", bench.features(mean_pooled)
    yield "statistics", "training images", features
    images, tests = bench.images
    orders = [shuffled(len(each), VARIED) for each in (images, tests)]
    bench.infer(tests, orders[1])
    yield "statistics", "test images", bench.features()
    bench.infer(images, np.argsort(bench.data.train_labels, kind="stable"))
    yield "statistics", "training images by class", bench.features()
    both = ((images, orders[0]), (tests, orders[1]))
    mixed = [own_batch_features(discriminator, each, order, bench.threads) for each, order in both]
    yield "statistics", "each batch", (mixed[0], mixed[1])


def _add_costs(bench: Bench, features: Features, rows: Rows) -> None:
    """Test accuracy at each C of the grid with all labels, and at further ones too with a few."""
    probe, options = bench.probe, bench.options
    _add_sweep(bench, features, rows, "costs", "all-labels", probe.costs, None)
    few = sorted({*probe.costs, *options.further_costs})
    _add_sweep(bench, features, rows, "costs-few", f"{options.per_class}-per-class", few, options.per_class)


def _add_sweep(
    bench: Bench, features: Features, rows: Rows, axis: str, labels: str, costs: Sequence[float], per_class: int | None
) -> None:
    options, of_images = bench.options, (bench.data.train_labels, bench.data.test_labels)
    train, test = (torch.from_numpy(each.astype(np.int64)) for each in of_images)
    draws = {"selection_draws": options.selection_draws, "limited_draws": options.draws}
    probe, examples = replace(bench.probe, costs=tuple(costs), **draws), ((features[0], train), (features[1], test))
    measured = accuracies_by_cost(*examples, probe, per_class, VARIED, bench.device, bench.threads)
    drawn = {} if per_class is None else {"replicate_kind": "label draw"}
    for draw, accuracies in enumerate(measured.tolist()):
        for cost, accuracy in zip(costs, accuracies, strict=True):
            where = {"recipe": f"{bench.released.name}-{axis}", "metric_variant": f"{labels} C {cost:g}", **drawn}
            rows.add(VARIED, 0, "probe_accuracy", accuracy, len(test), replicate=draw, **where)
