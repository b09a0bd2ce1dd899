"""Three small cells, trained and scored once: what a reader's tools read."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from replication.config.expansion import read_params
from replication.config.params import load_params

TOY, IMAGES, MIXTURE = "cpu-gan-toy-k1", "cpu-dcgan-digits", "cpu-deligan-digits"
SMALL = {"kernel": 3, "init_std": 0.02, "generator": [[4, 0], [1, 2]], "discriminator": [[4, 2], [4, 2]]}
N = 70  # samples that are scored: more than the 64 of a figure


def params_in_small(root: Path) -> None:
    content = read_params(root / "params.yaml")
    content["recipes"]["gan"]["toy-k1"] |= {
        "updates": 40,
        "network": {"hidden": [4], "nonlinearity": "tanh"},
        "n_samples": N,
    }
    content["recipes"]["dcgan"]["digits"] |= {"updates": 8, "latent_dim": 3, "network": SMALL, "n_samples": N}
    content["recipes"]["deligan"]["digits"] |= {"updates": 40, "n_samples": N}
    content["judges"]["digits"] |= {"channels": [4], "epochs": 1}
    run = content["profiles"]["cpu"]
    cells = {key: {**run["cells"][key], "seeds": "1-2", "protocols": []} for key in (TOY, IMAGES, MIXTURE)}
    cells[IMAGES]["probe"] = "none"
    content["run"] = {**run, "cells": cells, "models": ["gan", "dcgan", "deligan"], "experiments": {}}
    content["profiles"] = {"cpu": content["run"]}
    (root / "params.yaml").write_text(json.dumps(content), encoding="utf-8")


@pytest.fixture(scope="session")
def scored(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three small cells, trained and scored."""
    from replication import score, train  # imported where needed: the process that hands out tests computes nothing
    from replication.judge import train_judge
    from replication.prepare import prepare
    from replication.scoring import toy

    root = tmp_path_factory.mktemp("scored")
    source = Path(__file__).parents[2]
    shutil.copy(source / "params.yaml", root)
    (root / "replication").symlink_to(source / "replication")
    params_in_small(root)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        patch.setattr(toy, "GAP_UPDATES", 3)
        patch.setattr(toy, "FRESH", 50)
        params = load_params()
        for name in ("toy-bimodal", "digits"):
            prepare(params.datasets[name], score.DATA / name)
        train_judge(params, "digits")
        for key in (TOY, IMAGES, MIXTURE):
            train.main([key])
            score.main([key])
    return root


@pytest.fixture
def place(scored: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of it, the current directory of the test."""
    root = tmp_path / "place"
    shutil.copytree(scored, root, symlinks=True)
    monkeypatch.chdir(root)
    return root
