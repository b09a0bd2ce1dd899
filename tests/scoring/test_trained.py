"""What is read of a trained cell, what room its training takes, and the rows of its scores."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from pytest import MonkeyPatch
from safetensors.torch import save_file

from replication.config.params import Cell
from replication.config.recipes import Recipe
from replication.foundation import capacity
from replication.foundation.errors import InputError
from replication.foundation.places import TRAINED
from replication.foundation.provenance import sha256_file
from replication.scoring import room
from replication.scoring.room import require_room
from replication.scoring.rows import Rows
from replication.scoring.trained import read_trained
from replication.table.measurements import to_table
from tests.in_small import builder, own_params, provenance_of
from tests.scoring.small import initial_weights

PARAMS = own_params()
TOY = replace(PARAMS.recipe("gan", "toy-k1", "paper"), batch=4)
build_toy = builder("gan", TOY, (2,))


@pytest.fixture
def cell(tmp_path: Path) -> Path:
    directory = tmp_path / "cpu-toy"
    directory.mkdir()
    files = {step: directory / f"step{step}.safetensors" for step in (0, 10)}
    for step, file in files.items():
        save_file({name: weights + step for name, weights in initial_weights(build_toy, TOY, (5, 6)).items()}, file)
    save_file({"losses": torch.ones(2, 3, 2)}, directory / "history.safetensors")
    hashes = {"weights_sha256": {step: sha256_file(file) for step, file in files.items()},
              "history_sha256": sha256_file(directory / "history.safetensors")}  # fmt: skip
    trained = {"steps": [0, 10], "window": 5, "sample_shape": [2], "classes": 0, "diverged_seeds": {}}
    provenance = {**provenance_of(PARAMS.cell("cpu-gan-toy-k1")), **trained, **hashes}
    (directory / "provenance.json").write_text(json.dumps(provenance), encoding="utf-8")
    return directory


def test_a_cell_is_read_as_written(cell: Path) -> None:
    trained, start = read_trained(cell), initial_weights(build_toy, TOY, (5, 6))
    assert (trained.steps, trained.history.shape, trained.provenance["window"]) == ((0, 10), (2, 3, 2), 5)
    for index in range(2):
        networks = trained.networks(build_toy, 10, index)
        for side, network in zip(("generator", "discriminator"), networks, strict=True):
            for name, tensor in network.state_dict().items():
                assert torch.equal(tensor, start[f"{side}.{name}"][index] + 10)


DAMAGED = {
    "provenance.json": (None, b"{", b"\xff\xfe", b"{}", b"[]", b'{"steps": 5}'),
    "step10.safetensors": (None, b"no tensors", b""),
    "history.safetensors": (None, b"\x02\0\0\0\0\0\0\0{}"),
}


@pytest.mark.parametrize(("file", "content"), [(file, content) for file in DAMAGED for content in DAMAGED[file]])
def test_what_is_missing_or_damaged_is_one_sentence(cell: Path, file: str, content: bytes | None) -> None:
    (cell / file).unlink() if content is None else (cell / file).write_bytes(content)
    for directory in (cell, cell.parent / "cpu-other"):
        with pytest.raises(InputError, match=str(directory)):
            read_trained(directory)


SHAPE, CLASSES = (1, 8, 8), 10


def weights_of(cell: Cell, recipe: Recipe) -> int:
    """Bytes of the networks of all seeds, with their values."""
    networks = builder(cell.model, recipe, SHAPE, CLASSES)()
    tensors = (*networks.generator.state_dict().values(), *networks.discriminator.state_dict().values())
    return len(cell.seed_numbers) * sum(tensor.nbytes for tensor in tensors if tensor.dtype == torch.float32)


def require(cell: Cell, recipe: Recipe) -> None:
    require_room(cell, recipe, builder(cell.model, recipe, SHAPE, CLASSES), "cpu", SHAPE)


@pytest.mark.parametrize(("key", "copies"), [("cpu-dcgan-digits", 4), ("paper-gan-mnist", 3)])
def test_memory_is_asked_for_weights_gradients_and_moments(key: str, copies: int, monkeypatch: MonkeyPatch) -> None:
    cell = PARAMS.profiles[key.split("-")[0]].cells[key]
    recipe = PARAMS.recipe_of(cell)
    assert copies == (4 if recipe.adam else 3)
    needed = copies * weights_of(cell, recipe)
    monkeypatch.setattr(room, "memory", lambda: int(1.01 * needed))
    require(cell, recipe)
    monkeypatch.setattr(room, "memory", lambda: int(0.99 * needed))
    with pytest.raises(InputError, match=f"Cell {key}.*memory"):
        require(cell, recipe)


def test_what_lies_on_the_disk_already_needs_no_place(monkeypatch: MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    cell = PARAMS.cell("cpu-dcgan-digits")
    recipe = PARAMS.recipe_of(cell)
    free = weights_of(cell, recipe) * len(recipe.scored_shares)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=free))
    with pytest.raises(InputError, match="Cell cpu-dcgan-digits.*the disk"):
        require(cell, recipe)
    (TRAINED / cell.folder).mkdir(parents=True)
    (TRAINED / cell.folder / "step1.safetensors").write_bytes(bytes(8 * weights_of(cell, recipe)))
    require(cell, recipe)


def test_networks_of_any_size_are_counted_without_their_values() -> None:
    cell = PARAMS.cell("cpu-gan-digits")
    recipe = PARAMS.recipe_of(cell)
    wide = replace(recipe, network={**recipe.network, "generator_hidden": [2**16, 2**16, 2**16]})
    with pytest.raises(InputError, match="Cell cpu-gan-digits.*GiB of memory"):
        require(cell, wide)


def test_samples_are_counted_too() -> None:
    cell = PARAMS.cell("cpu-gan-digits")
    recipe = replace(PARAMS.recipe_of(cell), n_samples=10**7)
    build = builder(cell.model, recipe, (3, 64, 64), CLASSES)
    with pytest.raises(InputError, match="Cell cpu-gan-digits: 10000000 samples take 916 GiB of memory"):
        require_room(cell, recipe, build, "cpu", (3, 64, 64))


def test_a_container_may_have_less_memory_than_its_machine(tmp_path: Path, monkeypatch: MonkeyPatch) -> None:
    limit = tmp_path / "memory.max"
    monkeypatch.setattr(capacity, "LIMITS", (limit,))
    whole = capacity.memory()
    limit.write_text("max\n")
    assert capacity.memory() == whole
    limit.write_text("4096\n")
    assert capacity.memory() == 4096


CELL = Cell("gan2014", "gan", "toy-k1", "toy-bimodal", "full", "paper", "0-1", key="cpu-toy")


def some_rows(diverged: dict[int, int] | None = None) -> Rows:
    return Rows("cpu", CELL, 400, diverged or {})


def losses(rows: Rows, seed: int, metric: str) -> dict[int, tuple[float, int]]:
    return {row.step: (row.value, row.n_samples) for row in rows.collected if (row.seed, row.metric) == (seed, metric)}


def test_a_row_carries_the_cells_names_unless_given_others() -> None:
    rows = some_rows()
    rows.add(1, 5, "hit_rate", 0.5, 20, metric_variant="trained")
    rows.add(1, 5, "probe_accuracy", 0.9, 30, paper="dcgan2015", model="control", replicate=3)
    plain, control = to_table(rows.collected).to_dict("records")
    assert plain == {
        **{"profile": "cpu", "paper": "gan2014", "model": "gan", "recipe": "toy-k1", "variant": "paper"},
        **{"dataset": "toy-bimodal", "split": "full", "n_train": 400, "seed": 1, "step": 5, "class": "all"},
        **{"metric": "hit_rate", "metric_variant": "trained", "judge": "", "replicate": 0, "value": 0.5},
        **{"replicate_kind": "training", "device": "cpu", "precision": "float32", "n_samples": 20, "unit": "share"},
    }
    expected = {**plain, "paper": "dcgan2015", "model": "control", "replicate": 3}
    assert {key: control[key] for key in ("paper", "model", "recipe", "replicate")}.items() <= expected.items()


@pytest.mark.parametrize(("step", "lost"), [(0, False), (99, False), (100, True), (200, True)])
def test_a_diverged_seed_has_no_value_from_its_step_on(step: int, lost: bool) -> None:
    rows = some_rows({1: 100})
    rows.add(1, step, "success", 1.0, 10)
    rows.add(0, step, "success", 1.0, 10)
    assert np.isnan(rows.collected[0].value) == lost
    assert rows.collected[1].value == 1.0


def test_divergence_itself_is_never_missing_nor_forgotten_afterwards() -> None:
    rows = some_rows({1: 100})
    rows.add_divergence((0, 1), 200)
    assert [(row.seed, row.value) for row in rows.collected] == [(0, 0.0), (1, 1.0)]
    rows.add(1, 200, "success", 1.0, 10)
    assert np.isnan(rows.collected[-1].value) and rows.diverged == {1: 100}


def test_losses_are_averaged_over_windows() -> None:
    history = np.arange(40, dtype=np.float32).reshape(2, 10, 2)
    rows = some_rows()
    rows.add_losses(history, (0, 1), window=4, points=5, batch=8)
    # of seed 1 the generator's losses are 20, 22, …, 38
    assert losses(rows, 1, "generator_loss") == {8 * k: (17.0 + 4 * k, 2 * 4 * 8) for k in range(1, 6)}
    assert losses(rows, 0, "discriminator_loss") == {8 * k: (4.0 * k - 2, 2 * 4 * 8) for k in range(1, 6)}
    assert len(rows.collected) == 2 * 2 * 5


def test_every_window_counts_once_where_they_do_not_divide() -> None:
    history = np.random.default_rng(0).normal(size=(1, 7, 2)).astype(np.float32)
    rows = some_rows()
    rows.add_losses(history, (3,), window=2, points=3, batch=5)
    windows = losses(rows, 3, "generator_loss")
    assert {step: count for step, (_, count) in windows.items()} == {6: 30, 10: 20, 14: 20}
    total = sum(value * count for value, count in windows.values()) / (7 * 2 * 5)
    assert total == pytest.approx(history[0, :, 0].astype(np.float64).mean())
    short = some_rows()
    short.add_losses(np.ones((1, 2, 2), np.float32), (0,), window=10, points=25, batch=1)
    assert sorted(losses(short, 0, "generator_loss")) == [10, 20]  # a row a window


def test_losses_after_divergence_are_missing_and_those_before_are_not() -> None:
    history = np.ones((2, 4, 2), np.float32)
    history[1, 2:] = np.nan
    rows = some_rows({1: 25})
    rows.add_losses(history, (0, 1), window=10, points=4, batch=1)
    values = [value for value, _ in losses(rows, 1, "generator_loss").values()]
    assert np.isnan(values).tolist() == [False, False, True, True]
    assert [value for value, _ in losses(rows, 0, "generator_loss").values()] == [1.0] * 4
