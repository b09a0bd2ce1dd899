"""What a cell's protocols need is missed before anything is trained, by cell, protocol and mend."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from replication import prepare, train
from replication.config.params import Cell, Params
from replication.data.reading import PreparedImages, ToyData
from replication.foundation.errors import InputError
from replication.metrics import inception_network
from replication.scoring import experiment_requirements, requirements
from replication.scoring.protocols import PROTOCOLS
from replication.scoring.requirements import NEEDS, PROBE, require_cell, require_protocols

ROWS = np.arange(20)
DCGAN, CONDITIONAL, PLANTED = "cpu-dcgan-digits", "cpu-dcgan-digits-conditional", "cpu-dcgan-digits-planted"
GAN, DELIGAN = "cpu-gan-digits", "cpu-deligan-digits"
HOLDS = {
    "nearest-generated": CONDITIONAL,
    "latent-walk": GAN,
    "latent-arithmetic": GAN,
    "components": DELIGAN,
    "filters": DCGAN,
    "memorisation": PLANTED,
    "forgetting": PLANTED,
    PROBE: DCGAN,
}


@pytest.fixture
def images(monkeypatch: pytest.MonkeyPatch) -> PreparedImages:
    """A data set that every protocol is content with, of dark images with planted places; its manifest is read too."""
    labels = np.arange(200) % 10
    names = tuple("0123456789")
    counts = {"total": 200, "per_class": dict.fromkeys(names, 20)}
    manifest: dict[str, Any] = {"class_names": list(names), "counts": {"train": counts, "test": counts}, "files": {}}
    manifest["image_shape"] = [1, 8, 8]
    monkeypatch.setattr(requirements, "load_manifest", lambda _: manifest)
    dark, places = np.zeros((200, 1, 8, 8), np.uint8), np.zeros((200, 2), np.int64)
    dark[1, 0, 0, 0] = 1  # not all alike
    return PreparedImages("digits", dark, labels, dark, labels, names, manifest, places, places)


def cell_of(params: Params, key: str, protocol: str) -> Cell:
    return replace(params.cell(key), protocols=() if protocol == PROBE else (protocol,), dataset="digits")


def test_a_judge_asks_for_a_sample_in_each_split(params: Params, images: PreparedImages) -> None:
    dcgan = params.recipes["dcgan"]
    few = {**dcgan, "digits": {**dcgan["digits"], "n_samples": 9}}
    changed = replace(params, recipes={**params.recipes, "dcgan": few})
    cell = replace(params.cell(DCGAN), protocols=(), dataset="digits")
    with pytest.raises(InputError, match=r"cpu-dcgan-digits has n_samples 9, and its judge's score has 10 splits; ask"):
        require_protocols(changed, cell, images, ROWS)
    require_protocols(replace(changed, judges={}), cell, images, ROWS)


def test_every_protocol_is_looked_after() -> None:
    assert NEEDS.keys() == {*PROTOCOLS, PROBE} == {*HOLDS, "inception"}


@pytest.mark.parametrize(("protocol", "key"), HOLDS.items())
def test_what_is_there_is_not_missed(
    params: Params, images: PreparedImages, protocol: str, key: str, capsys: pytest.CaptureFixture[str]
) -> None:
    require_protocols(params, cell_of(params, key, protocol), images, ROWS)
    assert capsys.readouterr() == ("", "")  # nothing is left out either


def with_tests(data: PreparedImages, count: int, train: int = 200) -> PreparedImages:
    tests = {"test_images": data.test_images[:count], "test_labels": data.test_labels[:count]}
    return replace(data, **tests, train_images=data.train_images[:train])


def without_tests(data: PreparedImages) -> PreparedImages:
    data.manifest["counts"]["test"] = {"total": 0, "per_class": {}}
    return replace(data, test_images=data.test_images[:0], test_labels=data.test_labels[:0])


def crowded(data: PreparedImages) -> PreparedImages:
    data.manifest["counts"]["train"]["per_class"]["3"] = 4
    return data


def in_colour(data: PreparedImages) -> PreparedImages:
    data.manifest["image_shape"] = [3, 8, 8]
    return data


Change = Callable[[PreparedImages], PreparedImages]
LACKING: list[tuple[str, str, Change, str]] = [
    ("nearest-generated", CONDITIONAL, without_tests, "data set digits has no test images; take the protocol out"),
    ("nearest-generated", DCGAN, lambda data: data, "its samples have no labels; take the protocol out of the cell"),
    ("latent-walk", GAN, without_tests, "has no test images"),
    ("latent-arithmetic", GAN, lambda data: replace(data, train_images=data.train_images + 200), "a median level"),
    ("components", GAN, lambda data: data, "the prior of its recipe has no components"),
    ("filters", DCGAN, without_tests, "has no test images"),
    ("filters", DCGAN, lambda data: with_tests(data, 19), "data set digits has 19 test images, and it needs 20"),
    ("memorisation", PLANTED, lambda data: with_tests(data, 1, train=60), "has 1 test images, and it needs 2"),
    ("filters", GAN, lambda data: data, "its discriminator has no maps of convolutions"),
    ("memorisation", PLANTED, lambda data: without_tests(with_tests(data, 1, train=60)), "no test"),
    ("forgetting", PLANTED, lambda data: replace(data, train_places=None), "has no planted object"),
    ("forgetting", GAN, lambda data: data, "its generator is not convolutional"),
    (PROBE, DCGAN, in_colour, r"images of \[3, 8, 8\], and the discriminator takes \[1, 8, 8\]; write `probe: none`"),
    (PROBE, DCGAN, crowded, "a class of digits has about 3 images that are not held out, and limited_labels asks for"),
]


@pytest.mark.parametrize(("protocol", "key", "change", "sentence"), LACKING)
def test_what_is_missing_is_named(
    params: Params, images: PreparedImages, protocol: str, key: str, change: Change, sentence: str
) -> None:
    with pytest.raises(InputError, match=rf"^Cell {key}, protocol {protocol}: .*{sentence}.*\.$"):
        require_protocols(params, cell_of(params, key, protocol), change(images), ROWS)


def test_a_data_set_named_for_the_probe_needs_test_images(
    params: Params, images: PreparedImages, capsys: pytest.CaptureFixture[str]
) -> None:
    """The cell's own is not probed without them."""
    cell, data = cell_of(params, DCGAN, PROBE), without_tests(images)
    require_protocols(params, cell, data, ROWS)
    assert "distances to held-out images under its judge and the linear probe, for data set" in capsys.readouterr().out
    mend = "no test images; write `probe: none` in the cell, or the name of another data set"
    with pytest.raises(InputError, match=mend):
        require_protocols(params, replace(cell, probe="mnist"), data, ROWS)


@pytest.mark.parametrize("protocol", ["components", "latent-arithmetic"])
def test_a_judge_must_be_planned(params: Params, images: PreparedImages, protocol: str) -> None:
    cell = cell_of(params, HOLDS[protocol], protocol)
    with pytest.raises(InputError, match="no judge tells the classes of digits apart; add one to judges in params"):
        require_protocols(replace(params, judges={}), cell, images, ROWS)


@pytest.mark.parametrize(("shape", "classes"), [([3, 8, 8], 10), ([1, 8, 8], 2)])
def test_a_judge_of_other_images_or_classes_is_refused(
    params: Params,
    images: PreparedImages,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    shape: list[int],
    classes: int,
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("outputs/data/mnist").mkdir(parents=True)
    Path("outputs/data/mnist/manifest.json").write_text("{}", encoding="utf-8")
    other = {"image_shape": shape, "class_names": ["a"] * classes}
    monkeypatch.setattr(requirements, "load_manifest", lambda _: other)
    judged = {**params.datasets, "digits": replace(params.datasets["digits"], judged_by="mnist")}
    cell = replace(params.cell(DCGAN), protocols=(), probe="none")
    sides = "×".join(map(str, shape))
    known = f"cell {DCGAN}: the judge of mnist knows {sides} of {classes} classes, and data set digits has 1×8×8 of 10"
    with pytest.raises(InputError, match=known):
        require_protocols(replace(params, datasets=judged), cell, images, ROWS)


def test_a_network_that_does_not_fit_is_of_a_cell(params: Params, images: PreparedImages) -> None:
    cell = replace(params.cell(DCGAN), protocols=(), recipe="cifar10", variant="code")
    with pytest.raises(InputError, match=f"^Cell {DCGAN}: "):
        require_protocols(params, cell, images, ROWS)


def test_weights_are_missed_at_once(sources: Path, params: Params, monkeypatch: pytest.MonkeyPatch) -> None:
    def offline(*_: object, **__: object) -> None:
        raise OSError("no network")

    monkeypatch.setattr(torch.hub, "download_url_to_file", offline)
    monkeypatch.setattr(train, "train_block", lambda *_: pytest.fail("trained"))
    experiment_requirements._lacking_weights.cache_clear()
    cell = replace(params.cell(GAN), protocols=("inception",))
    prepare.main(["digits"])
    with pytest.raises(InputError) as refused:
        train.train_cell(params, cell)
    sentence = str(refused.value)
    assert sentence.startswith(f"Cell {GAN}, protocol inception: ")
    assert sentence.endswith("or write `weights: none` under inception.")
    assert inception_network.NAME in sentence and "data/weights" in sentence
    with pytest.raises(InputError, match=f"^Cell {GAN}, protocol inception: "):
        require_cell(params, cell)
    experiment = replace(params.cell("cpu-reference-points-digits"), protocols=("inception",))
    with pytest.raises(InputError, match="^Cell cpu-reference-points-digits, protocol inception: "):
        require_cell(params, experiment)
    protocols = params.profile.protocols
    skipped = replace(protocols, inception=replace(protocols.inception, weights="none"))
    require_cell(replace(params, profile=replace(params.profile, protocols=skipped)), cell)
    experiment_requirements._lacking_weights.cache_clear()


def test_needs_torch_fidelity(params: Params, images: PreparedImages, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(experiment_requirements, "find_spec", lambda _: None)
    with pytest.raises(InputError, match=f"^Cell {GAN}, protocol inception: torch-fidelity is not installed; install"):
        require_protocols(params, cell_of(params, GAN, "inception"), images, ROWS)


def test_points_have_no_protocols_of_images(params: Params) -> None:
    points = ToyData("toy", np.zeros((4, 2), np.float32), np.zeros(4), np.zeros((1, 2)), 0.1, np.ones(1), {})
    toy = params.cell("cpu-gan-toy-k1")
    require_protocols(params, toy, points, ROWS)
    with pytest.raises(InputError, match="cpu-gan-toy-k1 names protocols of images, and toy has none: take them out"):
        require_protocols(params, replace(toy, protocols=("filters",)), points, ROWS)


def test_a_manifest_of_other_classes_is_refused(sources: Path, params: Params) -> None:
    prepare.main(["digits"])
    path = Path("outputs/data/digits/manifest.json")
    written = json.loads(path.read_text(encoding="utf-8"))
    for changed in ({"class_names": [*"1023456789"]}, {"class_names": [*"0023456789"]}, {"counts": {}}):
        path.write_text(json.dumps({**written, **changed}), encoding="utf-8")
        with pytest.raises(InputError, match="digits/manifest.json counts other classes than the labels have: run"):
            require_cell(params, params.cell(GAN))


def test_the_cells_of_params_yaml_are_content_with_embedded_data(
    sources: Path, params: Params, capsys: pytest.CaptureFixture[str]
) -> None:
    prepare.main(["toy-bimodal", "digits", "digits-planted"])
    capsys.readouterr()
    for cell in params.profile.scored.values():
        require_cell(params, cell)
    assert capsys.readouterr() == ("", "")
