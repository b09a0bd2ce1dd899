"""Tables that set scores side by side: each run, real images and other references, two devices, classes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd

from replication.config.cell import OWN
from replication.report.cells import grouped
from replication.report.limited_data import MODIFIED, PAPER, Panel, Point, size_panels
from replication.report.wording import decimals_of, with_interval
from replication.table.definitions import METRICS
from replication.table.grids import NONE, Grid, number
from replication.table.validation import distinct, key_numbers
from replication.verdicts.statistics.intervals import welch_estimate

NAMES = ["model", "recipe", "variant", "split", "n_train"]
VARIANT = ["metric", "metric_variant"]
ARROWS = {"higher": " ↑", "lower": " ↓", "neither": ""}


# Title, which metrics stand side by side, and what a reader should know of them.
TABLES = (
    (
        "Scores of images beside their reference points",
        ("inception_score", "modified_inception_score", "fid", "kid", "precision", "recall", "transfer_head_accuracy",
         "judge_score", "modified_judge_score", "judge_frechet_distance", "judge_kernel_distance", "judge_precision",
         "judge_recall", "judge_accuracy", "duplicate_rate", "memorisation_share"),
        "Real images show what a score can reach, repeated ones what it cannot tell: a model that only repeats them "
        "scores as well, and its duplicates alone give it away.",
    ),
    (
        "L2-SVM on features, beside raw pixels, untrained networks and K-means",
        ("probe_accuracy", "probe_cost"),
        "One accuracy a seed: draws of labels are averaged within it.",
    ),
    (
        "Test errors: nearest neighbours of samples, and discriminators that learn from few labels",
        ("test_error",),
        "Label draws are averaged within a seed.",
    ),
    ("Log-likelihood under a Parzen window", ("parzen_log_likelihood", "parzen_standard_error"), ""),
)  # fmt: skip


def score_tables(table: pd.DataFrame) -> tuple[Grid, ...]:
    """Every table and data set with more than one line, or with a reader's own runs.

    Mean ± standard deviation over n seeds at the last step.
    """
    grids = []
    for title, metrics, note in TABLES:
        rows = table.loc[table["metric"].isin(metrics) & (table["class"] == "all")]
        for (dataset,), group in grouped(rows, ["dataset"]):
            grid = _grid(f"{title}, {dataset}", metrics, note, group)
            if len(grid.rows) > 1 or OWN in distinct(group, "paper"):
                grids.append(grid)
    return tuple(grids)


def _grid(title: str, metrics: Sequence[str], note: str, rows: pd.DataFrame) -> Grid:
    """Columns are metric and metric variant; judges are named in the note."""
    columns = [key for metric in metrics for key in variants_of(rows, metric)]
    cells = last_steps(rows)
    lines = []
    for run in sorted({key[:-2] for key in cells}, key=lambda run: [*map(str, run)]):
        model, recipe, variant, split, n_train = run
        values = (cells.get((*run, *column), NONE) for column in columns)
        lines.append((f"{model} {recipe} ({variant})", f"{split}, {n_train}", *values))
    judges = [judge for judge in distinct(rows, "judge") if judge]
    note = " ".join(filter(None, (note, f"Judged by: {', '.join(judges)}." if judges else "")))
    header = ("run", "trained on", *(heading(metric, variant) for metric, variant in columns))
    return Grid(title, f"Mean ± standard deviation (n seeds), last step. {note}".strip(), header, tuple(lines))


def variants_of(rows: pd.DataFrame, metric: str) -> list[tuple[str, str]]:
    """The metric with each of its variants, in order."""
    return [(metric, variant) for variant in distinct(rows.loc[rows["metric"] == metric], "metric_variant")]


def heading(metric: str, variant: str) -> str:
    """A metric in words, its variant and which side is better."""
    name = metric.replace("_", " ") + (f", {variant}" if variant else "")
    return name + ARROWS[METRICS[metric].better]


def last_steps(rows: pd.DataFrame) -> dict[tuple[str | int, ...], str]:
    """Mean ± standard deviation (n seeds) at the last step, by NAMES, metric and metric variant."""
    return {name: mean_of(values) for name, values in last_values(rows, [*NAMES, *VARIANT]).items()}


def last_values(rows: pd.DataFrame, key: Sequence[str]) -> dict[tuple[str | int, ...], np.ndarray]:
    """A value of each seed at the last step, by the columns `key`; draws within a seed are averaged."""
    if rows.empty:
        return {}
    numbers, steps = key_numbers(rows, key), rows["step"].to_numpy()
    at_end = steps == pd.Series(steps).groupby(numbers).transform("max").to_numpy()
    last, numbers = rows.loc[at_end], numbers[at_end]
    values = pd.Series(last["value"].to_numpy())
    means = pd.Series(values.groupby([numbers, last["seed"].to_numpy()]).mean())
    _, starts = np.unique(means.index.get_level_values(0), return_index=True)
    _, firsts = np.unique(numbers, return_index=True)
    names = last.iloc[firsts][[*key]].itertuples(index=False, name=None)
    return dict(zip(names, np.split(means.to_numpy(dtype=float), starts[1:]), strict=True))


def mean_of(values: np.ndarray) -> str:
    """Of one value a seed, NaN where it diverged."""
    lost = int(np.isnan(values).sum())
    finite = values[np.isfinite(values)]
    if not len(finite):
        return f"{NONE} ({lost} diverged)"
    spread = float(finite.std(ddof=1)) if len(finite) > 1 else None
    decimals = decimals_of(spread)
    text = number(float(finite.mean()), decimals) + (f" ± {number(spread, decimals)}" if decimals is not None else "")
    return f"{text} ({len(values)}{f', {lost} diverged' if lost else ''})"


def device_tables(table: pd.DataFrame) -> tuple[Grid, ...]:
    """A line for each score of a cell that rows of two devices have; no table where no cell has such rows."""
    scores = [metric for _, metrics, _ in TABLES for metric in metrics]
    chosen = table["metric"].isin(scores) & (table["class"] == "all")
    parts = (table.loc[chosen & (table["device"] == device)] for device in ("cpu", "cuda"))
    on_cpu, on_gpu = (last_values(rows, [*NAMES, "dataset", *VARIANT]) for rows in parts)
    lines = []
    for key in (key for key in on_cpu if key in on_gpu):
        (model, recipe, variant, split, _, dataset, metric, kind), cpu, gpu = map(str, key), on_cpu[key], on_gpu[key]
        name = f"{model} {recipe} ({variant}), {dataset} {split}"
        lines.append((name, heading(metric, kind), mean_of(cpu), mean_of(gpu), _difference(gpu, cpu)))
    title = "The same cells on a processor and on a GPU"
    note = (
        "Mean ± standard deviation (n seeds), last step, and GPU − processor with its 90 % Welch interval. On another "
        "device a seed draws other numbers, so its two trainings are independent."
    )
    return (Grid(title, note, ("cell", "score", "processor", "GPU", "difference"), tuple(lines)),) if lines else ()


def _difference(first: np.ndarray, second: np.ndarray) -> str:
    """Mean of one minus mean of the other and its interval; a dash where a side has a single value, or one diverged."""
    if min(len(first), len(second)) < 2 or not np.isfinite([*first, *second]).all():
        return NONE
    estimate = welch_estimate(first, second)
    return with_interval(float(estimate.difference), *map(float, estimate.interval()))


def class_tables(table: pd.DataFrame) -> tuple[Grid, ...]:
    """For each data set the modified score of every class by the number of images: mean [90 % interval] over seeds."""
    grids = []
    for (dataset,), rows in grouped(table.loc[table["paper"] == PAPER], ["dataset"]):
        panels = size_panels(rows)
        modified = next((panel.metric for panel in panels if panel.metric in MODIFIED), "")
        curves = [panel for panel in panels if panel.metric == modified]
        if len(curves) > 1:
            header = ("images", "model", *("mean" if p.class_ == "all" else f"class {p.class_}" for p in curves))
            title = (
                f"{modified.replace('_', ' ').capitalize()} of each class by the number of training images, {dataset}"
            )
            note = (
                f"Mean [90 % t-interval] (n seeds) after {curves[0].step} updates; a class that has no samples has no "
                "score, a run that diverged the worst one."
            )
            grids.append(Grid(title, note, header, tuple(_class_rows(curves))))
    return tuple(grids)


def _class_rows(panels: list[Panel]) -> Iterable[tuple[str, ...]]:
    """A line for each number of images and model that the first panel has, a cell for each panel."""
    points = [{(point.at, line.name): point for line in panel.lines for point in line.points} for panel in panels]
    for at, name in sorted(points[0], key=lambda place: place[0]):
        yield (str(at), name, *(_mean_and_interval(of_panel.get((at, name))) for of_panel in points))


def _mean_and_interval(point: Point | None) -> str:
    if point is None:
        return NONE
    low, high = point.interval
    text = with_interval(point.mean, low, high) if np.isfinite(high - low) else number(point.mean, 2)
    return f"{text} ({len(point.values)})"
