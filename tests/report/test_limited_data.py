"""Panels of figures hold the rows that they should, and no others; figures say how many runs there are."""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.stats import t as student

from replication.config.params import Cell
from replication.report.cells import ScoredCell
from replication.report.limited_data import Point, course_panels, size_panels, toy_panels, without_sweeps
from replication.report.limited_figures import draw_limited
from replication.report.samples import on_first_splits
from replication.report.score_tables import class_tables
from replication.report.sweep_figures import area_classes, area_sweeps, draw_sweeps, learning_panels, width_panels
from replication.table.measurements import Measurement, to_table
from replication.verdicts.statistics.shares import share_interval

ROW = Measurement("cpu", "deligan2017", "deligan", "digits", "paper", "digits", "last50", 500, 0, 0, "judge_score", 1.0,
                  90)  # fmt: skip
TOY = replace(ROW, recipe="toy", variant="code", dataset="toy-bimodal", split="full", n_train=400,
              metric="energy_distance", metric_variant="training-noise")  # fmt: skip
# recipe → split, images, last step: the runs on 500 are longer, and read where the others end
BLOCKS = (
    ("digits", "last50", 500, 600, 4),
    ("digits-half", "last25", 250, 300, 3),
    ("digits-half", "full", 1297, 300, 3),
    ("digits-half", "draw-b", 250, 300, 1),
    ("digits-gan", "last50", 500, 600, 4),
    ("digits-gan-half", "full", 1297, 300, 3),
)


def value_of(recipe: str, split: str, seed: int, step: int) -> float:
    return 2.0 + 0.1 * ("gan" in recipe) + 0.01 * len(split) + 0.2 * seed + step / 1000


def image_rows() -> list[Measurement]:
    rows = []
    for recipe, split, size, last, seeds in BLOCKS:
        for seed, step in ((s, k) for s in range(seeds) for k in (0, 300, 600) if k <= last):
            row = replace(ROW, recipe=recipe, split=split, n_train=size, seed=seed, step=step)
            value = value_of(recipe, split, seed, step)
            rows += [replace(row, metric=m, value=value) for m in ("modified_judge_score", "judge_score")]
            rows += [replace(row, metric="modified_judge_score", class_=c, value=value + 1) for c in ("9", "10")]
    return [*rows, replace(ROW, recipe="other", metric="modified_judge_score")]


def toy_rows() -> list[Measurement]:
    rows = []
    for recipe, seeds, last in (
        ("toy", 3, 320),
        ("toy-mixture-4", 2, 80),
        ("toy-normal-2", 2, 80),
        ("toy-gan", 3, 320),
    ):
        for seed, step in ((s, k) for s in range(seeds) for k in (0, 80, 320) if k <= last):
            row = replace(TOY, recipe=recipe, seed=seed, step=step, value=step + seed / 10)
            rows += [row, replace(row, metric_variant="display-noise", value=-1.0)]
            rows += [replace(row, metric="success", value=float(seed > 0))]
    return [*rows, replace(TOY, variant="paper", step=80), replace(TOY, recipe="toy-unregularised", step=80)]


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    return to_table([*image_rows(), *toy_rows()])


@pytest.fixture(scope="module")
def digits(table: pd.DataFrame) -> pd.DataFrame:
    return table.loc[table["dataset"] == "digits"]


def test_a_point_is_every_seed_of_the_most_measured_split_at_the_common_step(digits: pd.DataFrame) -> None:
    panels = size_panels(digits)
    expected = [("modified_judge_score", "all"), ("judge_score", "all")]
    expected += [("modified_judge_score", "9"), ("modified_judge_score", "10")]
    assert [(panel.metric, panel.class_) for panel in panels] == expected
    assert {panel.step for panel in panels} == {300}
    deligan, gan = panels[0].lines
    assert (deligan.name, [point.at for point in deligan.points]) == ("DeLiGAN", [250, 500, 1297])
    assert (gan.name, [point.at for point in gan.points]) == ("GAN", [500, 1297])
    assert deligan.points[0].values == pytest.approx([value_of("digits", "last25", s, 300) for s in range(3)])
    assert deligan.points[1].values == pytest.approx([value_of("digits", "last50", s, 300) for s in range(4)])
    assert panels[2].lines[1].points[1].values == pytest.approx([value_of("gan", "full", s, 300) + 1 for s in range(3)])


def test_intervals_are_students_or_exact_where_runs_are_counted() -> None:
    values = np.array([1.0, 1.5, 2.5, 4.0])
    half = student.ppf(0.95, 3) * values.std(ddof=1) / 2
    assert Point(1, values).interval == pytest.approx((2.25 - half, 2.25 + half))
    assert Point(1, np.array([1.0, 1.0, 0.0]), counted=True).interval == share_interval(2, 3)
    assert np.isnan(Point(1, np.array([3.0])).interval).all() and Point(1, np.array([3.0])).mean == 3.0
    assert np.isnan(Point(1, np.array([np.nan])).mean)


def test_a_diverged_run_counts_with_the_worst_value_and_one_number_of_images_is_no_curve(digits: pd.DataFrame) -> None:
    lost = (digits["seed"] == 2) & (digits["split"] == "full")
    panels = size_panels(digits.assign(value=digits["value"].where(~lost)))
    assert panels[0].lines[0].points[2].values[2] == 1.0  # of a modified score
    assert panels[0].lines[0].points[2].values[:2] == pytest.approx([value_of("", "full", s, 300) for s in (0, 1)])
    alone = digits.loc[digits["n_train"] == 500]
    assert size_panels(alone) == [] and course_panels(alone) == {} and class_tables(alone) == ()


def test_courses_hold_every_step_of_each_number_of_images(digits: pd.DataFrame) -> None:
    courses = course_panels(digits)
    assert list(courses) == [250, 500, 1297]
    deligan, gan = courses[500].lines
    assert (deligan.name, gan.name) == ("DeLiGAN", "GAN")
    assert [point.at for point in deligan.points] == [0, 300, 600]
    assert gan.points[2].values == pytest.approx([value_of("gan", "last50", s, 600) for s in range(4)])
    assert [line.name for line in courses[250].lines] == ["DeLiGAN"]


def test_toy_arms_are_read_at_the_shorter_runs_end_and_sampled_as_trained(table: pd.DataFrame) -> None:
    toy = table.loc[table["dataset"] == "toy-bimodal"]
    distance, success = toy_panels(toy)
    assert (distance.metric, success.metric, distance.step) == ("energy_distance", "success", 80)
    arms = {line.name: {point.at: point.values.tolist() for point in line.points} for line in distance.lines}
    three, two = pytest.approx([80.0, 80.1, 80.2]), pytest.approx([80.0, 80.1])
    assert arms == {"mixture": {2: three, 4: two}, "uniform": {2: three}, "normal": {2: two}}
    assert success.lines[0].points[0].counted and success.lines[0].points[0].mean == pytest.approx(2 / 3)
    assert toy_panels(toy.loc[~toy["recipe"].isin(["toy-mixture-4", "toy-normal-2"])]) == []


def test_other_figures_leave_the_sweeps_out(table: pd.DataFrame) -> None:
    others = without_sweeps(table)
    assert set(zip(others["recipe"], others["split"], strict=True)) == {
        ("digits", "last50"), ("digits-gan", "last50"), ("other", "last50"), ("toy", "full"), ("toy-gan", "full"),
        ("toy-unregularised", "full"),
    }  # fmt: skip
    whole = table.loc[table["recipe"] == "digits"]
    fewer = whole.loc[whole["seed"] < 2].assign(split="another", n_train=9)
    both = pd.concat([whole, fewer, fewer.assign(dataset="elsewhere")], ignore_index=True)
    assert set(zip(without_sweeps(both)["dataset"], without_sweeps(both)["split"], strict=True)) == {
        ("digits", "last50"), ("elsewhere", "another")}  # fmt: skip
    other = table.assign(paper="gan2014")
    assert len(without_sweeps(other)) == len(other)


def test_a_table_has_a_line_for_each_number_of_images_and_model(table: pd.DataFrame) -> None:
    (grid,) = class_tables(table)
    assert grid.header == ("images", "model", "mean", "class 9", "class 10")
    assert [row[:2] for row in grid.rows] == [
        ("250", "DeLiGAN"), ("500", "DeLiGAN"), ("500", "GAN"), ("1297", "DeLiGAN"), ("1297", "GAN")]  # fmt: skip
    values = np.array([value_of("", "last25", s, 300) for s in range(3)])
    half = student.ppf(0.95, 2) * values.std(ddof=1) / np.sqrt(3)
    low, high = values.mean() - half, values.mean() + half
    assert grid.rows[0][2] == f"{values.mean():.2f} [{low:.2f}, {high:.2f}] (3)"
    assert "after 300 updates" in grid.note and grid.title.endswith("training images, digits")


@pytest.mark.slow
def test_figures_say_what_they_show(table: pd.DataFrame, tmp_path: Path) -> None:
    drawn = list(draw_limited(table, tmp_path))
    names = ["limited-data-digits", "limited-course-digits", "latent-sweep-toy-bimodal"]
    assert [figure.name for figure in drawn] == names
    assert "after 300 updates" in drawn[0].title and "a dot is a seed (2 or 3 an arm)" in drawn[2].title
    assert all((tmp_path / f"{figure.name}.{kind}").is_file() for figure in drawn for kind in ("png", "svg"))


def test_samples_are_shown_of_a_recipes_first_split() -> None:
    def cell(key: str, **other: str) -> ScoredCell:
        names = {"recipe": "cifar10", "dataset": "cifar10", "split": "random2000", "variant": "code", "seeds": "0-4"}
        trained = Cell("deligan2017", "deligan", key=key, **{**names, **other})  # pyright: ignore[reportArgumentType]
        return ScoredCell(trained, pd.DataFrame(), {}, {}, Path(), False)

    cells = [
        cell("main"), cell("more", seeds="5-9"), cell("few", split="random250"), cell("gan", recipe="cifar10-gan"),
        cell("other", dataset="cifar10-jpeg", split="full"), cell("paper", variant="paper", split="full"),
    ]  # fmt: skip
    assert [scored.cell.key for scored in on_first_splits(cells)] == ["main", "more", "gan", "other", "paper"]


BACKGROUND = Measurement("cpu", "background", "pca", "latent-2", "paper", "digits", "full", 100, 0, 0, "auc", 0.5, 50)


@pytest.fixture(scope="module")
def background() -> pd.DataFrame:
    rows = []
    classifiers = ("naive-bayes", "logistic-regression")
    for dataset, model, size, split in product(("iris", "wine"), classifiers, (4, 32), (0, 1, 2)):
        curve = replace(BACKGROUND, model=model, recipe="ng-jordan", dataset=dataset, n_train=size, metric="accuracy")
        rows.append(replace(curve, value=0.5 + size / 100 + split / 50, replicate=split, replicate_kind="split"))
    crossing = {"model": "logistic-regression", "recipe": "ng-jordan", "dataset": "wine", "n_train": 32}
    rows.append(replace(BACKGROUND, **crossing, metric="crossing_size", value=32.0, replicate_kind="dataset"))
    sizes = (("few", 20), ("full", 100))
    for (split, count), model, width, seed in product(sizes, ("autoencoder", "pca"), (16, 2), (0, 1)):
        value = 0.0 if (model, width) == ("pca", 16) else 1 / width + seed / 100
        error = replace(BACKGROUND, model=model, recipe=f"latent-{width}", split=split, n_train=count, seed=seed)
        error = replace(error, metric="reconstruction_error", value=value)
        rows += [replace(error, metric_variant=images) for images in ("held-out", "training")]
    for name, seed in product(("10", "2", "all"), (0, 1)):
        rows.append(replace(BACKGROUND, class_=name, seed=seed, value=0.6 + seed / 10, metric_variant="latent-density"))
    return to_table(rows)


def test_learning_curves_are_by_split_and_marked_where_they_cross(background: pd.DataFrame) -> None:
    (iris, wine) = learning_panels(background)["ng-jordan"]
    assert (iris.title, iris.mark, wine.title, wine.mark) == ("iris", None, "wine", 32.0)
    curve = wine.sweeps[0]
    assert curve.names == ("logistic-regression",) and curve.positions.tolist() == [4, 32]
    assert curve.values == pytest.approx(np.array([[0.54, 0.82], [0.56, 0.84], [0.58, 0.86]]))


def test_widths_are_numbers_and_the_largest_training_set_comes_first(background: pd.DataFrame) -> None:
    full, few = width_panels(background)
    assert (full.title, few.title) == ("digits, 100 training images", "digits, 20 training images")
    assert [sweep.names for sweep in full.sweeps[:2]] == [("autoencoder", "held-out"), ("autoencoder", "training")]
    assert full.sweeps[0].positions.tolist() == [2, 16]
    assert full.sweeps[0].values == pytest.approx(np.array([[0.5, 0.0625], [0.51, 0.0725]]))


def test_areas_end_with_the_mean_over_the_classes(background: pd.DataFrame) -> None:
    classes = area_classes(background)
    assert classes == ["10", "2", "all"]
    (sweep,) = area_sweeps(background, classes)
    assert sweep.positions.tolist() == [0, 1, 2] and sweep.values.tolist() == [[0.6] * 3, [0.7] * 3]


@pytest.mark.slow
def test_figures_say_how_many_runs(background: pd.DataFrame, tmp_path: Path) -> None:
    drawn = list(draw_sweeps(background, tmp_path))
    counts = {"learning-curves": "n = 3 random splits", "latent-dimension": "n = 2 seeds", "outliers": "n = 2 seeds"}
    assert [figure.name for figure in drawn] == list(counts)
    assert all(counts[figure.name] in figure.title for figure in drawn)
    assert all((tmp_path / f"{figure.name}.{kind}").is_file() for figure in drawn for kind in ("png", "svg"))
