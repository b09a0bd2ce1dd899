"""The scoring stage on trained cells in small: a valid table, the same bytes twice, NaN where a run diverged."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from replication import prepare, train
from replication import score as stage
from replication.config.params import load_params
from replication.foundation.errors import InputError
from replication.foundation.places import JUDGES, SCORED
from replication.judge import train_judge
from replication.scoring import toy
from replication.table.measurements import read_table
from tests.in_small import write_small

Table = Any  # a DataFrame; its stubs do not follow selections
GAN, DELIGAN, DIGITS = "cpu-gan-toy-k1", "cpu-deligan-toy", "cpu-dcgan-digits"
PROBE = {"costs": [1e-4], "validation_share": 0.2, "selection_draws": 1, "limited_labels": [2], "limited_draws": 2}


@pytest.fixture(autouse=True)
def workplace(sources: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder with the sources, small recipes and small budgets, the current directory of the test."""
    write_small(dict.fromkeys((GAN, DELIGAN, DIGITS), "1-2"), probe=PROBE)
    monkeypatch.setattr(toy, "GAP_UPDATES", 3)
    monkeypatch.setattr(toy, "FRESH", 50)


def trained(key: str) -> dict[str, Any]:
    """Prepare the data and train a cell; its provenance."""
    prepare.main([load_params().cell(key).dataset])
    train.main([key])
    return json.loads((stage.TRAINED / load_params().cell(key).folder / "provenance.json").read_text(encoding="utf-8"))


def scored(key: str) -> tuple[Table, dict[str, bytes], dict[str, Any]]:
    """Score a cell; the table, the bytes of all files but provenance, and provenance."""
    stage.main([key])
    output = SCORED / load_params().cell(key).folder
    files = {f.name: f.read_bytes() for f in output.iterdir()}
    return read_table(output / "measurements.csv"), files, json.loads(files.pop("provenance.json"))


@pytest.mark.integration
def test_a_toy_gan_is_scored_as_a_game_too() -> None:
    before = trained(GAN)
    table, files, provenance = scored(GAN)
    assert {"success", "discriminator_gap", "generator_loss", "diverged"} <= set(table["metric"])
    assert set(table["step"][table["metric"] == "success"]) == {0, 10, 20, 40}
    assert set(table["seed"]) == {1, 2} and set(table["profile"]) == {"cpu"} and set(table["n_train"]) == {400}
    assert table["value"].notna().all() and not table["value"][table["metric"] == "diverged"].any()
    assert scored(GAN)[1] == files and set(files) == {"measurements.csv", "samples.npz"}
    assert provenance["clock"].keys() == {*before["clock"], "scoring_s"}
    of_scoring, of_training = {"clock", "files", "scored_on", "scoring_sha256"}, {"clock", "window", "steps"}
    assert of_scoring < provenance.keys()
    assert {key: value for key, value in provenance.items() if key not in of_scoring} == {
        key: value for key, value in before.items() if key not in of_training
    }
    points = np.load(SCORED / load_params().cell(GAN).folder / "samples.npz")
    assert points["points"].shape == (2, 70, 2) and set(points) == {"points", "early_points", "real"}
    path = stage.TRAINED / load_params().cell(GAN).folder / "provenance.json"
    path.write_text(json.dumps({**before, "diverged_seeds": {"2": 20}}), encoding="utf-8")
    table, _, _ = scored(GAN)
    lost = (table["seed"] == 2) & (table["step"] >= 20) & (table["metric"] != "diverged")
    assert lost.any() and (table["value"].isna() == lost).all()


@pytest.mark.integration
def test_a_mixture_is_scored_with_both_noises_and_is_no_game() -> None:
    trained(DELIGAN)
    table, _, _ = scored(DELIGAN)
    assert {"training-noise", "display-noise"} <= set(table["metric_variant"])
    assert "component_p_value" in set(table["metric"]) and "discriminator_gap" not in set(table["metric"])
    start = table[(table["metric"] == "sigma_mean") & (table["step"] == 0)]
    assert start["value"].tolist() == pytest.approx([0.02, 0.02])


@pytest.mark.parametrize("judged_by", ["digits", "other"])
def test_scores_depend_on_the_judge_and_on_its_name(judged_by: str, tmp_path: Path) -> None:
    """Also where the judge of another data set judges."""
    written = load_params()
    judges = {name: replace(written.judges["digits"], name=name) for name in ("digits", "other")}
    datasets = {**written.datasets, "digits": replace(written.datasets["digits"], judged_by=judged_by)}
    params = replace(written, judges=judges, datasets=datasets)
    cell, weights = params.cell(DIGITS), JUDGES / judged_by / "judge.safetensors"
    weights.parent.mkdir(parents=True)
    weights.write_bytes(b"weights")
    key = stage.scoring_key(params, cell)
    renamed = {**judges, judged_by: replace(judges[judged_by], name="renamed")}
    assert stage.scoring_key(replace(params, judges=renamed), cell) != key
    weights.write_bytes(b"others")
    assert stage.scoring_key(params, cell) != key


@pytest.mark.integration
def test_images_are_scored_under_the_judge_and_the_probe() -> None:
    trained(DIGITS)
    with pytest.raises(InputError, match="outputs/judge/digits/judge.safetensors"):
        stage.main([DIGITS])
    assert not (SCORED / load_params().cell(DIGITS).folder).exists()
    train_judge(load_params(), "digits")
    table, files, _ = scored(DIGITS)
    judged = table[table["metric"].str.startswith(("judge", "modified"))]
    assert set(judged["judge"]) == {"digits-classifier"} and set(judged["step"]) == {0, 2, 4, 8}
    assert set(table["judge"][table["metric"] == "diverged"]) == {""}
    probe = table[table["metric"] == "probe_accuracy"]
    assert set(probe["step"]) == {0, 8}
    assert len(probe[probe["metric_variant"] == "all-labels"]) == 4
    limited = probe[probe["metric_variant"] == "2-per-class"]
    assert set(limited["replicate_kind"]) == {"label draw"} and set(limited["replicate"]) == {0, 1}
    assert {"duplicate_rate", "generator_loss", "discriminator_loss"} <= set(table["metric"])
    assert scored(DIGITS)[1] == files


def test_an_untrained_cell() -> None:
    params = load_params()
    prepare.main(["toy-bimodal"])
    with pytest.raises(InputError, match=f"outputs/train/cpu/gan/{GAN}/provenance.json"):
        stage.score_cell(params, params.cell(GAN))


def test_features_are_probed_at_the_scored_steps_nearest_to_their_shares() -> None:
    assert stage.probed_steps((0, 88, 175, 350), (0.0, 0.25, 1.0)) == [0, 88, 350]
    assert stage.probed_steps((0, 5), (0.25, 0.5)) == [0]


@pytest.mark.integration
def test_scores_are_known_by_all_that_they_depend_on() -> None:
    trained(GAN)
    params, cell = load_params(), load_params().cell(GAN)
    assert not stage.is_scored(params, cell)
    stage.main([GAN])
    assert stage.is_scored(params, cell)
    probe = replace(params.profile.probe, limited_draws=3)
    assert not stage.is_scored(replace(params, profile=replace(params.profile, probe=probe)), cell)
    path = stage.TRAINED / cell.folder / "provenance.json"
    path.write_text(path.read_text(encoding="utf-8").replace('"duration_s"', '"seconds"'), encoding="utf-8")
    assert not stage.is_scored(params, cell)  # it was trained again
