"""Samples of a reader's generator: scored as a cell's own are, beside the reports' runs, or refused in one sentence."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import replication
from replication import score, score_samples
from replication.config.params import load_params
from replication.data.reading import load_images
from replication.foundation.places import SCORED
from replication.metrics import inception_network
from replication.metrics.inception_network import InceptionFeatures
from replication.prepare import prepare
from replication.scoring import inception
from replication.scoring.sample_set import sorted_by_class
from replication.table.measurements import read_table, table_to, write_table
from tests.in_small import edit, put
from tests.own.samples import ASKED, GENERATOR, IMAGES, N, noise, saved

Capture = pytest.CaptureFixture[str]


def scored(capsys: Capture, *arguments: str, asked: Sequence[str] = ASKED) -> dict[str, Any]:
    """What the command prints for a program."""
    score_samples.main([*arguments, *asked, "--json"])
    return json.loads(capsys.readouterr().out)


def by_name(rows: Iterable[dict[Any, Any]]) -> dict[tuple[str, str, str], float]:
    return {(row["metric"], row["metric_variant"], row["class"]): row["value"] for row in rows}


def values(capsys: Capture, *arguments: str, **asked: Any) -> dict[tuple[str, str, str], float]:
    return by_name(scored(capsys, *arguments, **asked)["measurements"])


@pytest.mark.integration
def test_a_cells_own_samples(trained_place: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    """They score as the suite scored them."""
    monkeypatch.setattr("replication.data.sample_sources.FEWEST", 10)
    samples = replication.load(IMAGES, seed=1).sample(N)
    table = read_table(SCORED / load_params().cell(IMAGES).folder / "measurements.csv")
    last = table.loc[(table["seed"] == 1) & (table["step"] == table["step"].max())]
    expected = by_name(last.to_dict("records"))
    measured = values(capsys, saved(samples), "--seed", "1")
    shared = measured.keys() & expected.keys()
    needed = {"judge_score", "modified_judge_score", "judge_share", "judge_accuracy", "mode_coverage"}
    needed |= {f"judge_{name}" for name in ("frechet_distance", "kernel_distance", "precision", "recall")}
    assert {metric for metric, _, _ in shared} >= needed | {"duplicate_rate", "sample_diversity", "colour_distance"}
    assert {key: measured[key] for key in shared} == pytest.approx({key: expected[key] for key in shared}, rel=1e-12)
    others = {metric for metric, _, _ in expected.keys() - measured.keys()}
    assert not any("judge" in each for each in others)  # what is left needs networks, losses or labels


@pytest.mark.integration
def test_training_images_as_samples_are_told_from_noise(place: Path, capsys: Capture) -> None:
    data = load_images(score.DATA / "digits")
    copied, drawn = (values(capsys, saved(images)) for images in (data.train_images[:300], noise(300)))
    share, nearest = ("memorisation_share", "samples", "all"), ("nearest_training_distance", "samples", "all")
    assert copied[share] == 1.0 and copied[nearest] == 0.0
    assert copied["nearest_training_distance", "samples, least", "all"] == 0.0
    apart = noise(300).astype(np.float64)[:, None] - data.train_images.astype(np.float64)[None]
    distances = np.sqrt((apart**2).mean(axis=(2, 3, 4))).min(axis=1)  # an independent computation
    assert drawn[nearest] == pytest.approx(distances.mean(), rel=1e-9)
    assert drawn["nearest_training_distance", "samples, least", "all"] == pytest.approx(distances.min(), rel=1e-9)
    controls = ("memorisation_share", "memoriser", "all"), ("nearest_training_distance", "held-out", "all")
    assert all(key in drawn for key in controls)
    assert copied["judge_frechet_distance", "training", "all"] < drawn["judge_frechet_distance", "training", "all"]
    repeated = values(capsys, saved(np.repeat(data.train_images[:60], 5, axis=0)))
    assert repeated["duplicate_rate", "", "all"] == 1.0 and drawn["duplicate_rate", "", "all"] == 0.0


@pytest.mark.integration
def test_1_nn_learns_from_labelled_samples(place: Path, capsys: Capture) -> None:
    data = load_images(score.DATA / "digits")
    real, labels = data.train_images[:300], data.train_labels[:300]
    arguments = [saved(real), "--labels", saved(labels, "labels.npy")]
    apart = data.test_images.reshape(500, 1, -1).astype(int) - real.reshape(1, 300, -1)
    nearest = labels[(apart**2).sum(axis=2).argmin(axis=1)]
    measured = values(capsys, *arguments)
    assert measured["test_error", "1-nn-300", "all"] == (nearest != data.test_labels).mean()
    saved(np.roll(labels, 1), "labels.npy")
    assert values(capsys, *arguments)["test_error", "1-nn-300", "all"] > 0.5


@pytest.mark.integration
def test_every_form_scores_alike(place: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    images = noise(120)
    Path("pictures").mkdir()
    for number, image in enumerate(images):
        Image.fromarray(image[0]).save(f"pictures/{number:03d}.png")
    (place / "mine.py").write_text(GENERATOR, encoding="utf-8")
    monkeypatch.syspath_prepend(place)
    forms = {
        "channels first": [saved(images, "a.npy")],
        "channels last": [saved(images.transpose(0, 2, 3, 1), "b.npy")],
        "floats": [saved(images / 127.5 - 1.0, "c.npy"), "--range", "-1", "1"],
        "a folder": ["pictures"],
        "a callable": ["mine:draw", "-n", "120"],
        "floats of a callable": ["mine:floats", "-n", "120", "--range", "0", "1"],
    }
    results = {form: scored(capsys, *arguments) for form, arguments in forms.items()}
    first = results["channels first"]
    for form, result in results.items():
        for name in ("samples_sha256", "measurements"):
            assert result[name] == first[name], form


@pytest.mark.integration
def test_the_reader_sees_the_papers_models_beside(trained_place: Path, capsys: Capture) -> None:
    table = read_table(SCORED / load_params().cell(IMAGES).folder / "measurements.csv")
    folder = trained_place / "reports/cpu"
    folder.mkdir(parents=True)
    write_table(table, table_to(folder, len(table)))
    written = {
        "profile": "cpu",
        "device": "cpu",
        "not_measured": [],
        "cells": {},
        "recipes": {},
        "figures": [],
        "files": {},
    }
    (folder / "provenance.json").write_text(json.dumps(written), encoding="utf-8")
    score_samples.main([saved(noise()), *ASKED, "--name", "mine/noise", "--out", "kept"])
    out = capsys.readouterr().out
    assert "→ mine noise" in out and "dcgan digits (paper), full 1297, cpu" in out
    assert "never called inception score or FID" in out and "Inception network" not in out
    row = next(line for line in out.splitlines() if line.startswith("dcgan digits"))
    last = table.loc[(table["step"] == 8) & (table["metric"] == "judge_score") & (table["class"] == "all"), "value"]
    assert f"{last.mean():.2f}" in row.replace("±", " ") and len(last) == 2
    stored = read_table(Path("kept/measurements.csv"))
    assert set(stored["paper"]) == {"own"} and set(stored["model"]) == {"mine"} and set(stored["recipe"]) == {"noise"}
    provenance = json.loads(Path("kept/provenance.json").read_text(encoding="utf-8"))
    assert provenance["n_samples"] == 120 and len(provenance["samples_sha256"]) == 64
    with pytest.raises(SystemExit):
        score_samples.main([saved(noise()), *ASKED, "--out", "kept"])


def test_without_inception_weights_it_says_how_to_get_them(place: Path, capsys: Capture) -> None:
    score_samples.main([saved(noise()), "--dataset", "digits"])
    out = capsys.readouterr().out
    assert "FID and KID are left out: there are no weights at data/weights/" in out and "--inception download" in out


def test_inception_scores_are_added(place: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    """With a stand-in for the network, whose weights tests do not have."""

    def features(_: object, images: np.ndarray, what: str = "") -> InceptionFeatures:
        flat = images.reshape(len(images), -1).astype(np.float32)
        return InceptionFeatures(flat[:, :16] / 255, flat[:, 16:26] / 50)

    Path("data/weights").mkdir(parents=True)
    Path(f"data/weights/{inception_network.NAME}").write_bytes(b"")
    for module in (inception_network, inception):
        monkeypatch.setattr(module, "inception_features", features)
        monkeypatch.setattr(module, "inception_weights", lambda *_: Path("there"))
        monkeypatch.setattr(module, "load_inception", lambda *_: None)
    monkeypatch.setattr(inception, "train_transfer_head", lambda *_: None)
    measured = values(capsys, saved(noise()), asked=["--dataset", "digits"])
    assert {"inception_score", "fid", "kid", "precision", "recall"} <= {metric for metric, _, _ in measured}
    assert ("fid", "held-out", "all") in measured and ("fid", "training", "all") in measured


def test_a_data_set_without_test_images_or_judge(place: Path, capsys: Capture) -> None:
    for label in ("a", "b"):
        folder = place / f"data/raw/mine/train/{label}"
        folder.mkdir(parents=True)
        for number, image in enumerate(noise(60, seed=ord(label))):
            Image.fromarray(image[0]).save(folder / f"{number}.png")
    edit(put("datasets.mine", {"source": "folder", "channels": 1, "splits": {"full": {"rule": "all"}}}))
    prepare(load_params().datasets["mine"], score.DATA / "mine")
    labels = saved(np.arange(120) % 2, "labels.npy")
    asked = ["--dataset", "mine", "--inception", "none", "--labels", labels]
    result = scored(capsys, saved(noise()), asked=asked)
    metrics = {row["metric"] for row in result["measurements"]}
    assert metrics == {"sample_diversity", "colour_distance", "duplicate_rate", "nearest_training_distance"}
    notes = " ".join(result["notes"])
    assert "params.yaml has no judge of mine under judges" in notes and "mine has no test images" in notes


def test_samples_sorted_by_class_are_noticed() -> None:
    stream = np.random.default_rng(0)
    labels = stream.integers(0, 10, 1000)
    assert not sorted_by_class(labels) and sorted_by_class(np.sort(labels))
    assert not sorted_by_class(np.arange(1000) % 10) and not sorted_by_class(np.zeros(1000, int))
    false_alarms = sum(sorted_by_class(stream.integers(0, 10, 200)) for _ in range(500))
    assert not false_alarms
