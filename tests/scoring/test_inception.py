"""Protocol `inception` with a planted network in Inception's place: which rows there are, and what of."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from replication.config.protocols import Inception, ProtocolOptions
from replication.foundation.errors import InputError
from replication.metrics.distribution import distances, reference_of
from replication.metrics.inception import inception_score, modified_inception_score
from replication.metrics.inception_network import inception_features
from replication.scoring import inception
from replication.scoring.image_cell import ImageCell
from replication.scoring.protocols import run_protocols
from replication.table.measurements import Measurement, to_table

OPTIONS = Inception("planted", splits=3, n_samples=60, modified_samples=30, manifold_samples=50)
WIDTH = 12


class Planted(nn.Module):
    """pool3 and logits linear in an image's pixels; it counts the images that it sees."""

    def __init__(self) -> None:
        super().__init__()
        stream = torch.Generator().manual_seed(0)
        self.weights = nn.Parameter(torch.randn(64, WIDTH, generator=stream) / 64, requires_grad=False)
        self.seen = 0

    def forward(self, images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        self.seen += len(images)
        features = images[:, 0].flatten(1).float() @ self.weights
        return features, torch.nn.functional.pad(features, (0, 1008 - WIDTH), value=-20.0)


@pytest.fixture
def planted(monkeypatch: pytest.MonkeyPatch) -> Iterator[Planted]:
    network = Planted()
    monkeypatch.setattr("replication.metrics.inception_network.FEATURES", WIDTH)
    monkeypatch.setattr(inception, "inception_weights", lambda path: path)
    monkeypatch.setattr(inception, "load_inception", lambda path, device: network)
    inception._read.clear()
    yield network
    inception._read.clear()


def cell_of(small_cells: Any, **other: Any) -> ImageCell:
    cell = small_cells(ProtocolOptions(inception=OPTIONS), **other)
    cell.rows.cell = replace(cell.rows.cell, protocols=("inception",))
    return cell


def found(cell: ImageCell, metric: str, seed: int) -> list[Measurement]:
    return [row for row in cell.rows.collected if (row.metric, row.seed) == (metric, seed)]


def test_every_score_of_the_last_steps_samples(small_cells: Any, planted: Planted) -> None:
    cell = cell_of(small_cells)
    assert run_protocols(cell) == {}
    to_table(cell.rows.collected)
    features = inception_features(planted, cell.sample(small_cells.last, 1, "samples", 60))
    (mean,), (spread,) = (found(cell, metric, 1) for metric in ("inception_score", "inception_score_spread"))
    assert (mean.value, spread.value) == inception_score(features.logits, 3)
    assert (mean.n_samples, mean.step, mean.judge) == (60, small_cells.last, "")
    training, held_out = (inception_features(planted, images).pool3 for images in (cell.seen, cell.data.test_images))
    for variant, real in (("training", training), ("held-out", held_out)):
        subsets = cell.options.inception.kernel_subsets
        apart = distances(features.pool3, reference_of(real, 50), subsets, inception.SUBSET_SIZE, 1, 50)
        expected = {"fid": apart.frechet, "kid": apart.kernel, "precision": apart.precision, "recall": apart.recall}
        own = {row.metric: row for row in cell.rows.collected if (row.metric_variant, row.seed) == (variant, 1)}
        assert {metric: row.value for metric, row in own.items()} == pytest.approx(expected, abs=1e-9)
    assert {row.step for row in cell.rows.collected} == {small_cells.last}


def test_the_modified_score_is_the_transfer_heads(small_cells: Any, planted: Planted) -> None:
    cell = cell_of(small_cells)
    inception.measure(cell)
    real = inception.real_under_inception(cell.data, OPTIONS, "cpu")
    assert real.head is not None and real.head.held_out == 12
    features = inception_features(planted, cell.sample(small_cells.last, 0, "samples", 60))
    expected = modified_inception_score(real.head.logits(features.pool3[:30]))
    scores = {row.class_: row.value for row in found(cell, "modified_inception_score", 0)}
    given = {str(label): one.modified_score for label, one in enumerate(expected.classes) if one.count}
    assert scores == pytest.approx({"all": expected.mean, **given})
    assert [row.value for row in found(cell, "modified_inception_score_spread", 0)] == [expected.spread]
    shares = [row.value for row in found(cell, "transfer_head_share", 0)]
    assert shares == [one.share for one in expected.classes] and sum(shares) == pytest.approx(1.0)
    (accuracy,) = found(cell, "transfer_head_accuracy", 0)
    assert (accuracy.value, accuracy.n_samples) == (real.head.accuracy, 12)


def test_a_class_without_samples_has_a_share_of_nothing_and_no_score(small_cells: Any, planted: Planted) -> None:
    cell = small_cells()
    inception.add_modified_scores(cell.rows, 0, 5, np.array([[2.0, 0.0, 1.0], [1.0, 5.0, 0.0], [3.0, 0.0, 0.0]]))
    assert {row.class_ for row in found(cell, "modified_inception_score", 0)} == {"all", "0", "1"}
    assert [row.value for row in found(cell, "transfer_head_share", 0)] == pytest.approx([2 / 3, 1 / 3, 0.0])
    assert all(math.isfinite(row.value) for row in cell.rows.collected)


def test_real_images_are_looked_at_once_for_many_cells(small_cells: Any, planted: Planted) -> None:
    for _ in range(2):
        inception.measure(cell_of(small_cells))
    assert planted.seen == 120 + 2 * 2 * 60


def test_a_diverged_seed_has_the_same_rows_without_values(small_cells: Any, planted: Planted) -> None:
    cell = cell_of(small_cells, diverged={1: 4})
    inception.measure(cell)
    assert all(math.isnan(row.value) == (row.seed == 1) for row in cell.rows.collected)
    named = [{(row.metric, row.metric_variant) for row in cell.rows.collected if row.seed == seed} for seed in (0, 1)]
    assert named[0] == named[1]


def test_weights_may_be_left_out_by_name_alone(small_cells: Any, planted: Planted) -> None:
    cell = cell_of(small_cells)
    inception.measure(replace(cell, options=ProtocolOptions(inception=replace(OPTIONS, weights="none"))))
    assert not cell.rows.collected and not planted.seen


def test_weights_that_are_missing_stop_the_cell(small_cells: Any) -> None:
    inception._read.clear()
    with pytest.raises(InputError, match="^There are no Inception weights at planted: put weights-inception"):
        inception.measure(cell_of(small_cells))
