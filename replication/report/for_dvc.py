"""What `dvc metrics` and `dvc plots` show of the page, at fixed paths: counts, scores, differences and curves."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from replication.report.limited_data import PAPER
from replication.report.published_tables import Summary, Table
from replication.report.sources import Chosen, Source
from replication.report.wording import Mark, slug
from replication.verdicts.claims import Claim
from replication.verdicts.statistics.rules import Word
from replication.verdicts.verdict import Verdict

COURSES = ("energy_distance", "judge_frechet_distance", "probe_accuracy", "test_error", "parzen_log_likelihood")
LIMITED = ("judge_score", "modified_judge_score", "inception_score", "modified_inception_score")
RUN = ["model", "recipe", "variant", "dataset", "metric_variant"]
KINDS = ("value", "order", "superiority", "rate", "bound")


def metrics(summary: Summary, tables: Sequence[Table], counts: Sequence[tuple[str, Sequence[tuple[Mark, int]]]]) -> str:
    """How many of the papers' numbers are measured, words by origin, and what stands beside each number, as JSON."""
    numbers = {"in the papers": summary.total, "measured": summary.n_measured, "indicative": summary.indicative}
    words = {origin: {mark.word: n for mark, n in of_origin} for origin, of_origin in counts}
    ours = {
        slug(f"{table.anchor} {line.row} {line.column}"): line.ours
        for table in tables
        for line in table.lines
        if line.ours
    }
    numbers |= {mark.word: n for mark, n in summary.measured}
    return json.dumps({"numbers": numbers, "words": words, "ours": ours}, indent=1, ensure_ascii=False) + "\n"


def plots(chosen: Mapping[str, Chosen], sources: Sequence[Source]) -> dict[str, str]:
    """CSV files by their path: differences of claims, courses of scores, scores over the number of images."""
    return {
        "plots/forest.csv": _csv(("claim", "low", "difference", "high", "word"), _forest([*chosen.values()])),
        "plots/curves.csv": _csv(("run", "metric", "share", "median"), _curves(sources)),
        "plots/limited-data.csv": _csv(("run", "metric", "images", "mean"), _limited(sources)),
    }


def _forest(chosen: Sequence[Chosen]) -> Iterable[Sequence[object]]:
    """A claim's difference between the ends of its interval, in margins or bounds; positive is better."""
    claims: list[Claim] = [choice.claim for choice in chosen]
    for group in bars(claims, [choice.verdict for choice in chosen]).values():
        for bar in group:
            yield bar.claim, *(f"{value:.4g}" for value in (bar.low, bar.centre, bar.high)), bar.word


def _curves(sources: Sequence[Source]) -> Iterable[Sequence[object]]:
    """The median over seeds of each run's scores, over the share of the run."""
    for source in sources:
        rows = source.table.loc[source.table["metric"].isin(COURSES) & (source.table["class"] == "all")]
        medians = rows.groupby([*RUN, "metric", "step"], observed=True)["value"].median()
        for keys, course in medians.groupby(level=[*RUN, "metric"], observed=True):
            steps = course.index.get_level_values("step")
            if len(steps) > 1:
                name = f"{source.profile} {_run(keys)}"
                for step, value in zip(steps, course, strict=True):
                    yield name, keys[-1], f"{100 * step / steps.max():.4g}", f"{value:.6g}"


def _limited(sources: Sequence[Source]) -> Iterable[Sequence[object]]:
    """Mean scores at the end of training by the number of training images."""
    for source in sources:
        rows: pd.DataFrame = source.table.loc[
            source.table["metric"].isin(LIMITED) & (source.table["class"] == "all") & (source.table["paper"] == PAPER)
        ]
        last = rows.loc[rows["step"] == rows.groupby([*RUN, "split"], observed=True)["step"].transform("max")]
        for keys, value in last.groupby([*RUN, "metric", "n_train"], observed=True)["value"].mean().items():
            yield f"{source.profile} {_run(keys)}", keys[-2], keys[-1], f"{value:.6g}"


def _run(keys: Sequence[object]) -> str:
    model, recipe, variant, dataset, metric_variant = map(str, keys[:5])
    return f"{model} {recipe} ({variant}) on {dataset}" + (f", {metric_variant}" if metric_variant else "")


def _csv(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    stream = io.StringIO()
    csv.writer(stream, lineterminator="\n").writerows([header, *rows])
    return stream.getvalue()


@dataclass(frozen=True)
class Bar:
    claim: str
    centre: float
    low: float
    high: float
    word: Word


def bars(claims: Sequence[Claim], verdicts: Sequence[Verdict]) -> dict[str, list[Bar]]:
    """Bars by kind of claim, standardised by the margin (value, order) or the bound; positive is better."""
    groups: dict[str, list[Bar]] = {kind: [] for kind in KINDS}
    for claim, verdict in zip(claims, verdicts, strict=True):
        numbers = verdict.comparison
        if claim.kind not in groups or numbers is None or not math.isfinite(numbers.low + numbers.high):
            continue
        scale = {"value": claim.margin, "order": claim.margin, "bound": abs(claim.bound or 0.0)}.get(claim.kind) or 1.0
        sign = (1 if numbers.better == "higher" else -1) / scale
        ends = sorted((sign * numbers.low, sign * numbers.high))
        groups[claim.kind].append(Bar(claim.id, sign * numbers.difference, ends[0], ends[1], verdict.word))
    return {kind: members for kind, members in groups.items() if members}
