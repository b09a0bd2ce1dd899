"""Experiments without a GAN training, in small: theory on known densities, controls on real images."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from replication import experiment as stage
from replication.errors import InputError
from replication.judge import train_judge
from replication.measurements import read_table
from replication.params import load_params
from replication.prepare import prepare
from replication.strict import read_yaml

Table = Any  # a DataFrame; its stubs do not follow selections
THEORY, CONTROLS = "cpu-theory", "cpu-controls-digits"


def shrink(content: dict[str, Any]) -> None:
    content["theory"] |= {"updates": 120, "batch": 32, "fresh": 500, "learning_rate": 0.01}
    content["judges"]["digits"] |= {"channels": [4], "epochs": 1}
    cpu = content["profiles"]["cpu"]
    probe = {"costs": [1e-4], "validation_share": 0.2, "selection_draws": 1, "limited_labels": 2, "limited_draws": 3}
    experiments = {**cpu["experiments"], THEORY: {**cpu["experiments"][THEORY], "seeds": "0-2"}}
    content["run"] = {**cpu, "experiments": experiments, "probe": probe}


@pytest.fixture
def workplace(sources: Path) -> Path:
    """A folder with the sources, small budgets and prepared data, the current directory of the test."""
    content = read_yaml(sources / "params.yaml")
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
    output = stage.OUTPUTS / load_params().experiment(key).folder
    assert {file.name for file in output.iterdir()} == {"measurements.csv", "provenance.json"}
    path = output / "measurements.csv"
    return read_table(path), path.read_bytes(), json.loads((output / "provenance.json").read_text(encoding="utf-8"))


def test_theory(workplace: Path) -> None:
    table, content, provenance = measured(THEORY)
    metrics = list(zip(table["metric"], table["metric_variant"], strict=True))
    expected = {
        ("discriminator_error", "fixed-q"),
        ("discriminator_error", "fixed-q-untrained"),
        ("value_function", "p=q"),
        ("hit_rate", "p=q"),
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


def test_controls(workplace: Path) -> None:
    with pytest.raises(InputError, match="There is no judge at outputs/judge/digits"):
        stage.main([CONTROLS])
    accuracy = train_judge(load_params(), "digits")
    table, content, provenance = measured(CONTROLS)
    judged = table[table["metric"] == "judge_accuracy"]
    assert judged["value"].tolist() == [accuracy] and set(judged["model"]) == {"real"}
    probe = table[table["metric"] == "probe_accuracy"]
    assert set(probe["paper"]) == {"dcgan2015"} and set(probe["recipe"]) == {"raw-pixels"}
    assert sorted(probe["metric_variant"]) == ["all-labels", *["limited-labels"] * 3]
    assert probe["value"].max() > 0.5  # raw pixels of digits are far above chance
    assert {"judge_score", "modified_judge_score", "judge_share"} <= set(table["metric"])
    assert (provenance["updates"], provenance["diverged_seeds"]) == (0, {})
    assert measured(CONTROLS)[1] == content


def test_only_a_cell_of_the_profile_runs(workplace: Path) -> None:
    with pytest.raises(InputError, match="'theory' is no experiment of profile cpu; accepted: "):
        stage.main(["theory"])
