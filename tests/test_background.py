"""The background's experiments as stages, in small: what they write, that it repeats, and that the report takes it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from replication import experiment as stage
from replication.config.params import Params, load_params
from replication.foundation.errors import InputError
from replication.foundation.places import SCORED
from replication.prepare import prepare
from replication.report.cells import read_cell
from replication.table.measurements import read_table
from tests.in_small import params_written

Table = Any  # a DataFrame; its stubs do not follow selections


@pytest.fixture
def params(sources: Path) -> Params:
    """Small budgets in a folder with the sources and prepared digits, the current directory of the test."""
    content = params_written()
    options = content["background"]
    options["generative_discriminative"] |= {"datasets": ["iris", "wine"], "splits": 2, "sizes": 2}
    options["latent_dimension"] |= {"widths": [2, 48]}
    for name in ("latent_dimension", "outliers"):
        options[name]["autoencoder"] = {"hidden": 8, "updates": 10, "batch": 16, "learning_rate": 0.01}
    kept = {name: {} for name in ("cells", "experiments")} | {"models": []}
    experiments = {k: v for k, v in content["profiles"]["cpu"]["experiments"].items() if v["paper"] == "background"}
    for cell in experiments.values():
        cell["seeds"] = "0-1" if cell["dataset"] == "digits" else "0"
    content["run"] = {**content["profiles"]["cpu"], **kept, "experiments": experiments}
    recipes = {"gan": {"toy-k1": content["recipes"]["gan"]["toy-k1"]}}  # which the theory names
    content |= {"recipes": recipes, "profiles": {"cpu": content["run"]}}
    (sources / "params.yaml").write_text(json.dumps(content), encoding="utf-8")
    loaded = load_params()
    prepare(loaded.datasets["digits"], stage.DATA / "digits")
    return loaded


def measured(params: Params, key: str, times: int = 2) -> tuple[Table, dict[str, Any]]:
    """Run an experiment, each time to the same bytes; its table and its provenance, as the report reads them."""
    cell = params.experiment(key)
    output = SCORED / cell.folder
    contents = set()
    for _ in range(times):
        stage.run_experiment(params, cell)
        contents.add((output / "measurements.csv").read_bytes())
    assert len(contents) == 1
    scored = read_cell(output, cell, "cpu", recorded=False)
    assert scored.provenance["diverged_seeds"] == {}
    return read_table(output / "measurements.csv"), scored.provenance


@pytest.mark.integration
def test_each_writes_rows_that_the_report_reads(params: Params) -> None:
    table, provenance = measured(params, "cpu-generative-discriminative")
    assert set(table["dataset"]) == {"iris", "wine"} and set(table["model"]) == {"naive-bayes", "logistic-regression"}
    assert provenance["updates"] == 0 and provenance["dataset"] == "bundled"
    table, provenance = measured(params, "cpu-latent-dimension")
    assert set(table["recipe"]) == {"latent-2", "latent-48"} and set(table["n_train"]) == {1297}
    errors = table.loc[(table["model"] == "pca") & (table["metric"] == "reconstruction_error")]
    by_width = errors.groupby("recipe")["value"].max()
    assert by_width["latent-48"] < 0.01 * by_width["latent-2"] and provenance["updates"] == 10
    few, other = measured(params, "cpu-latent-dimension-few", 1)
    assert set(few["n_train"]) == {500} and other["params_sha256"] != provenance["params_sha256"]
    table, provenance = measured(params, "cpu-outliers", 1)
    assert set(table["class"]) == {*"0123456789", "all"} and set(table["recipe"]) == {"latent-8"}
    assert ((table["value"] >= 0) & (table["value"] <= 1)).all()


def test_an_unknown_data_set_stops_the_run(params: Params, sources: Path) -> None:
    content = json.loads((sources / "params.yaml").read_text("utf-8"))
    content["background"]["generative_discriminative"]["datasets"] = ["boston"]
    (sources / "params.yaml").write_text(json.dumps(content), encoding="utf-8")
    with pytest.raises(InputError, match="'boston'"):
        stage.main(["cpu-generative-discriminative"])
