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
from tests.in_small import own_params
from tests.scoring.small import initial_weights

PARAMS = own_params()
TOY = replace(PARAMS.recipe("gan", "toy-k1", "paper"), batch=4)


def build_toy() -> Networks:
    return load("gan").build(TOY.network, TOY.prior, TOY.latent_dim, (2,))


@pytest.fixture
def cell(tmp_path: Path) -> Path:
    directory = tmp_path / "cpu-toy"
    directory.mkdir()
    state, files = (
        initial_weights(build_toy, TOY, (5, 6)),
        {step: directory / f"step{step}.safetensors" for step in (0, 10)},
    )
    for step, file in files.items():
        save_file({name: tensor + step for name, tensor in state.items()}, file)
    save_file({"losses": torch.ones(2, 3, 2)}, directory / "history.safetensors")
    hashes = {"weights_sha256": {step: sha256_file(file) for step, file in files.items()},
              "history_sha256": sha256_file(directory / "history.safetensors")}  # fmt: skip
    provenance = {"steps": [0, 10], "window": 5, "device": "cpu", "precision": "float32", **hashes}
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
