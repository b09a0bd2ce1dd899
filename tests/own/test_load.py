"""`replication.load`: the generator that scoring drew from, out of local outputs and of archives, and nothing else."""

from __future__ import annotations

import json
import shutil
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

import replication
from replication import run, train
from replication.config.params import load_params
from replication.foundation.errors import InputError
from replication.foundation.places import SCORED, TRAINED
from replication.record import main as record
from replication.record import pack_blocks
from replication.table.archives import WEIGHTS, unpack

pytestmark = pytest.mark.integration

TOY, IMAGES, MIXTURE = "cpu-gan-toy-k1", "cpu-dcgan-digits", "cpu-deligan-digits"
N = 70  # samples that are scored: more than the 64 of a figure


def shown(key: str) -> Any:
    return np.load(SCORED / load_params().cell(key).folder / "samples.npz", allow_pickle=False)


def packed(key: str, weights: bool = True) -> Path:
    """The archive that `replication.run CELL --pack out --weights` writes."""
    place = Path("out") / f"{key}.tar.gz"
    pack_blocks([load_params().cell(key)], place, weights=weights)
    return place


def test_samples_are_those_that_scoring_drew(trained_place: Path) -> None:
    for key in (IMAGES, MIXTURE):
        generator = replication.load(key, seed=1)
        images = generator.sample(N)
        assert images.shape == (N, 1, 8, 8) and images.dtype == np.uint8
        np.testing.assert_array_equal(images[:64], shown(key)["grid"])
        np.testing.assert_array_equal(images, generator.sample(N))
        assert not np.array_equal(images, generator.sample(N, seed=1))
        assert not np.array_equal(images, replication.load(key, seed=2).sample(N))
        assert generator.cell.key == key and generator.recipe == load_params().recipe_of(generator.cell)
        assert generator.step == generator.recipe.updates and generator.seed == 1
    for index, seed in enumerate((1, 2)):
        points = replication.load(TOY, seed).sample(N)
        assert points.shape == (N, 2) and points.dtype == np.float32
        np.testing.assert_array_equal(points, shown(TOY)["points"][index])


def test_threads_are_left_as_they_were(trained_place: Path) -> None:
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        np.testing.assert_array_equal(replication.load(IMAGES, 1).sample(N)[:64], shown(IMAGES)["grid"])
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


def test_a_part_of_the_seeds_is_read_too(trained_place: Path) -> None:
    expected = replication.load(TOY, 2).sample(N)
    shutil.rmtree(TRAINED / load_params().cell(TOY).folder)
    train.main([TOY, "--seeds", "2"])
    np.testing.assert_array_equal(replication.load(TOY, 2).sample(N), expected)
    with pytest.raises(InputError, match=rf"^{TOY}\+2: seed 1 was not trained; trained seeds are 2\.$"):
        replication.load(TOY, 1)


def test_an_archive_carries_weights_where_it_is_asked_to(trained_place: Path) -> None:
    expected = replication.load(IMAGES, 2).sample(N)
    archive = packed(IMAGES)
    shutil.rmtree("outputs")  # as on another machine
    np.testing.assert_array_equal(replication.load(IMAGES, 2, path=str(archive)).sample(N), expected)
    np.testing.assert_array_equal(replication.load(seed=2, path=str(archive)).sample(N), expected)
    with tarfile.open(archive) as opened:
        opened.extractall("unpacked", filter="data")
    for folder in ("unpacked", f"unpacked/{IMAGES}"):
        np.testing.assert_array_equal(replication.load(seed=2, path=folder).sample(N), expected)
    with pytest.raises(InputError, match=rf"has no training of '{TOY}'; it has {IMAGES}\.$"):
        replication.load(TOY, path=str(archive))


def test_what_is_packed_without_weights_is_what_it_was_before(trained_place: Path) -> None:
    with_weights, without = unpack(packed(IMAGES)), unpack(packed(IMAGES, weights=False))
    assert with_weights == without and f"{IMAGES}/{WEIGHTS}" in unpack(packed(IMAGES), weights=True)
    with pytest.raises(InputError, match="carries no weights: make it with `python -m replication.run CELL --pack"):
        replication.load(path=str(packed(IMAGES, weights=False)))


def test_the_command_packs_weights_only_where_it_packs(trained_place: Path) -> None:
    with pytest.raises(InputError, match="--weights says what is packed: name a folder with --pack DIR too"):
        run.main([IMAGES, "--weights"])


def test_the_size_of_weights_is_limited(trained_place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    archive = packed(IMAGES)
    monkeypatch.setattr("replication.table.archives.MOST_WEIGHTS", 1000)
    with pytest.raises(InputError, match=f"{IMAGES}/{WEIGHTS} unpacks to .* bytes; 1000 at most"):
        replication.load(path=str(archive))


def test_a_report_keeps_no_weights(trained_place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("replication.report.build.build_report", lambda *_: None)
    monkeypatch.setattr("replication.page.write_page", lambda *_: None)
    record([str(packed(IMAGES))])
    kept = {path.name for path in (trained_place / "reports/recorded" / IMAGES).iterdir()}
    assert kept == {"measurements.csv.gz", "provenance.json", "samples.npz"}


def other_weights(folder: Path) -> None:
    networks = {"generator.x": torch.zeros(2, 3)}
    save_file(networks, folder / "step8.safetensors")


def no_weights(folder: Path) -> None:
    (folder / "step8.safetensors").unlink()


def no_hash(folder: Path) -> None:
    rewritten(folder / "provenance.json", weights_sha256={})


def no_shape(folder: Path) -> None:
    rewritten(folder / "provenance.json", sample_shape=[1, 10**9, 8])


def other_recipe(folder: Path) -> None:
    text = Path("params.yaml").read_text(encoding="utf-8")
    content = json.loads(text)
    content["recipes"]["dcgan"]["digits"]["latent_dim"] = 4
    Path("params.yaml").write_text(json.dumps(content), encoding="utf-8")


def other_networks(folder: Path) -> None:
    """Weights of other networks under a hash that fits them: as if the model's code had changed."""
    other_weights(folder)
    from replication.foundation.provenance import sha256_file

    rewritten(folder / "provenance.json", weights_sha256={"8": sha256_file(folder / "step8.safetensors")})


def rewritten(path: Path, **values: object) -> None:
    path.write_text(json.dumps({**json.loads(path.read_text(encoding="utf-8")), **values}), encoding="utf-8")


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (other_weights, "the weights are not those whose hash is recorded"),
        (no_weights, "has no weights: pack them with --weights, or train the cell again"),
        (no_hash, "records no hash of weights: train and score its cell again"),
        (no_shape, "does not say what its samples look like"),
        (other_recipe, "was trained by another recipe than params.yaml has for"),
        (other_networks, "its weights do not fit the networks of digits"),
    ],
)
def test_what_is_not_the_training_is_refused(
    trained_place: Path, change: Callable[[Path], None], sentence: str
) -> None:
    change(TRAINED / load_params().cell(IMAGES).folder)
    with pytest.raises(InputError, match=sentence):
        replication.load(IMAGES, 1)


def test_a_changed_training_is_not_packed(trained_place: Path) -> None:
    other_weights(TRAINED / load_params().cell(IMAGES).folder)
    with pytest.raises(InputError, match="step8.safetensors is missing or not what was trained and scored"):
        packed(IMAGES)


def test_an_archive_that_was_changed_is_refused(trained_place: Path) -> None:
    archive = packed(IMAGES)
    content = unpack(archive, weights=True)
    folder = trained_place / "unpacked" / IMAGES
    folder.mkdir(parents=True)
    for name, data in content.items():
        (trained_place / "unpacked" / name).write_bytes(data)
    weights = folder / WEIGHTS
    weights.write_bytes(weights.read_bytes()[:-1] + b"\x00\x01")
    with pytest.raises(InputError, match="the weights are not those whose hash is recorded"):
        replication.load(IMAGES, 1, path=str(folder))
    archive.write_bytes(archive.read_bytes()[: archive.stat().st_size // 2])
    with pytest.raises(InputError, match="no sound tar or zip archive"):
        replication.load(IMAGES, 1, path=str(archive))


def test_cells_that_are_trained_here_are_listed(trained_place: Path) -> None:
    names = ", ".join(sorted((TOY, IMAGES, MIXTURE)))
    with pytest.raises(InputError, match=rf"^outputs/train has no training of 'mine'; it has {names}\.$"):
        replication.load("mine")
    with pytest.raises(InputError, match=rf"^Name the cell to load from outputs/train; it has {names}\.$"):
        replication.load()
    with pytest.raises(InputError, match=rf"^{TOY}: seed 7 was not trained; trained seeds are 1-2\.$"):
        replication.load(TOY, 7)
    with pytest.raises(InputError, match="accepted are n of at least 1"):
        replication.load(TOY, 1).sample(0)
    shutil.rmtree("outputs/train")
    with pytest.raises(InputError, match="it has none: run `uv run python -m replication.train CELL`"):
        replication.load(TOY)
