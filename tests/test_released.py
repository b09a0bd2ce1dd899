"""The command on released networks: what it prints, what stands beside it, and what it refuses."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from replication.data.reading import PreparedImages
from replication.foundation.errors import InputError
from replication.released import __main__ as released
from replication.released import weights as released_weights
from replication.released.__main__ import described, main, sentences
from replication.released.probe import COSTS
from replication.released.weights import NETWORKS, Missing, ReleasedDiscriminator
from tests.in_small import ROOT, shades, write_shades
from tests.test_released_probe import TINY
from tests.test_released_weights import write_release


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A release of a tiny network, and a prepared data set below the current directory whose classes are shades."""
    place = tmp_path / "release"
    place.mkdir()
    for net in ("discrim", "gen"):
        write_release(place, TINY, net)
    monkeypatch.chdir(tmp_path)
    write_shades(shades((3, 8, 8)))
    monkeypatch.setattr(released_weights, "NETWORKS", (TINY,))
    for read in (released_weights.read_discriminator, released_weights.read_generator):
        monkeypatch.setattr(read, "__defaults__", ((TINY,),))
    return place


def test_the_probe_for_a_program_and_for_a_reader(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    asked = [str(folder), "--dataset", "shades", "--labels-per-class", "10", "--draws", "3"]
    main([*asked, "--json"])
    result = json.loads(capsys.readouterr().out)
    assert result["layers"] == {"used": [1, 2], "left_out": [], "missing": []}
    counted = {"labels_per_class": 10, "draws": 3, "n_test": 20, "n_features": 80, "dataset": "shades"}
    assert counted.items() <= result.items()
    assert result["accuracy_mean"] == pytest.approx(np.mean(result["accuracies"])) and result["accuracy_mean"] > 0.9
    assert result["published"] is None and result["C"] in COSTS
    assert len(result["weights_sha256"]) == len(result["data_sha256"]) == 64
    assert {"torch", "numpy", "device"} <= result["environment"].keys()
    (folder / "7_discrim_params.jl_05.npy").unlink()
    main(asked)
    out = capsys.readouterr().out
    assert "7_discrim_params.jl_05.npy (dense output)" in out and "3 draws" in out and "no published number" in out
    (folder / "7_discrim_params.jl_03.npy").unlink()
    main([str(folder), "--dataset", "shades", "--labels-per-class", "all"])
    out = capsys.readouterr().out
    assert "1 of 2 convolutions, 32 features" in out and "all labels" in out and "draws" not in out


def test_samples_are_drawn_as_a_grid(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main([str(folder), "--samples", "grid.png"])
    assert "U(−1, 1), 5 dimensions" in capsys.readouterr().out
    with Image.open("grid.png") as image:
        assert image.size == (8 * 32 + 7 * 4,) * 2  # 64 images of 8 × 8, four times as large, a pixel so large between
        pixels = np.asarray(image)
    assert pixels.std() > 10
    main([str(folder), "--samples", "again.png", "--json"])
    assert json.loads(capsys.readouterr().out)["samples"]["noise"].startswith("U(")
    assert Path("grid.png").read_bytes() == Path("again.png").read_bytes()


NO_GPU = pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a CUDA device")


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ("", "--dataset"),
        ("--dataset shades --labels-per-class none", "'none'"),
        ("--dataset shades --labels-per-class 0", "'0'"),
        ("--dataset shades --labels-per-class all --draws 3", "--draws"),
        ("--dataset shades --draws 0", "--draws"),
        ("--dataset cifar10", "cifar10"),
        pytest.param("--dataset shades --device cuda", "--device cuda", marks=NO_GPU),
        ("--samples grid.jpg", "grid.jpg"),
        ("--samples nowhere/grid.png", "nowhere/grid.png"),
    ],
)
def test_what_cannot_be(folder: Path, capsys: pytest.CaptureFixture[str], arguments: str, named: str) -> None:
    with pytest.raises((SystemExit, InputError)) as refused:
        main([str(folder), *arguments.split()])
    assert named in capsys.readouterr().err + str(refused.value)


def with_layers(count: int, *missing: Missing) -> ReleasedDiscriminator:
    network: Any = SimpleNamespace(blocks=range(count))
    return ReleasedDiscriminator(NETWORKS[0], network, missing, 30, "0" * 64)


def test_published_numbers_stand_beside_their_protocol(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copy(ROOT / "benchmarks/dcgan2015.yaml", tmp_path)
    monkeypatch.setattr(released, "BENCHMARKS", tmp_path)
    whole = with_layers(6)
    part = with_layers(4, Missing("30_discrim_params.jl_11.npy", "kernel of convolution 5", 5))
    none = np.zeros(0, np.uint8)
    canonical = {"source": "cifar10", "canonical": True, "files": {}}
    cifar10 = PreparedImages("cifar10", none, none, none, none, (), canonical)
    jpeg = replace(cifar10, name="cifar10-jpeg", manifest={"source": "folder", "canonical": False, "files": {}})
    assert described(whole, cifar10, 400)["published"].startswith("73.8 % (±0.4, ")
    assert described(whole, cifar10, None)["published"] == "82.8 %, Table 1"
    for network, data, per_class, clause in (
        (part, cifar10, 400, "the features are those of 4 of 6 convolutions"),
        (whole, jpeg, 400, "cifar10-jpeg is not the original CIFAR-10"),
        (whole, cifar10, 100, "not 100 per class"),
        (replace(whole, network=NETWORKS[1]), cifar10, 400, "the network is svhn32"),
    ):
        result = described(network, data, per_class)
        assert result["published"] is None and len(result["differs"]) == 1 and clause in result["differs"][0]
    probed = {"n_features": 28_672, "accuracy_mean": 0.7412, "accuracy_sd": 0.002, "draws": 5, "C": 1e-3}
    probed |= {"n_test": 10_000, "environment": {"device": "CPU"}}
    lines = sentences({**described(whole, cifar10, 400), **probed})
    assert "74.12 % (mean of 5 draws of labels, SD 0.20); C 0.001" in lines[-2]
    assert lines[-1].startswith("published: 73.8 %")
