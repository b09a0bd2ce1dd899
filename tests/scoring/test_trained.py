"""What is read of a trained cell, and what of it is refused."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from replication.foundation.errors import InputError
from replication.foundation.provenance import sha256_file
from replication.models import load
from replication.models.layers.networks import Networks
from replication.scoring.trained import read_trained
from replication.training.state import initial_state, weights_of
from tests.in_small import own_params

PARAMS = own_params()
WHERE = {"device": "cpu", "precision": "float32"}
TOY = replace(PARAMS.recipe("gan", "toy-k1", "paper"), batch=4)


def build_toy() -> Networks:
    return load("gan").build(TOY.network, TOY.prior, TOY.latent_dim, (2,))


@pytest.fixture
def cell(tmp_path: Path) -> Path:
    directory = tmp_path / "cpu-toy"
    directory.mkdir()
    state = weights_of(initial_state(build_toy, TOY, (5, 6)))
    for step in (0, 10):
        save_file({name: tensor + step for name, tensor in state.items()}, directory / f"step{step}.safetensors")
    save_file({"losses": torch.ones(2, 3, 2)}, directory / "history.safetensors")
    hashes = {"weights_sha256": {step: sha256_file(directory / f"step{step}.safetensors") for step in (0, 10)}}
    history = {"history_sha256": sha256_file(directory / "history.safetensors")}
    provenance = {"steps": [0, 10], "window": 5, **hashes, **history, **WHERE}
    (directory / "provenance.json").write_text(json.dumps(provenance), encoding="utf-8")
    return directory


def test_a_cell_is_read_as_written(cell: Path) -> None:
    trained, start = read_trained(cell), initial_state(build_toy, TOY, (5, 6))
    assert (trained.steps, trained.history.shape, trained.provenance["window"]) == ((0, 10), (2, 3, 2), 5)
    for index in range(2):
        networks = trained.networks(build_toy, 10, index)
        for side, network in zip(("generator", "discriminator"), networks, strict=True):
            for name, tensor in network.state_dict().items():
                assert torch.equal(tensor, start[f"{side}.{name}"][index] + 10)


@pytest.mark.parametrize("file", ["", "provenance.json", "step10.safetensors", "history.safetensors"])
def test_what_is_missing_is_named_with_its_mend(cell: Path, file: str) -> None:
    if file:
        (cell / file).unlink()
    directory = cell if file else cell.parent / "cpu-other"
    with pytest.raises(InputError, match=str(directory)):
        read_trained(directory)


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("provenance.json", b"{"),
        ("provenance.json", b"\xff\xfe"),
        ("provenance.json", b"{}"),
        ("provenance.json", b"[]"),
        ("provenance.json", b'{"steps": 5}'),
        ("step10.safetensors", b"no tensors"),
        ("step10.safetensors", b""),
        ("history.safetensors", b"\x02\0\0\0\0\0\0\0{}"),
    ],
)
def test_what_is_damaged_is_one_sentence(cell: Path, file: str, content: bytes) -> None:
    (cell / file).write_bytes(content)
    with pytest.raises(InputError, match=str(cell)):
        read_trained(cell)
