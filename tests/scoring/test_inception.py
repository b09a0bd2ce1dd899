"""Protocol `inception` with a planted network in Inception's place: which rows there are, and what of."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from replication.config.protocols import Inception, ProtocolOptions
from replication.foundation.errors import InputError
from replication.metrics.distribution import distances, reference_of
from replication.metrics.inception import inception_score, modified_inception_score
from replication.metrics.inception_network import inception_features
from replication.scoring import inception
from replication.scoring.image_cell import ImageCell
from replication.scoring.protocols import run_protocols
from replication.table.measurements import Measurement, to_table
from tests.scoring.conftest import PlantedInception
from tests.scoring.small import LAST, small_cell

OPTIONS = Inception("planted", splits=3, n_samples=60, modified_samples=30, manifold_samples=50)


def cell_of() -> ImageCell:
    cell = small_cell(ProtocolOptions(inception=OPTIONS))
    cell.rows.cell = replace(cell.rows.cell, protocols=("inception",))
    return cell


def rows_of(cell: ImageCell, metric: str, seed: int) -> list[Measurement]:
    return [row for row in cell.rows.collected if (row.metric, row.seed) == (metric, seed)]


def test_every_score_of_the_last_steps_samples(planted: PlantedInception) -> None:
    cell = cell_of()
    assert run_protocols(cell) == {}
    to_table(cell.rows.collected)
    features = inception_features(planted, cell.sample(LAST, 1, "samples", 60))
    (mean,), (spread,) = (rows_of(cell, metric, 1) for metric in ("inception_score", "inception_score_spread"))
    assert (mean.value, spread.value) == inception_score(features.logits, 3)
    assert (mean.n_samples, mean.step, mean.judge) == (60, LAST, "")
    training, held_out = (inception_features(planted, images).pool3 for images in (cell.seen, cell.data.test_images))
    for variant, real in (("training", training), ("held-out", held_out)):
        subsets = cell.options.inception.kernel_subsets
        apart = distances(features.pool3, reference_of(real, 50), subsets, inception.SUBSET_SIZE, 1, 50)
        expected = {"fid": apart.frechet, "kid": apart.kernel, "precision": apart.precision, "recall": apart.recall}
        rows = [row for row in cell.rows.collected if (row.metric_variant, row.seed) == (variant, 1)]
        assert {row.metric: row.value for row in rows} == pytest.approx(expected, abs=1e-9)
    assert {row.step for row in cell.rows.collected} == {LAST}


def test_the_modified_score_is_the_transfer_heads(planted: PlantedInception) -> None:
    cell = cell_of()
    inception.measure(cell)
    real = inception.real_under_inception(cell.data, OPTIONS, "cpu")
    assert real.head is not None and real.head.held_out == 12
    features = inception_features(planted, cell.sample(LAST, 0, "samples", 60))
    expected = modified_inception_score(real.head.logits(features.pool3[:30]))
    scores = {row.class_: row.value for row in rows_of(cell, "modified_inception_score", 0)}
    by_class = {str(label): score.modified_score for label, score in enumerate(expected.classes) if score.count}
    assert scores == pytest.approx({"all": expected.mean, **by_class})
    assert [row.value for row in rows_of(cell, "modified_inception_score_spread", 0)] == [expected.spread]
    shares = [row.value for row in rows_of(cell, "transfer_head_share", 0)]
    assert shares == [score.share for score in expected.classes] and sum(shares) == pytest.approx(1.0)
    (accuracy,) = rows_of(cell, "transfer_head_accuracy", 0)
    assert (accuracy.value, accuracy.n_samples) == (real.head.accuracy, 12)


def test_a_class_without_samples_has_a_share_of_nothing_and_no_score(planted: PlantedInception) -> None:
    cell = small_cell()
    inception.add_modified_scores(cell.rows, 0, 5, np.array([[2.0, 0.0, 1.0], [1.0, 5.0, 0.0], [3.0, 0.0, 0.0]]))
    assert {row.class_ for row in rows_of(cell, "modified_inception_score", 0)} == {"all", "0", "1"}
    assert [row.value for row in rows_of(cell, "transfer_head_share", 0)] == pytest.approx([2 / 3, 1 / 3, 0.0])
    assert all(math.isfinite(row.value) for row in cell.rows.collected)


def test_real_images_are_looked_at_once_for_many_cells(planted: PlantedInception) -> None:
    for _ in range(2):
        inception.measure(cell_of())
    assert planted.seen == 120 + 2 * 2 * 60


def test_weights_may_be_left_out_by_name_alone(planted: PlantedInception) -> None:
    cell = cell_of()
    inception.measure(replace(cell, options=ProtocolOptions(inception=replace(OPTIONS, weights="none"))))
    assert not cell.rows.collected and not planted.seen


def test_weights_that_are_missing_stop_the_cell() -> None:
    inception._read.clear()
    with pytest.raises(InputError, match="^There are no Inception weights at planted: put weights-inception"):
        inception.measure(cell_of())
