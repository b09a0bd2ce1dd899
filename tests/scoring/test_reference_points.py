"""Reference points: real images and what repeats them, where the answer is known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from replication.config.params import Cell
from replication.config.protocols import Inception, ProtocolOptions, ReferencePoints
from replication.data.reading import PreparedImages
from replication.experiments.reference_points import (
    OF_SPLITS,
    Point,
    add_score_variants,
    mixed,
    reference_points,
    score_reference_points,
)
from replication.metrics.distribution import distances, reference_of
from replication.metrics.inception import inception_score, split_scores
from replication.metrics.inception_network import inception_features
from replication.metrics.neighbours import duplicate_rate
from replication.scoring.classifier import judged
from replication.scoring.images import LIMIT, SUBSET_SIZE, SUBSETS
from replication.scoring.rows import Rows
from replication.table.measurements import Measurement, to_table
from tests.scoring.conftest import PlantedInception
from tests.scoring.small import brightness_judge, some_data

POINTS = ReferencePoints((20, 40, 1000), 80)
CHOSEN = np.arange(0, 120, 2)
CELL = Cell("background", "real", "test", "rows", "half", "paper", "0-2", experiment="reference-points")
JUDGE = brightness_judge(0.5)


@pytest.fixture(scope="module")
def data() -> PreparedImages:
    return some_data(120, 50)


@pytest.fixture(scope="module")
def measured(data: PreparedImages) -> list[Measurement]:
    rows = Rows("cpu", CELL, len(CHOSEN), {})
    options = ProtocolOptions(reference_points=POINTS)
    score_reference_points(rows, data, CHOSEN, JUDGE, "rows-classifier", options, 2)
    to_table(rows.collected)
    return rows.collected


def value(rows: list[Measurement], recipe: str, metric: str, seed: int = 0, variant: str = "") -> float:
    place = (recipe, metric, seed, variant, "all", "training")
    (only,) = (
        row.value for row in rows
        if (row.recipe, row.metric, row.seed, row.metric_variant, row.class_, row.replicate_kind) == place
    )  # fmt: skip
    return only


def points_of(data: PreparedImages) -> dict[tuple[str, int], Point]:
    return {(point.recipe, point.seed): point for point in reference_points((0, 1, 2), data, CHOSEN, POINTS)}


def test_sets_are_of_the_split_and_as_far_as_it_goes(data: PreparedImages) -> None:
    points = points_of(data)
    drawn = ("limited-20", "repeats-20", "limited-40", "repeats-40")
    assert points.keys() == {("test", 0), ("train", 0), *((recipe, seed) for recipe in drawn for seed in (0, 1, 2))}
    for (recipe, seed), point in points.items():
        if recipe.startswith("limited"):
            assert len(set(point.images)) == int(recipe[8:]) and set(point.images) <= set(CHOSEN)
        if recipe.startswith("repeats"):
            few = points[recipe.replace("repeats", "limited"), seed].images
            assert len(point.images) == 80 and set(point.images) <= set(few) == set(point.trained_on)
    assert set(points["limited-20", 0].images) != set(points["limited-20", 1].images)
    np.testing.assert_array_equal(points["train", 0].images, CHOSEN)


def test_images_in_the_order_of_their_classes_are_mixed_and_a_shuffle_keeps_the_images_of_its_set() -> None:
    images, labels = np.arange(30), np.repeat([0, 1, 2], 10)
    assert sorted(mixed(images, labels)) == images.tolist() != mixed(images, labels).tolist()
    np.testing.assert_array_equal(mixed(images, labels[::-1]), images)
    rows, logits = Rows("cpu", CELL, 4, {}), np.eye(4, 3, dtype=np.float32)
    add_score_variants(rows, "judge_score_variant", logits, np.arange(4), 1, (0, 1))
    score = score_by_hand(np.exp(logits) / np.exp(logits).sum(1, keepdims=True), 1)
    assert [row.value for row in rows.collected] == pytest.approx([score] * 5)
    assert {row.n_samples for row in rows.collected} == {4}


def test_rows_carry_the_images_that_stand_behind_a_set(measured: list[Measurement]) -> None:
    named = {(row.model, row.recipe, row.n_train) for row in measured}
    assert named == {("real", "test", 60), ("real", "train", 60), ("real", "limited-20", 20),
                     ("real", "limited-40", 40), ("memoriser", "repeats-20", 20), ("memoriser", "repeats-40", 40)
                     }  # fmt: skip
    assert {row.recipe for row in measured if row.class_ != "all"} == {"test", "train"}
    assert {row.step for row in measured} == {0} and {row.dataset for row in measured} == {"rows"}


def test_scores_are_those_of_the_judge(data: PreparedImages, measured: list[Measurement]) -> None:
    point = points_of(data)["repeats-40", 2]
    of_point, held_out = judged(JUDGE, data.train_images[point.images]), judged(JUDGE, data.test_images)
    assert value(measured, "repeats-40", "judge_score", 2) == pytest.approx(inception_score(of_point.logits, 10)[0])
    ratio = inception_score(of_point.logits[:50], 10)[0] / inception_score(held_out.logits, 10)[0]
    assert value(measured, "repeats-40", "judge_score_ratio", 2, "held-out") == pytest.approx(ratio)
    once = judged(JUDGE, data.train_images[point.trained_on]).logits
    ratio = inception_score(of_point.logits[:40], 10)[0] / inception_score(once, 10)[0]
    assert value(measured, "repeats-40", "judge_score_ratio", 2, "unrepeated") == pytest.approx(ratio)
    accuracy = float((held_out.logits.argmax(axis=1) == data.test_labels).mean())
    assert {row.value for row in measured if row.metric == "judge_accuracy"} == {accuracy}
    for variant, images in (("held-out", data.test_images), ("training", data.train_images[point.trained_on])):
        reference = reference_of(judged(JUDGE, images).features, LIMIT)
        apart = distances(of_point.features, reference, SUBSETS, SUBSET_SIZE, 2, LIMIT)
        assert value(measured, "repeats-40", "judge_frechet_distance", 2, variant) == pytest.approx(apart.frechet)
        assert value(measured, "repeats-40", "judge_recall", 2, variant) == apart.recall


def test_no_set_is_compared_with_itself(measured: list[Measurement]) -> None:
    compared = {(row.recipe[:7], row.metric_variant) for row in measured if row.metric == "judge_frechet_distance"}
    assert compared == {("test", "training"), ("train", "held-out"), ("limited", "held-out"),
                        ("repeats", "held-out"), ("repeats", "training")}  # fmt: skip


def test_repeats_show_in_duplicates_alone(data: PreparedImages, measured: list[Measurement]) -> None:
    images = data.train_images[points_of(data)["repeats-20", 1].images]
    rate = value(measured, "repeats-20", "duplicate_rate", 1)
    assert (rate, 80) == duplicate_rate(images, data.train_images)
    assert rate > 0.9 and value(measured, "limited-20", "duplicate_rate", 1) < 0.2
    assert value(measured, "repeats-20", "judge_score", 1) > 0.9 * value(measured, "test", "judge_score")


def score_by_hand(probabilities: np.ndarray, splits: int) -> float:
    """exp of the mean KL to the marginal, averaged over contiguous splits, written out from its definition."""
    scores = []
    for part in np.array_split(probabilities, splits):
        marginal = part.mean(axis=0)
        scores.append(np.exp(np.mean([(p * np.log(p / marginal)).sum() for p in part])))
    return float(np.mean(scores))


def variants_of(rows: list[Measurement], metric: str, recipe: str) -> dict[tuple[str, int], float]:
    return {(row.metric_variant, row.seed): row.value for row in rows if (row.metric, row.recipe) == (metric, recipe)}


def test_variants_of_the_judge_score_are_as_written_out(data: PreparedImages, measured: list[Measurement]) -> None:
    logits = judged(JUDGE, data.test_images).logits.astype(np.float64)
    probabilities = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    scores = variants_of(measured, "judge_score_variant", "test")
    once = {(variant, 0) for variant in ("one-split", "contiguous", "by-class", OF_SPLITS)}
    assert set(scores) == once | {("shuffled", seed) for seed in (0, 1, 2)}
    splits = [row for row in measured if (row.recipe, row.metric_variant) == ("test", OF_SPLITS)]
    assert [row.replicate for row in splits] == list(range(10)) and {row.replicate_kind for row in splits} == {"split"}
    assert np.mean([row.value for row in splits]) == pytest.approx(scores["contiguous", 0], rel=1e-9)
    by_class = np.concatenate([probabilities[data.test_labels == label] for label in range(3)])
    expected = {"one-split": (probabilities, 1), "contiguous": (probabilities, 10), "by-class": (by_class, 10)}
    for variant, (rows, splits) in expected.items():
        assert scores[variant, 0] == pytest.approx(score_by_hand(rows, splits), rel=1e-6)
    assert scores["contiguous", 0] == value(measured, "test", "judge_score")
    assert scores["by-class", 0] < scores["contiguous", 0] < scores["one-split", 0]
    shuffled = [scores["shuffled", seed] for seed in (0, 1, 2)]
    assert len({*shuffled, scores["contiguous", 0]}) == 4 and max(shuffled) < scores["one-split", 0]
    assert {row.recipe for row in measured if row.metric == "judge_score_variant"} == {"test", "train"}


def test_under_inception_the_real_split_has_a_score_a_split(data: PreparedImages, planted: PlantedInception) -> None:
    rows = Rows("cpu", replace(CELL, seeds="0", protocols=("inception",)), len(CHOSEN), {})
    options = ProtocolOptions(reference_points=ReferencePoints((20,), 60), inception=Inception("planted"))
    score_reference_points(rows, data, CHOSEN, JUDGE, "rows-classifier", options, 1)
    to_table(rows.collected)
    logits = inception_features(planted, data.train_images[CHOSEN]).logits
    drawn = [row for row in rows.collected if row.replicate_kind == "split" and not row.judge]
    assert {(row.recipe, row.metric, row.n_samples) for row in drawn} == {("train", "inception_score", 6)}
    scores = dict(enumerate(split_scores(logits, 10).tolist()))
    assert len(drawn) == 10 and {row.replicate: row.value for row in drawn} == scores
    assert value(rows.collected, "train", "inception_score") == pytest.approx(np.mean([row.value for row in drawn]))
    of_train = variants_of(rows.collected, "inception_score_variant", "train")
    assert {variant for variant, _ in of_train} == {"one-split", "contiguous", "shuffled", "by-class", "with-bias"}
    for variant, bias in (("contiguous", torch.zeros(1)), ("with-bias", planted.fc.bias.detach())):
        probabilities = torch.softmax((torch.from_numpy(logits) + bias).double(), dim=1).numpy()
        assert of_train[variant, 0] == pytest.approx(score_by_hand(probabilities, 10), rel=1e-6)
    assert of_train["contiguous", 0] == value(rows.collected, "train", "inception_score")
    metrics = {row.metric for row in rows.collected if row.recipe == "repeats-20"}
    assert metrics >= {"inception_score", "modified_inception_score", "fid", "kid", "precision", "recall",
                       "transfer_head_accuracy", "judge_score", "duplicate_rate"}  # fmt: skip
    near, far = (value(rows.collected, "repeats-20", "fid", 0, images) for images in ("training", "held-out"))
    assert near < far
