"""Scores of a cell that generates images: the judge's scores per class, repetition, and the linear probe."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import nn
from tqdm import tqdm

from replication.data.reading import PreparedImages
from replication.metrics.class_scores import class_scores, score
from replication.metrics.classifier import classify
from replication.metrics.linear_probe import ProbeResult, discriminator_features, linear_probe
from replication.metrics.neighbours import duplicate_rate, nearest
from replication.models.layers.convolutional import ConvolutionalDiscriminator
from replication.models.layers.networks import Networks
from replication.models.layers.samples import as_images
from replication.params import Probe
from replication.recipes import Recipe
from replication.runtime import side_by_side
from replication.scoring.rows import Rows
from replication.scoring.stability import add_spread, add_stability
from replication.scoring.trained import TrainedCell
from replication.training.sampling import draw_samples

SPLITS = 10  # of the overall score, contiguous
GRID = 64  # images in the figures
ERRORS = ("svhn",)  # data sets whose published probes are errors, not accuracies


def score_images(
    rows: Rows,
    trained: TrainedCell,
    build: Callable[[], Networks],
    recipe: Recipe,
    data: PreparedImages,
    chosen: np.ndarray,
    judge: nn.Module | None,
    judge_name: str,
    threads: int,
) -> dict[str, np.ndarray]:
    """Add the rows of an image cell; returns what its figure shows. `chosen` are the split's rows.

    Without a judge, as for photographs of one class, there are no scores of classes.
    """
    seen, classes = data.train_images[chosen], len(data.class_names)

    def score_seed(place: tuple[int, int, int]) -> np.ndarray:
        step, index, seed = place
        generator = trained.networks(build, step, index).generator
        noise = recipe.display_noise or recipe.noise
        samples = draw_samples(generator, recipe, noise, seed, "samples", recipe.n_samples, classes)
        images = as_images(torch.nan_to_num(samples), recipe.pixels).numpy()
        if judge is not None:
            add_class_scores(rows, seed, step, images, judge, judge_name)
        add_spread(rows, seed, step, images, seen)
        rate, count = duplicate_rate(images, data.train_images)
        rows.add(seed, step, "duplicate_rate", rate, count)
        return images[:GRID]

    shown = np.empty(0, np.uint8)
    for step in tqdm(trained.steps, desc=f"{rows.cell.key}: scoring", unit="step"):
        places = [(step, index, seed) for index, seed in enumerate(rows.cell.seed_numbers)]
        shown = side_by_side(score_seed, places, threads)[0]
    add_stability(rows, trained, build, recipe, classes, threads)
    return {"grid": shown, "neighbours": seen[nearest(shown, seen)], "real": seen[:: max(1, len(seen) // GRID)][:GRID]}


def add_class_scores(
    rows: Rows, seed: int, step: int, images: np.ndarray, judge: nn.Module, name: str, splits: int = SPLITS
) -> None:
    """The judge's score, modified score and share of every class, and overall: the mean over the classes that occur."""
    logits = classify(judge, torch.from_numpy(images)).numpy()
    rows.add(seed, step, "judge_score", score(logits, splits)[0], len(logits), judge=name)
    classes = class_scores(logits)
    modified = np.mean([one.modified_score for one in classes if one.count])
    rows.add(seed, step, "modified_judge_score", float(modified), len(logits), judge=name)
    for label, one in enumerate(classes):
        rows.add(seed, step, "judge_share", one.share, len(logits), judge=name, class_=str(label))
        if one.count:
            rows.add(seed, step, "judge_score", one.score, one.count, judge=name, class_=str(label))
            rows.add(seed, step, "modified_judge_score", one.modified_score, one.count, judge=name, class_=str(label))


def probe_cell(
    rows: Rows,
    trained: TrainedCell,
    build: Callable[[], Networks],
    data: PreparedImages,
    probe: Probe,
    steps: Sequence[int],
    threads: int,
) -> None:
    """Add the linear probe on discriminator features at `steps`; step 0 is the untrained control.

    A discriminator that offers no maps of its convolutions, such as a conditional or a dense one, has no rows. `data`
    need not be what was trained on: rows then name it before the number of labels.
    """
    if not isinstance(build().discriminator, ConvolutionalDiscriminator):
        return
    on = "" if data.name == rows.cell.dataset else f"{data.name} "
    train_images, test_images = torch.from_numpy(data.train_images), torch.from_numpy(data.test_images)

    def probe_seed(place: tuple[int, int, int]) -> None:
        step, index, seed = place
        discriminator = trained.networks(build, step, index).discriminator
        assert isinstance(discriminator, ConvolutionalDiscriminator)
        train, test = (
            # A diverged run's rows read NaN whatever is fitted here, and the SVM takes finite numbers only.
            torch.nan_to_num(discriminator_features(discriminator, images, train_images)).numpy()
            for images in (train_images, test_images)
        )
        add_probe(rows, seed, step, run_probe(train, test, data, probe, seed), len(data.test_labels), on)

    for step in tqdm(steps, desc=f"{rows.cell.key}: linear probe", unit="step"):
        places = [(step, index, seed) for index, seed in enumerate(rows.cell.seed_numbers)]
        side_by_side(probe_seed, places, threads)


def run_probe(train: np.ndarray, test: np.ndarray, data: PreparedImages, probe: Probe, seed: int) -> ProbeResult:
    """The linear probe on features of the training and test images."""
    return linear_probe(
        (train, data.train_labels),
        (test, data.test_labels),
        probe.costs,
        probe.validation_share,
        probe.selection_draws,
        probe.limited_labels_of.get(data.name, probe.limited_labels),
        probe.limited_draws,
        seed,
    )


def add_probe(rows: Rows, seed: int, step: int, result: ProbeResult, n_test: int, on: str = "", **names: str) -> None:
    """One row with all labels, and one for each label draw; `on` names a data set other than the one trained on."""
    rows.add(seed, step, "probe_accuracy", result.all_labels, n_test, metric_variant=f"{on}all-labels", **names)
    for draw, accuracy in enumerate(result.limited_labels):
        where = {"metric_variant": f"{on}limited-labels", "replicate_kind": "label draw", **names}
        rows.add(seed, step, "probe_accuracy", accuracy, n_test, replicate=draw, **where)
        if rows.cell.dataset in ERRORS:
            rows.add(seed, step, "test_error", 1.0 - accuracy, n_test, replicate=draw, **where)
