"""Experiments without a GAN training, in small: theory on known densities, controls on real images."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from replication import experiment as stage
from replication.config.expansion import read_params
from replication.config.params import load_params
from replication.foundation.errors import InputError
from replication.foundation.places import SCORED
from replication.judge import train_judge
from replication.prepare import prepare
from replication.table.measurements import read_table
from tests.in_small import params_written

Table = Any  # a DataFrame; its stubs do not follow selections
THEORY, POINTS = "cpu-theory", "cpu-reference-points-digits"


def shrink(content: dict[str, Any]) -> None:
    content["theory"] |= {"updates": 120, "batch": 32, "fresh": 500, "learning_rate": 0.01}
    content["judges"]["digits"] |= {"channels": [4], "epochs": 1}
    cpu = content["profiles"]["cpu"]
    probe = {"costs": [1e-4], "validation_share": 0.2, "selection_draws": 1, "limited_labels": [2], "limited_draws": 3}
    kept = {key: cell for key, cell in cpu["experiments"].items() if cell["experiment"] != "feature-controls"}
    experiments = {**kept, THEORY: {**cpu["experiments"][THEORY], "seeds": "0-2"}}
    points = {**cpu["experiments"][POINTS], "experiment": "reference-points", "seeds": "0-1"}
    protocols = {"reference_points": {"limited": [100], "samples": 120}}
    content["run"] = {**cpu, "experiments": {**experiments, POINTS: points}, "probe": probe, "protocols": protocols}


@pytest.fixture
def workplace(sources: Path) -> Path:
    """A folder with the sources, small budgets and prepared data, the current directory of the test."""
    content = params_written()
    shrink(content)
    content["run"] |= {"cells": {}, "models": []}
    recipes = {"gan": {"toy-k1": content["recipes"]["gan"]["toy-k1"]}}
    content |= {"recipes": recipes, "profiles": {"cpu": content["run"]}}  # the fewer lines, the sooner they are read
    (sources / "params.yaml").write_text(json.dumps(content), encoding="utf-8")
    for name in ("toy-bimodal", "digits"):
        prepare(load_params().datasets[name], stage.DATA / name)
    return sources


def measured(key: str) -> tuple[Table, bytes, dict[str, Any]]:
    """Run an experiment; its table, the table's bytes, its provenance."""
    stage.main([key])
    output = SCORED / load_params().experiment(key).folder
    assert {file.name for file in output.iterdir()} == {"measurements.csv", "provenance.json"}
    path = output / "measurements.csv"
    return read_table(path), path.read_bytes(), json.loads((output / "provenance.json").read_text(encoding="utf-8"))


def test_theory(workplace: Path) -> None:
    table, content, provenance = measured(THEORY)
    metrics = list(zip(table["metric"], table["metric_variant"], strict=True))
    expected = {
        ("discriminator_error", "fixed-q"),
        ("discriminator_error", "fixed-q-untrained"),
        *((metric, case) for metric in ("value_function", "hit_rate") for case in ("p=q", "fixed-q")),
        *((metric, "") for metric in ("value_shortfall", "hit_rate_error", "gradient_log_ratio")),
        ("gradient_norm", "saturating"),
        ("gradient_norm", "non-saturating"),
    }
    assert set(metrics) == expected and all(metrics.count(one) == 3 for one in expected)
    mean = table.groupby(["metric", "metric_variant"])["value"].mean()
    assert mean["discriminator_error", "fixed-q"] < 0.5 * mean["discriminator_error", "fixed-q-untrained"]
    assert mean["value_function", "p=q"] == pytest.approx(-1.386, abs=0.15)
    assert mean["hit_rate", "p=q"] == pytest.approx(0.5, abs=0.05)
    assert set(table["step"]) == {120}
    assert (provenance["updates"], provenance["seeds"], provenance["cell"]) == (120, "0-2", THEORY)
    assert measured(THEORY)[1] == content


@pytest.mark.integration
def test_reference_points(workplace: Path) -> None:
    with pytest.raises(InputError, match="outputs/judge/digits"):
        stage.main([POINTS])
    accuracy = train_judge(load_params(), "digits")
    table, content, provenance = measured(POINTS)
    lines = table.groupby(["model", "recipe", "n_train"])["seed"].nunique().to_dict()
    expected = {("real", "test", 1297): 2, ("real", "train", 1297): 2, ("real", "limited-100", 100): 2}
    assert lines == {**expected, ("memoriser", "repeats-100", 100): 2}
    assert set(table.loc[table["metric"] == "judge_accuracy", "value"]) == {accuracy}
    assert {"judge_frechet_distance", "judge_score_ratio", "duplicate_rate"} <= set(table["metric"])
    assert provenance["updates"] == 0
    assert measured(POINTS)[1] == content


@pytest.mark.integration
def test_real_neighbours(workplace: Path) -> None:
    content = read_params(workplace / "params.yaml")
    other = {"experiment": "real-neighbours", "recipe": "train", "split": "last50", "seeds": "0-2"}
    content["run"]["experiments"] = {"cpu-real": {**content["run"]["experiments"][POINTS], **other}}
    content["run"]["real_neighbours"] = {"window": 100, "per_class": [10, 100]}
    (workplace / "params.yaml").write_text(json.dumps(content), encoding="utf-8")
    table, once, provenance = measured("cpu-real")
    rows = table[table["metric"] == "test_error"].groupby("metric_variant")["value"]
    assert rows.count().to_dict() == {"1-nn-500": 3, "100-labels": 3}  # no class has 100 of the 50
    assert rows.mean()["1-nn-500"] < rows.mean()["100-labels"] < 0.4
    window = table[(table["metric"] == "parzen_log_likelihood") & (table["metric_variant"] == "")]
    assert set(window["paper"]) == {"gan2014"} and window["value"].nunique() == 3
    assert set(table["n_train"]) == {500} and provenance["updates"] == 0
    assert measured("cpu-real")[1] == once


def test_only_a_cell_of_the_profile_runs(workplace: Path) -> None:
    with pytest.raises(InputError, match="'theory'"):
        stage.main(["theory"])
