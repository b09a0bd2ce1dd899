"""Experiments without a GAN training, in small: theory on known densities, controls on real images, the background."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from replication import experiment as stage
from replication import prepare
from replication.config.params import load_params
from replication.foundation.errors import InputError
from replication.foundation.places import SCORED
from replication.judge import train_judge
from replication.record import pack_blocks, take_in
from replication.report.cells import read_cell
from replication.scoring.requirements import require_cell
from replication.table.measurements import read_table
from tests.in_small import Change, edit, params_written, put, write_few

Table = Any  # a DataFrame; its stubs do not follow selections
THEORY, POINTS = "cpu-theory", "cpu-reference-points-digits"
CIFAR, DIGITS = (params_written()["recipes"]["dcgan"][name] for name in ("cifar10", "digits"))
BACKGROUND = ("cpu-generative-discriminative", "cpu-latent-dimension", "cpu-latent-dimension-few", "cpu-outliers")


@pytest.fixture(autouse=True)
def workplace(sources: Path) -> None:
    """A folder with the sources, small budgets and prepared data, the current directory of the test."""
    content = params_written()
    content["theory"] |= {"updates": 120, "batch": 32, "fresh": 500, "learning_rate": 0.01}
    content["judges"]["digits"] |= {"channels": [4], "epochs": 1}
    options = content["background"]
    options["generative_discriminative"] |= {"datasets": ["iris", "wine"], "splits": 2, "sizes": 2}
    options["latent_dimension"] |= {"widths": [2, 48]}
    for name in ("latent_dimension", "outliers"):
        options[name]["autoencoder"] = {"hidden": 8, "updates": 10, "batch": 16, "learning_rate": 0.01}
    planned = content["profiles"]["cpu"]["experiments"]
    seeds = {THEORY: "0-2", POINTS: "0-1", **dict.fromkeys(BACKGROUND, "0-1"), BACKGROUND[0]: "0"}
    experiments = {key: {**planned[key], "seeds": block} for key, block in seeds.items()}
    experiments[POINTS]["experiment"] = "reference-points"
    probe = {"costs": [1e-4], "validation_share": 0.2, "selection_draws": 1, "limited_labels": [2], "limited_draws": 3}
    protocols = {"reference_points": {"limited": [100], "samples": 120}}
    write_few(content, {}, experiments=experiments, probe=probe, protocols=protocols)
    prepare.main(["toy-bimodal", "digits"])


def measured(key: str, times: int = 2) -> tuple[Table, dict[str, Any]]:
    """Run an experiment, each time to the same bytes; its table and its provenance, as the report reads them."""
    cell = load_params().experiment(key)
    output = SCORED / cell.folder
    contents = set()
    for _ in range(times):
        stage.main([key])
        contents.add((output / "measurements.csv").read_bytes())
    assert len(contents) == 1 and {file.name for file in output.iterdir()} == {"measurements.csv", "provenance.json"}
    scored = read_cell(output, cell, "cpu", recorded=False)
    assert scored.provenance["diverged_seeds"] == {}
    return read_table(output / "measurements.csv"), scored.provenance


def test_theory() -> None:
    table, provenance = measured(THEORY)
    mean = table.groupby(["metric", "metric_variant"])["value"].mean()
    assert mean["discriminator_error", "fixed-q"] < 0.5 * mean["discriminator_error", "fixed-q-untrained"]
    assert mean["value_function", "p=q"] == pytest.approx(-1.386, abs=0.15)
    assert mean["hit_rate", "p=q"] == pytest.approx(0.5, abs=0.05)
    assert set(table["step"]) == {120} and set(table["seed"]) == {0, 1, 2}
    assert (provenance["updates"], provenance["seeds"], provenance["cell"]) == (120, "0-2", THEORY)
    pack_blocks([load_params().experiment(THEORY)], Path("theory.tar.gz"))
    edit(put("theory.fresh", 501))
    with pytest.raises(InputError, match="theory.tar.gz: Cell cpu-theory was measured with other options"):
        take_in([Path("theory.tar.gz")], load_params())


@pytest.mark.integration
def test_reference_points() -> None:
    with pytest.raises(InputError, match="outputs/judge/digits"):
        stage.main([POINTS])
    accuracy = train_judge(load_params(), "digits")
    table, provenance = measured(POINTS)
    assert set(table["recipe"]) == {"test", "train", "limited-100", "repeats-100"} and provenance["updates"] == 0
    assert set(table.loc[table["metric"] == "judge_accuracy", "value"]) == {accuracy}


@pytest.mark.integration
def test_real_neighbours() -> None:
    other = {"experiment": "real-neighbours", "recipe": "train", "split": "last50", "seeds": "0-2"}
    edit(lambda content: content["run"]["experiments"][POINTS].update(other))
    edit(put("run.real_neighbours", {"window": 100, "per_class": [10, 100]}))
    table, provenance = measured(POINTS)
    rows = table[table["metric"] == "test_error"].groupby("metric_variant")["value"]
    assert rows.count().to_dict() == {"1-nn-500": 3, "100-labels": 3}  # no class has 100 of the 50
    assert rows.mean()["1-nn-500"] < rows.mean()["100-labels"] < 0.4
    assert set(table["n_train"]) == {500} and provenance["updates"] == 0


@pytest.mark.integration
def test_each_writes_rows_that_the_report_reads() -> None:
    table, provenance = measured(BACKGROUND[0])
    assert set(table["dataset"]) == {"iris", "wine"} and set(table["model"]) == {"naive-bayes", "logistic-regression"}
    assert provenance["updates"] == 0 and provenance["dataset"] == "bundled"
    table, provenance = measured("cpu-latent-dimension")
    assert set(table["recipe"]) == {"latent-2", "latent-48"} and set(table["n_train"]) == {1297}
    assert provenance["updates"] == 10
    few, other = measured("cpu-latent-dimension-few", 1)
    assert set(few["n_train"]) == {500} and other["params_sha256"] != provenance["params_sha256"]
    table, provenance = measured("cpu-outliers", 1)
    assert set(table["class"]) == {*"0123456789", "all"} and set(table["recipe"]) == {"latent-8"}


def told(**keys: Any) -> Change:
    """The cell of POINTS as another experiment."""
    return lambda content: content["run"]["experiments"][POINTS].update(keys)


CONTROLS = {"experiment": "feature-controls", "model": "dcgan", "recipe": "digits", "variant": "code"}
DUPLICATES = {"experiment": "near-duplicates", "model": "autoencoder", "recipe": "near-duplicates"}


@pytest.mark.parametrize(
    ("key", "changes", "words"),
    [
        ("cpu-latent-dimension-few", [put("background.latent_dimension.widths", [500])], "500 images, of which codes"),
        ("cpu-latent-dimension", [put("background.latent_dimension.widths", [64])], "pixels differ: write a smaller"),
        ("cpu-outliers", [put("background.outliers.width", 64)], "outliers.width has 64"),
        (POINTS, [told(**DUPLICATES), put("run.near_duplicates", {"pairs": 1000})], "4000 in all, among 1297 images"),
        (POINTS, [told(**CONTROLS), put("recipes.dcgan.digits", CIFAR)], "The generator"),
        (
            POINTS,
            [told(**CONTROLS), put("recipes.dcgan.digits", DIGITS)],
            "patch is 9, and the images have 8×8 pixels",
        ),
        (THEORY, [put(f"run.experiments.{THEORY}.dataset", "digits")], "digits is a data set of images"),
    ],
)
def test_what_cannot_work_is_refused_before_anything_runs(key: str, changes: list[Change], words: str) -> None:
    edit(*changes, put("run.feature_controls", {"patch": 9, "units": [10]}))
    params = load_params()
    with pytest.raises(InputError, match=f"^Cell {key}: .*{words}"):
        require_cell(params, params.experiment(key))


def test_only_a_cell_of_the_profile_runs_on_known_data() -> None:
    with pytest.raises(InputError, match="'theory'"):
        stage.main(["theory"])
    edit(put("background.generative_discriminative.datasets", ["boston"]))
    with pytest.raises(InputError, match="'boston'"):
        stage.main([BACKGROUND[0]])
