"""Scores over the number of training images and over the run, and of toy runs over the latent dimension (DeLiGAN).

Pure: from rows of the table of measurements to panels, which `limited_figures` draws.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from replication.report.cells import grouped
from replication.table.definitions import METRICS
from replication.table.validation import distinct
from replication.verdicts.statistics.intervals import mean_estimate
from replication.verdicts.statistics.shares import share_interval

PAPER = "deligan2017"
HALF = "-half"  # of recipes that only stand on the curve over the number of images
MODELS = {  # recipe, without HALF → what the figures call it
    "cifar10": "DeLiGAN",
    "digits": "DeLiGAN",
    "cifar10-gan": "GAN",
    "digits-gan": "GAN",
    "cifar10-gan-plus-plus": "GAN++",
    "cifar10-moe-gan": "MoE-GAN",
    "cifar10-gan-deeper": "GAN, one more layer",
}
NAMES = tuple(dict.fromkeys(MODELS.values()))
MODIFIED = ("modified_inception_score", "modified_judge_score")
OVERALL = (*MODIFIED, "inception_score", "judge_score", "duplicate_rate")
PRIORS = ("mixture", "uniform", "normal")
TOY_SWEEP = re.compile(rf"toy-({'|'.join(PRIORS)})-(\d+)")
TWO_DIMENSIONS = {"toy": "mixture-2", "toy-gan": "uniform-2"}
TOY_METRICS = ("energy_distance", "success", "modes_covered", "in_mode_share")


@dataclass(frozen=True)
class Point:
    """Values [runs] at one place of the axis; a run that diverged has the metric's worst value, or NaN without one."""

    at: int
    values: np.ndarray
    counted: bool = False  # 0/1: their mean is a share

    @property
    def mean(self) -> float:
        finite = self.values[np.isfinite(self.values)]
        return float(finite.mean()) if len(finite) else float("nan")

    @property
    def interval(self) -> tuple[float, float]:
        """90 %: exact of a share, else Student's t; NaN where fewer than two values are left."""
        finite = self.values[np.isfinite(self.values)]
        if self.counted and len(finite):
            return share_interval(int(round(finite.sum())), len(finite))
        if len(finite) < 2:
            return float("nan"), float("nan")
        low, high = mean_estimate(finite).interval()
        return float(low), float(high)


@dataclass(frozen=True)
class Line:
    name: str
    points: tuple[Point, ...]


@dataclass(frozen=True)
class Panel:
    """Lines of one metric, read at `step`; `class_` is "all" or one class."""

    metric: str
    class_: str
    step: int
    lines: tuple[Line, ...]

    @property
    def places(self) -> list[int]:
        """Where a line has a point, in order."""
        return sorted({point.at for line in self.lines for point in line.points})


def without_sweeps(table: pd.DataFrame) -> pd.DataFrame:
    """A table less the runs that only stand in these figures: a recipe keeps the split it is measured on most."""
    drop = np.zeros(len(table), bool)
    of_paper = (table["paper"] == PAPER).to_numpy()
    for recipe in distinct(table.loc[of_paper], "recipe"):
        here = of_paper & (table["recipe"] == recipe).to_numpy()
        if TOY_SWEEP.fullmatch(recipe) or recipe.endswith(HALF):
            drop |= here
        elif recipe in MODELS:
            for (dataset,), rows in grouped(table.loc[here], ["dataset"]):
                counts = rows["split"].value_counts()
                main = min(counts.index, key=lambda split: (-counts[split], split))
                drop |= here & ((table["dataset"] == dataset) & (table["split"] != main)).to_numpy()
    return table.loc[~drop]


def size_panels(rows: pd.DataFrame) -> list[Panel]:
    """Panels of one data set over the number of images: metrics over all classes, then the modified score of each."""
    named = _named(rows)
    panels = [_panel(named, metric, "all", "n_train") for metric in OVERALL]
    curves = [panel for panel in panels if _is_curve(panel)]
    modified = next((panel.metric for panel in curves if panel.metric in MODIFIED), "")
    labels = set(distinct(named.loc[named["metric"] == modified], "class")) - {"all"}
    classes = sorted(labels, key=lambda label: (int(label), "") if label.isdigit() else (10**9, label))
    return curves + [panel for label in classes if _is_curve(panel := _panel(named, modified, label, "n_train"))]


def course_panels(rows: pd.DataFrame) -> dict[int, Panel]:
    """The modified score over the updates by number of images; {} where only one number was trained on."""
    named = _named(rows)
    measured = set(named["metric"].tolist())
    modified = next((metric for metric in MODIFIED[::-1] if metric in measured), "")
    scores = _plain(named, modified, "all")
    sizes = sorted({int(n) for n in scores["n_train"].tolist()})
    panels = {}
    for size in sizes if len(sizes) > 1 else []:
        blocks = _main_blocks(scores.loc[scores["n_train"] == size])
        lines = [Line(name, tuple(_points(blocks[name], "step", modified))) for name in NAMES if name in blocks]
        panels[size] = Panel(modified, "all", 0, tuple(lines))
    return panels


def toy_panels(rows: pd.DataFrame) -> list[Panel]:
    """Of one toy data set: scores of samples drawn as trained, over the latent dimension, a line a prior."""
    arms = [TOY_SWEEP.fullmatch(f"toy-{TWO_DIMENSIONS.get(recipe, recipe[4:])}") for recipe in rows["recipe"]]
    keep = np.array([bool(arm) for arm in arms], bool) & (rows["variant"] == "code").to_numpy()
    if not any(TOY_SWEEP.fullmatch(recipe) for recipe in set(rows.loc[keep, "recipe"].tolist())):
        return []
    names = [arm[1] if arm else "" for arm in arms]
    sizes = [int(arm[2]) if arm else 0 for arm in arms]
    named = rows.assign(name=names, latent_dim=sizes).loc[keep]
    named = named.loc[named["metric_variant"] == "training-noise"].assign(metric_variant="")
    return [panel for metric in TOY_METRICS if (panel := _panel(named, metric, "all", "latent_dim", PRIORS)).lines]


def _named(rows: pd.DataFrame) -> pd.DataFrame:
    """Rows of the recipes that the curves know, with the model's name."""
    known = [recipe for recipe in distinct(rows, "recipe") if recipe.removesuffix(HALF) in MODELS]
    chosen = rows.loc[rows["recipe"].isin(known) & (rows["paper"] == PAPER)]
    return chosen.assign(name=chosen["recipe"].map(lambda recipe: MODELS.get(recipe.removesuffix(HALF), "")))


def _plain(named: pd.DataFrame, metric: str, class_: str) -> pd.DataFrame:
    same = (named["metric"] == metric) & (named["class"] == class_) & (named["metric_variant"] == "")
    return named.loc[same]


def _panel(named: pd.DataFrame, metric: str, class_: str, axis: str, names: tuple[str, ...] = NAMES) -> Panel:
    scores = _at_common_step(_plain(named, metric, class_))
    if scores.empty:
        return Panel(metric, class_, 0, ())
    parts: dict[str, list[Point]] = {}
    for place in sorted(set(scores[axis].tolist())):
        for name, block in _main_blocks(scores.loc[scores[axis] == place]).items():
            parts.setdefault(name, []).extend(_points(block, axis, metric))
    lines = tuple(Line(name, tuple(parts[name])) for name in names if name in parts)
    return Panel(metric, class_, int(scores["step"].iloc[0]), lines)


def _is_curve(panel: Panel) -> bool:
    return any(len(line.points) > 1 for line in panel.lines)


def _at_common_step(rows: pd.DataFrame) -> pd.DataFrame:
    """Rows at the last step that was measured of every block of runs: longer runs are read where shorter ones end."""
    steps = [set(block["step"].tolist()) for _, block in grouped(rows, ["recipe", "variant", "split"])]
    common = set.intersection(*steps) if steps else set()
    return rows.loc[rows["step"] == max(common)] if common else rows.iloc[:0]


def _main_blocks(rows: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """For each model the runs of the recipe and split with the most seeds."""
    main = {}
    for (name,), group in grouped(rows, ["name"]):
        blocks = grouped(group, ["recipe", "variant", "split"])
        main[name] = min(blocks, key=lambda block: (-block[1]["seed"].nunique(), block[0]))[1]
    return main


def _points(rows: pd.DataFrame, axis: str, metric: str) -> Iterable[Point]:
    """At each place one value a seed, in order, draws within it averaged."""
    definition = METRICS[metric]
    for place in sorted(set(rows[axis].tolist())):
        here = rows.loc[rows[axis] == place]
        seeds, values = here["seed"].to_numpy(), here["value"].to_numpy(dtype=float)
        means = np.array([values[seeds == seed].mean() for seed in sorted(set(seeds.tolist()))])
        worst = np.nan if definition.worst is None else definition.worst
        yield Point(int(place), np.where(np.isfinite(means), means, worst), definition.unit == "0/1")
