"""The score of the same real images in the variants that its users have: other splits, other orders, with the bias.

The released code takes 10 contiguous, unshuffled splits and leaves the last layer's bias out (deviation improved-6).
Other implementations take one split, shuffle first or keep the bias. A row has a variant's name as its metric variant.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from replication.foundation.seeding import generator
from replication.metrics.inception import inception_score
from replication.scoring.rows import Rows


def add_score_variants(
    rows: Rows,
    metric: str,
    logits: np.ndarray,
    labels: np.ndarray,
    splits: int,
    seeds: Iterable[int],
    bias: np.ndarray | None = None,
    **names: Any,
) -> None:
    """Rows of every variant of the score of logits [n, K] of images whose classes are `labels` [n].

    `one-split`, `contiguous` (as the score itself is) and `by-class` (images sorted by class) have one row, of the
    first seed. So has `with-bias`, where the last layer's `bias` [K] is at hand. `shuffled` has an order and a row for
    each seed.
    """
    first, *others = seeds
    scores = {
        "one-split": inception_score(logits, 1)[0],
        "contiguous": inception_score(logits, splits)[0],
        "by-class": inception_score(logits[np.argsort(labels, kind="stable")], splits)[0],
    }
    if bias is not None:
        scores["with-bias"] = inception_score(logits + bias, splits)[0]
    for variant, score in scores.items():
        rows.add(first, 0, metric, score, len(logits), metric_variant=variant, **names)
    for seed in (first, *others):
        score = inception_score(generator(seed, "shuffled").permutation(logits), splits)[0]
        rows.add(seed, 0, metric, score, len(logits), metric_variant="shuffled", **names)
