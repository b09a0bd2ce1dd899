"""The command on released networks: what it prints, what stands beside it, and what it refuses."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from replication.config.datasets import Dataset, Split
from replication.data.contents import ImageSet
from replication.data.reading import PreparedImages
from replication.data.writing import write_dataset
from replication.foundation.errors import InputError
from replication.released import __main__ as released
from replication.released import weights as released_weights
from replication.released.__main__ import described, main, sentences
from replication.released.probe import COSTS
from replication.released.weights import NETWORKS, Missing, ReleasedDiscriminator, ReleasedNetwork

ROOT = Path(__file__).parents[1]
TINY = ReleasedNetwork("tiny", 3, ((2, 1), (3, 2)), ((4, 0), (3, 2)), 5, "uniform", (3, 8, 8))


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A release of a tiny network, and a prepared data set below the current directory whose classes are shades."""
    place = tmp_path / "release"
    place.mkdir()
    stream = np.random.default_rng(0)
    for net, shapes in (("discrim", TINY.discriminator_shapes), ("gen", TINY.generator_shapes)):
        for number, shape in enumerate(shapes, start=1):
            np.save(place / f"3_{net}_params.jl_{number:02d}.npy", stream.normal(0, 1, shape).astype(np.float32))
    labels = np.arange(60, dtype=np.int64) % 2
    images = (stream.integers(0, 100, (60, 3, 8, 8)) + 150 * labels[:, None, None, None]).astype(np.uint8)
    contents = ImageSet(images[:40], labels[:40], images[40:], labels[40:], ("dark", "bright"), "none", ("numpy",))
    (tmp_path / "outputs/data/shades").mkdir(parents=True)
    write_dataset(
        contents, Dataset("shades", "folder", splits={"full": Split("all")}), tmp_path / "outputs/data/shades"
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(released_weights, "NETWORKS", (TINY,))
    for read in (released_weights.read_discriminator, released_weights.read_generator):
        monkeypatch.setattr(read, "__defaults__", ((TINY,),))
    return place


def test_the_command_prints_the_probe_for_a_program_and_for_a_reader(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = [str(folder), "--dataset", "shades", "--labels-per-class", "10", "--draws", "3"]
    main([*asked, "--json"])
    found = json.loads(capsys.readouterr().out)
    assert found["layers"] == {"used": [1, 2], "left_out": [], "missing": []}
    counted = {"labels_per_class": 10, "draws": 3, "n_test": 20, "n_features": 80, "dataset": "shades"}
    assert counted.items() <= found.items()
    assert found["accuracy_mean"] == pytest.approx(np.mean(found["accuracies"])) and found["accuracy_mean"] > 0.9
    assert found["published"] is None and found["C"] in COSTS
    assert len(found["weights_sha256"]) == len(found["data_sha256"]) == 64
    assert {"torch", "numpy", "device"} <= found["environment"].keys()
    (folder / "3_discrim_params.jl_05.npy").unlink()
    main(asked)
    out = capsys.readouterr().out
    assert "3_discrim_params.jl_05.npy (dense output)" in out and "3 draws" in out and "no published number" in out
    (folder / "3_discrim_params.jl_03.npy").unlink()
    main([str(folder), "--dataset", "shades", "--labels-per-class", "all"])
    out = capsys.readouterr().out
    assert "1 of 2 convolutions, 32 features" in out and "all labels" in out and "draws" not in out


def test_samples_are_drawn_as_a_grid(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main([str(folder), "--samples", "grid.png"])
    assert "U(−1, 1), 5 dimensions" in capsys.readouterr().out
    with Image.open("grid.png") as image:
        assert image.size == (8 * 32 + 7 * 2,) * 2  # 64 images of 8 × 8, four times as large, two pixels apart
        pixels = np.asarray(image)
    assert pixels.std() > 10
    main([str(folder), "--samples", "again.png", "--json"])
    assert json.loads(capsys.readouterr().out)["samples"]["noise"].startswith("U(")
    assert Path("grid.png").read_bytes() == Path("again.png").read_bytes()
    for wrong in ("grid.jpg", "nowhere/grid.png"):
        with pytest.raises(InputError, match=wrong):
            main([str(folder), "--samples", wrong])


def test_a_data_set_that_is_not_prepared_is_named(folder: Path) -> None:
    with pytest.raises(InputError, match="cifar10"):
        main([str(folder), "--dataset", "cifar10"])


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ([], "--dataset"),
        (["--dataset", "shades", "--labels-per-class", "none"], "'none'"),
        (["--dataset", "shades", "--labels-per-class", "0"], "'0'"),
        (["--dataset", "shades", "--labels-per-class", "all", "--draws", "3"], "--draws"),
        (["--dataset", "shades", "--draws", "0"], "--draws"),
    ],
)
def test_arguments_that_mean_nothing_are_refused(
    folder: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], named: str
) -> None:
    with pytest.raises(SystemExit):
        main([str(folder), *arguments])
    assert named in capsys.readouterr().err


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a CUDA device")
def test_a_device_that_is_not_there_is_named(folder: Path) -> None:
    with pytest.raises(InputError, match="--device cuda"):
        main([str(folder), "--dataset", "shades", "--device", "cuda"])


class _Whole(ReleasedDiscriminator):
    layers = 6  # pyright: ignore[reportAssignmentType]


class _Part(ReleasedDiscriminator):
    layers = 4  # pyright: ignore[reportAssignmentType]


def test_published_numbers_stand_beside_the_papers_protocol_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copy(ROOT / "benchmarks" / "dcgan2015.yaml", tmp_path)
    monkeypatch.setattr(released, "BENCHMARKS", tmp_path)
    network: Any = None
    whole = _Whole(NETWORKS[0], network, (), 30, "0" * 64)
    part = _Part(NETWORKS[0], network, (Missing("30_discrim_params.jl_11.npy", "kernel of convolution 5", 5),), 30, "0")
    none = np.zeros(0, np.uint8)
    canonical = {"source": "cifar10", "canonical": True, "files": {}}
    cifar10 = PreparedImages("cifar10", none, none, none, none, (), canonical)
    jpeg = replace(cifar10, name="cifar10-jpeg", manifest={"source": "folder", "canonical": False, "files": {}})
    assert described(whole, cifar10, 400)["published"].startswith("73.8 % (±0.4, ")
    assert described(whole, cifar10, None)["published"] == "82.8 %, Table 1"
    for one, data, per_class, clause in (
        (part, cifar10, 400, "the features are those of 4 of 6 convolutions"),
        (whole, jpeg, 400, "cifar10-jpeg is not the original CIFAR-10"),
        (whole, cifar10, 100, "not 100 per class"),
        (_Whole(NETWORKS[1], network, (), 200, "0"), cifar10, 400, "the network is svhn32"),
    ):
        found = described(one, data, per_class)
        assert found["published"] is None and len(found["differs"]) == 1 and clause in found["differs"][0]
    probed = {"n_features": 28_672, "accuracy_mean": 0.7412, "accuracy_sd": 0.002, "draws": 5, "C": 1e-3}
    probed |= {"n_test": 10_000, "environment": {"device": "CPU"}}
    lines = sentences({**described(whole, cifar10, 400), **probed})
    assert "74.12 % (mean of 5 draws of labels, SD 0.20); C 0.001" in lines[-2]
    assert lines[-1].startswith("published: 73.8 %")
