"""An image cell's rows under a judge whose logits are known, and under a network in Inception's place."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from replication.config.protocols import Inception, ProtocolOptions
from replication.data.reading import PreparedImages
from replication.foundation.errors import InputError
from replication.metrics.distribution import distances, reference_of
from replication.metrics.inception import inception_score, modified_inception_score
from replication.metrics.inception_network import inception_features
from replication.models.layers.samples import as_images
from replication.scoring import inception
from replication.scoring.classifier import judged
from replication.scoring.image_cell import ImageCell
from replication.scoring.images import JUDGED, SUBSET_SIZE, SUBSETS, add_judge_scores, score_images
from replication.scoring.protocols import run_protocols
from replication.table.measurements import Measurement, to_table
from replication.training.sampling import draw_samples
from tests.scoring.conftest import PlantedInception
from tests.scoring.small import LAST, small_cell, some_data


def by_class(rows: list[Measurement], metric: str) -> dict[str, float]:
    to_table(rows)  # raises where a row is unknown or occurs twice
    return {row.class_: row.value for row in rows if row.metric == metric}


def cell_of(data: PreparedImages | None = None) -> ImageCell:
    """A cell of every second training image."""
    return replace(small_cell(seeds="1-2", data=data), chosen=np.arange(0, 60, 2))


def test_confident_and_even_classes_score_their_number() -> None:
    rows = small_cell().rows
    add_judge_scores(rows, 0, 5, 50.0 * np.eye(3)[np.arange(30) % 3], "rows-classifier", 2)
    assert by_class(rows.collected, "judge_score") == pytest.approx({"all": 3.0, "0": 1.0, "1": 1.0, "2": 1.0})
    assert by_class(rows.collected, "modified_judge_score") == pytest.approx({"all": 1.0, "0": 1.0, "1": 1.0, "2": 1.0})
    assert by_class(rows.collected, "judge_share") == pytest.approx({"0": 1 / 3, "1": 1 / 3, "2": 1 / 3})
    assert {row.judge for row in rows.collected} == {"rows-classifier"}
    counts = {(row.metric, row.class_): row.n_samples for row in rows.collected}
    assert (counts["judge_score", "1"], counts["judge_score", "all"], counts["judge_share", "1"]) == (10, 30, 30)


def test_an_empty_class_has_a_share_and_no_score() -> None:
    rows, logits = small_cell().rows, np.random.default_rng(1).uniform(size=(20, 3))
    logits[np.arange(20), np.arange(20) % 2] = 2.0  # never the third class
    add_judge_scores(rows, 0, 5, logits, "rows-classifier", 2)
    modified = by_class(rows.collected, "modified_judge_score")
    assert by_class(rows.collected, "judge_share") == {"0": 0.5, "1": 0.5, "2": 0.0}
    assert set(by_class(rows.collected, "judge_score")) == set(modified) == {"all", "0", "1"}
    assert modified["all"] == pytest.approx((modified["0"] + modified["1"]) / 2)
    assert modified["0"] > 1.0


def test_an_image_cells_rows_and_figures() -> None:
    cell = cell_of()
    figures, rows, data = score_images(cell), cell.rows.collected, cell.data
    to_table(rows)
    for seed, step in ((1, 0), (1, LAST), (2, 0), (2, LAST)):
        shares = [row for row in rows if (row.seed, row.step, row.metric) == (seed, step, "judge_share")]
        assert sum(row.value for row in shares) == pytest.approx(1.0)
        assert [row.class_ for row in shares] == ["0", "1", "2"]
    assert [row.n_samples for row in rows if row.metric == "duplicate_rate"] == [40] * 4
    generator = cell.networks(8, 0).generator
    expected = as_images(draw_samples(generator, cell.recipe, cell.recipe.noise, 1, "samples", 40)[0]).numpy()
    assert np.array_equal(figures["grid"], expected)
    for image, neighbour in zip(figures["grid"].astype(float), figures["neighbours"], strict=True):
        apart = ((cell.seen - image) ** 2).sum(axis=(1, 2, 3))
        assert ((neighbour - image) ** 2).sum() == apart.min()  # of the images trained on, not of all
    brightest = data.test_images[:, 0, :3].astype(float).sum(axis=2).argmax(axis=1)
    accuracies = [(row.step, row.value, row.n_samples) for row in rows if row.metric == "judge_accuracy"]
    assert accuracies == [(8, (brightest == data.test_labels).mean(), 60)] * 2


def test_distances_are_to_the_images_trained_on_and_to_held_out_ones() -> None:
    cell = cell_of()
    score_images(cell)
    assert cell.judge is not None
    features = judged(cell.judge, cell.sample(8, 1, "samples", 40)).features
    for variant, images in (("training", cell.seen), ("held-out", cell.data.test_images)):
        reference = reference_of(judged(cell.judge, images).features, 5000)
        expected = distances(features, reference, SUBSETS, SUBSET_SIZE, 2, 5000)
        rows = {(row.seed, row.step, row.metric): row for row in cell.rows.collected if row.metric_variant == variant}
        assert {(seed, step) for seed, step, _ in rows} == {(1, 0), (1, LAST), (2, 0), (2, LAST)}
        for field, value in vars(expected).items():
            row = rows[2, LAST, JUDGED[field]]
            assert (row.value, row.n_samples, row.judge) == (pytest.approx(value, abs=1e-9), 40, "rows-classifier")


def test_without_held_out_images_or_a_judge_there_are_fewer_rows() -> None:
    cell = cell_of(some_data(60, 0))
    score_images(cell)
    assert {row.metric_variant for row in cell.rows.collected if row.metric == "judge_recall"} == {"training"}
    assert all(math.isnan(row.value) for row in cell.rows.collected if row.metric == "judge_accuracy")
    unjudged = replace(cell_of(), judge=None, judge_name="")
    score_images(unjudged)
    metrics = {row.metric for row in unjudged.rows.collected}
    assert metrics == {"duplicate_rate", "sample_diversity", "colour_distance", "collapsed_filters"}


OPTIONS = Inception("planted", splits=3, n_samples=60, modified_samples=30, manifold_samples=50)


def inception_cell() -> ImageCell:
    cell = small_cell(ProtocolOptions(inception=OPTIONS))
    cell.rows.cell = replace(cell.rows.cell, protocols=("inception",))
    return cell


def rows_of(cell: ImageCell, metric: str, seed: int) -> list[Measurement]:
    return [row for row in cell.rows.collected if (row.metric, row.seed) == (metric, seed)]


def test_every_score_of_the_last_steps_samples(planted: PlantedInception) -> None:
    cell = inception_cell()
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
    cell = inception_cell()
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


def test_real_images_are_looked_at_once_for_many_cells_and_not_without_weights(planted: PlantedInception) -> None:
    cell = inception_cell()
    inception.measure(replace(cell, options=ProtocolOptions(inception=replace(OPTIONS, weights="none"))))
    assert not cell.rows.collected and not planted.seen
    for _ in range(2):
        inception.measure(inception_cell())
    assert planted.seen == 120 + 2 * 2 * 60


def test_weights_may_be_left_out_by_name_alone() -> None:
    inception._read.clear()
    with pytest.raises(InputError, match="^There are no Inception weights at planted: put weights-inception"):
        inception.measure(inception_cell())
