from __future__ import annotations

import json
import re
from contextlib import chdir
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from replication.config.params import load_params
from replication.foundation.errors import InputError
from replication.report.cells import IDENTITY
from replication.report.page import Page, read_page
from replication.report.published_tables import Line, summary, tables
from replication.report.sources import Where, choose, read_source
from replication.verdicts.benchmarks import claims_of, load_benchmarks
from replication.verdicts.claims import Evidence
from replication.verdicts.verdict import Indicative
from tests.in_small import own_benchmarks


@pytest.fixture(scope="module")
def page(reported: Path) -> Page:
    with chdir(reported):
        return read_page(load_params(), load_benchmarks())


def lines(page: Page, table: str) -> list[Line]:
    return next(each for each in page.tables if each.anchor == table).lines  # type: ignore[return-value]


def test_a_number_s_measurements_stand_beside_it_in_its_unit(reported: Path, page: Page) -> None:
    """One number is the other side of its claim."""
    table = pd.read_csv(reported / "reports/cpu/measurements.csv")
    last = table.loc[(table["recipe"] == "toy-k1") & (table["step"] == 100)]
    rows, gaps = (last.loc[last["metric"] == metric, "value"] for metric in ("hit_rate", "discriminator_gap"))
    line, *_, other = lines(page, "table-two")
    ours = [float(part) for part in line.ours.split(" ± ")]
    np.testing.assert_allclose(ours, [100 * rows.mean(), 100 * rows.std()], atol=0.05)
    assert float(other.ours.split(" ± ")[0]) == pytest.approx(100 * gaps.mean(), rel=0.01)
    assert (line.row, line.column, line.published, line.state) == ("C model", "early", "50", "measured")
    assert line.by == (f"n = {len(rows)} trainings", "float32", "A processor (2 cores)", "minutes in all")
    assert line.command == "uv run python -m replication.run cpu-k1"


def test_rows_of_an_experiment_come_from_its_block_whatever_they_are_of(reported: Path, page: Page) -> None:
    """An experiment's rows may have another model and recipe than its cell: hardware and command are of that cell."""
    claims = claims_of(load_benchmarks(reported / "benchmarks"))
    source = read_source(reported / "reports" / "cpu", claims)
    row = dict.fromkeys(IDENTITY, "own") | {"model": "control", "recipe": "mean"}
    environment = {
        "environment": {"device": "Another machine"},
        "precision": "float64",
        "clock": {"duration_s": 7200.0},
    }
    cells = {**source.cells, "cpu-k5+0-1": {**next(iter(source.cells.values())), **environment, "measures": [row]}}
    source = replace(source, provenance={**source.provenance, "cells": cells})
    claim = next(each for each in claims if each.id == lines(page, "table-two")[0].claim)
    evidence = Evidence(measured={"model": "control", "recipe": "mean"})
    chosen = choose([replace(claim, evidence=evidence)], [source], load_params(reported / "params.yaml"))[claim.id]
    assert chosen.where == Where(("Another machine",), ("float64",), 2.0)
    assert chosen.command == "uv run python -m replication.run cpu-k5"


def test_what_is_not_measured_says_why(page: Page) -> None:
    _, late, early, _ = lines(page, "table-two")
    assert late.state == early.state == "not run"
    assert late.by == ("not run: There is no MNIST here.",) and early.by == ("nobody has the data",)
    baseline = lines(page, "table-one")[0]
    assert baseline.state == "baseline" and not baseline.counts
    assert (late.obstacle, early.obstacle, late.unit, baseline.unit) == ("not run", "no data", "%", "")


def test_evidence_of_too_few_replicates_is_no_number(reported: Path) -> None:
    benchmarks = load_benchmarks(reported / "benchmarks")
    claims = claims_of(benchmarks)
    chosen = choose(claims, [read_source(reported / "reports" / "cpu", claims)], load_params(reported / "params.yaml"))
    few = Indicative("a part for the whole", "undecided", "2 of at least 3 replicates are measured.", None)
    chosen["elsewhere"] = replace(chosen["elsewhere"], indicative=((few, Where((), (), None)),))
    table = next(each for each in tables(benchmarks, chosen) if each.anchor == "table-two")
    line = next(line for line in table.lines if line.claim == "elsewhere")
    assert line.state == "not run" and line.ours == "" and "2 of at least 3" in line.by[-1]
    assert summary([table]).indicative == 0


def test_the_summary_counts_the_authors_own_numbers(page: Page) -> None:
    assert dict(page.summary.obstacles) == {"not run": 1, "no data": 1}
    assert page.summary.total == 4 and page.summary.n_measured == 2 and page.summary.references == 0
    assert sum(n for _, n in page.summary.measured) == 2
    assert [mark.word for mark, _ in page.summary.measured] == ["replicated"]


def test_the_lead_links_the_tables_of_measured_numbers_and_metrics_for_dvc_repeat_them(
    reported: Path, page: Page
) -> None:
    assert [table.anchor for table in page.tables if table.measured] == ["table-two"]
    lead = (reported / "reports/index.html").read_text("utf-8").split("full protocol")[1].split("</p>")[0]
    assert re.findall(r'href="#([\w-]+)"', lead) == ["table-two"]
    written = json.loads((reported / "reports/metrics.json").read_text(encoding="utf-8"))
    assert written["numbers"]["in the papers"] == page.summary.total
    assert written["ours"]["table-two-c-model-early"] == lines(page, "table-two")[0].ours
    forest = (reported / "reports/plots/forest.csv").read_text(encoding="utf-8")
    assert forest.startswith("claim,low,difference,high,word\n")


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("claim: elsewhere", "claim: nowhere", "claim 'nowhere' stands in no benchmark file"),
        ("value: 50, verified: true, claim: h", "value: 51, verified: true, claim: h", "says 51, claim hit-rate 50"),
        ("claim: hit-rate}", "claim: hit-rate, side: against}", "claim hit-rate compares with nothing"),
        ("trained: true, columns: {early: {value: 3", "columns: {early: {value: 3", "of the paper's own trainings"),
        ("leading: [dev-1]", "leading: [dev-2]", "leading names 'dev-2'"),
    ],
)
def test_a_wrong_link_is_refused(repository: Path, old: str, new: str, sentence: str) -> None:
    path = repository / "benchmarks/gan2014.yaml"
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(InputError, match=sentence):
        load_benchmarks()


def test_every_published_value_stands_in_a_table() -> None:
    benchmarks = own_benchmarks()
    numbers = [number for benchmark in benchmarks for *_, number in benchmark.numbers()]
    linked = {name for number in numbers for name in (number.claim, number.released)}
    values = {claim.id for claim in claims_of(benchmarks) if claim.kind == "value" and claim.origin == "published"}
    assert values and values <= linked
