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
from safetensors.torch import load_file, save_file

import replication
from replication import run, train
from replication.config.params import load_params
from replication.foundation.errors import InputError
from replication.foundation.places import SCORED, TRAINED
from replication.foundation.provenance import sha256_file
from replication.record import main as record
from replication.record import pack_blocks
from replication.table.archives import WEIGHTS, unpack
from tests.in_small import edit, put
from tests.own.samples import IMAGES, MIXTURE, TOY, N

pytestmark = pytest.mark.integration


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
        np.testing.assert_array_equal(generator.sample(np.int64(N), np.uint8(0)), images)
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


def test_a_report_keeps_no_weights(trained_place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("replication.report.build.build_report", lambda *_: None)
    monkeypatch.setattr("replication.page.write_page", lambda *_: None)
    record([str(packed(IMAGES))])
    files = {path.name for path in (trained_place / "reports/recorded" / IMAGES).iterdir()}
    assert files == {"measurements.csv.gz", "provenance.json", "samples.npz"}


def rewritten(folder: Path, **values: object) -> None:
    path = folder / "provenance.json"
    path.write_text(json.dumps({**json.loads(path.read_text(encoding="utf-8")), **values}), encoding="utf-8")


def other_weights(folder: Path) -> None:
    save_file({"generator.x": torch.zeros(2, 3)}, folder / "step8.safetensors")


def other_networks(folder: Path) -> None:
    """Weights of other networks under a hash that fits them: as if the model's code had changed."""
    other_weights(folder)
    rewritten(folder, weights_sha256={"8": sha256_file(folder / "step8.safetensors")})


def rehashed(change: Callable[[torch.Tensor], torch.Tensor]) -> Callable[[Path], None]:
    """Changes every tensor of the last step, under a hash that fits: as a stranger's archive may have them."""

    def apply(folder: Path) -> None:
        file = folder / "step8.safetensors"
        save_file({name: change(tensor).contiguous() for name, tensor in load_file(file).items()}, file)
        rewritten(folder, weights_sha256={"8": sha256_file(file)})

    return apply


def not_numbers(tensor: torch.Tensor) -> torch.Tensor:
    return tensor * float("nan") if tensor.is_floating_point() else tensor


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda folder: rewritten(folder, diverged_seeds={"1": 8}), "the training of seed 1 diverged"),
        (lambda folder: rewritten(folder, diverged_seeds=None), "does not say which seeds diverged"),
        (
            rehashed(not_numbers),
            "seed 1 has weights that are NaN or infinite",
        ),
        (rehashed(torch.Tensor.double), "its weights do not fit the networks of digits"),
        (rehashed(lambda tensor: tensor[:, :1] if tensor.ndim > 1 else tensor), "its weights do not fit the networks"),
        (lambda folder: rewritten(folder, sample_shape=[1, 64, 64]), "its weights do not fit the networks of digits"),
        (lambda folder: rewritten(folder, sample_shape=[True] * 3), "does not say what its samples look like"),
        (other_weights, "the weights are not those whose hash is recorded"),
        (lambda folder: (folder / "step8.safetensors").unlink(), "has no weights: pack them with --weights, or train"),
        (lambda folder: rewritten(folder, weights_sha256={}), "records no hash of weights: train"),
        (lambda folder: rewritten(folder, sample_shape=[1, 10**9, 8]), "does not say what its samples look like"),
        (lambda _: edit(put("recipes.dcgan.digits.latent_dim", 4)), "was trained by another recipe than params.yaml"),
        (other_networks, "its weights do not fit the networks of digits"),
    ],
)
def test_another_training_is_refused(trained_place: Path, change: Callable[[Path], object], sentence: str) -> None:
    change(TRAINED / load_params().cell(IMAGES).folder)
    with pytest.raises(InputError, match=sentence):
        replication.load(IMAGES, 1)


def changed_archive() -> Path:
    archive = packed(IMAGES)
    archive.write_bytes(archive.read_bytes()[: archive.stat().st_size // 2])
    return archive


def changed_weights() -> Path:
    """A folder unpacked from an archive, with other bytes in its weights."""
    folder = Path("unpacked", IMAGES)
    folder.mkdir(parents=True)
    for name, data in unpack(packed(IMAGES), weights=True).items():
        (folder.parent / name).write_bytes(data)
    (folder / WEIGHTS).write_bytes((folder / WEIGHTS).read_bytes()[:-1] + b"\x00\x01")
    return folder


def packed_anew() -> Path:
    other_weights(TRAINED / load_params().cell(IMAGES).folder)
    return packed(IMAGES)


NAMES = ", ".join(sorted((TOY, IMAGES, MIXTURE)))


@pytest.mark.parametrize(
    ("action", "sentence"),
    [
        (packed_anew, "step8.safetensors is missing or not what was trained and scored"),
        (lambda: run.main([IMAGES, "--weights"]), "--weights says what is packed: name a folder with --pack DIR too"),
        (lambda: replication.load(seed=1, path=str(changed_weights())), "the weights are not those whose hash is rec"),
        (lambda: replication.load(IMAGES, 1, path=str(changed_archive())), "no sound tar or zip archive"),
        (lambda: replication.load("mine"), rf"^outputs/train has no training of 'mine'; it has {NAMES}\.$"),
        (lambda: replication.load(), rf"^Name the cell to load from outputs/train; it has {NAMES}\.$"),
        (lambda: replication.load(TOY, 7), rf"^{TOY}: seed 7 was not trained; trained seeds are 1-2\.$"),
        (lambda: replication.load(TOY, 1).sample(0), "accepted are n of at least 1"),
        (lambda: replication.load(TOY, 1).sample(2.5), "n is 2.5; accepted are whole numbers"),
        (lambda: replication.load(TOY, "1"), "seed is '1'; accepted are whole numbers"),  # type: ignore[arg-type]
        (lambda: replication.load(TOY, 1).sample(10**13), "10000000000000 samples take .* GiB of memory"),
    ],
)
def test_what_cannot_be_loaded_or_packed(trained_place: Path, action: Callable[[], object], sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        action()


def test_limits(trained_place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    archive = packed(IMAGES)
    monkeypatch.setattr("replication.table.archives.MOST_WEIGHTS", 1000)
    with pytest.raises(InputError, match=f"{IMAGES}/{WEIGHTS} unpacks to .* bytes; 1000 at most"):
        replication.load(path=str(archive))
    shutil.rmtree("outputs/train")
    with pytest.raises(InputError, match="it has none: run `uv run python -m replication.train CELL`"):
        replication.load(TOY)
