"""Scores of a cell that generates images: the judge's scores and distances, repetition and stability."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import numpy as np
from torch import nn

from replication.data.reading import PreparedImages
from replication.metrics.distribution import Distances, Reference, distances, references_of
from replication.metrics.inception import SPLITS, inception_score, modified_inception_score
from replication.metrics.neighbours import duplicate_rate, every, nearest
from replication.scoring.classifier import judged
from replication.scoring.image_cell import ImageCell
from replication.scoring.rows import Rows
from replication.scoring.stability import add_spread, add_stability

GRID = 64  # images in the figures
TRAINING, HELD_OUT = "training", "held-out"  # what distances are taken to
LIMIT = 5000  # features of a side, evenly spaced: beyond it the distances under a judge only take longer
SUBSETS, SUBSET_SIZE = 2, 1000  # of the kernel distance
References = Mapping[str, Reference]  # what distances are taken to, by the variant of a metric
JUDGED = {"frechet": "judge_frechet_distance", "kernel": "judge_kernel_distance"}
JUDGED |= {"precision": "judge_precision", "recall": "judge_recall"}


def score_images(cell: ImageCell) -> dict[str, np.ndarray]:
    """Add the rows of an image cell; returns what its figure shows.

    Without a judge, as for photographs of one class, there are no scores of classes and no distances. Distances are
    taken at the first and last scored step, to the images trained on and to held-out ones.
    """
    rows, seen, last = cell.rows, cell.seen, cell.trained.steps[-1]
    references: dict[str, Reference] = {}
    accuracy, count = cell.judge_tested
    if cell.judge is not None:
        references, (accuracy, count) = judge_references(cell.judge, seen, cell.data, cell.judge_tested)

    def score_seed(step: int, index: int) -> np.ndarray:
        seed, images = cell.seeds[index], cell.sample(step, index, "samples", cell.recipe.n_samples)
        if cell.judge is not None:
            under_judge = judged(cell.judge, images)
            add_judge_scores(rows, seed, step, under_judge.logits, cell.judge_name)
            if step in (cell.trained.steps[0], last):
                add_judge_distances(rows, seed, step, under_judge.features, references, cell.judge_name)
            if cell.recipe.display_noise:  # is another than that of training
                drawn = cell.sample(step, index, "training noise", cell.recipe.n_samples, cell.recipe.noise)
                logits, variant = judged(cell.judge, drawn).logits, "training-noise"
                add_judge_scores(rows, seed, step, logits, cell.judge_name, metric_variant=variant)
                repeated, number = duplicate_rate(drawn, cell.data.train_images)
                rows.add(seed, step, "duplicate_rate", repeated, number, metric_variant=variant)
        add_spread(rows, seed, step, images, seen)
        rows.add(seed, step, "duplicate_rate", *duplicate_rate(images, cell.data.train_images))
        return images[:GRID].copy()  # the rest may go

    first_images = cell.each(score_seed, cell.trained.steps, "scoring")[-len(cell.seeds)]  # of the last step
    for seed in cell.seeds if cell.judge is not None and count else ():
        rows.add(seed, last, "judge_accuracy", accuracy, count, judge=cell.judge_name)
    add_stability(rows, cell.trained, cell.build, cell.recipe, cell.classes, cell.threads)
    neighbours, real = seen[nearest(first_images, seen)[1]], seen[:: max(1, len(seen) // GRID)][:GRID]
    return {"grid": first_images, "neighbours": neighbours, "real": real}


def judge_references(
    judge: nn.Module, seen: np.ndarray, data: PreparedImages, tested: tuple[float, int]
) -> tuple[dict[str, Reference], tuple[float, int]]:
    """What distances are taken to under a judge, by variant; its accuracy on all held-out images and their number.

    `seen` uint8 [n, C, H, W] are the images trained on. A set of too few images, such as the test images of a folder
    that has none, is left out; without held-out images the accuracy is the one that it was `tested` with before.
    """
    test = judged(judge, data.test_images) if len(data.test_images) else None
    sets = {TRAINING: judged(judge, every(seen, LIMIT)).features} | ({HELD_OUT: test.features} if test else {})
    if test:
        tested = float((test.classes == data.test_labels).mean()), len(test)
    return references_of(sets, LIMIT), tested


def add_judge_scores(
    rows: Rows,
    seed: int,
    step: int,
    logits: np.ndarray,
    judge: str,
    splits: int = SPLITS,
    by_class: bool = True,
    **names: Any,
) -> None:
    """The judge's score, modified score and share of every class, and overall: the mean over the classes that occur."""
    where, count = {"judge": judge, **names}, len(logits)
    modified = modified_inception_score(logits)
    rows.add(seed, step, "judge_score", inception_score(logits, splits)[0], count, **where)
    rows.add(seed, step, "modified_judge_score", modified.mean, count, **where)
    for label, scored in enumerate(modified.classes if by_class else ()):
        where["class_"] = str(label)
        rows.add(seed, step, "judge_share", scored.share, count, **where)
        if scored.count:
            rows.add(seed, step, "judge_score", scored.score, scored.count, **where)
            rows.add(seed, step, "modified_judge_score", scored.modified_score, scored.count, **where)


def add_judge_distances(
    rows: Rows, seed: int, step: int, features: np.ndarray, references: References, judge: str, **names: Any
) -> None:
    """Rows of all four distances of features [n, d] under a judge, against each reference."""
    measure = partial(distances, subsets=SUBSETS, size=SUBSET_SIZE, seed=seed, limit=LIMIT)
    add_distances(rows, seed, step, features, references, JUDGED, measure, judge=judge, **names)


def add_distances(
    rows: Rows,
    seed: int,
    step: int,
    features: np.ndarray,
    references: References,
    metrics: Mapping[str, str],
    measure: Callable[[np.ndarray, Reference], Distances],
    **names: Any,
) -> None:
    """Rows of what `measure` makes of features [n, d] and each reference, by the metric of each field."""
    for variant, reference in references.items():
        for field, value in vars(measure(features, reference)).items():
            rows.add(seed, step, metrics[field], value, len(features), metric_variant=variant, **names)
