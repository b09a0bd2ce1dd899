"""Three small cells, their data prepared and judged once, trained and scored once: what a reader's tools read."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from replication.config.params import load_params
from replication.foundation.places import DATA
from tests.in_small import ROOT, params_written, write_few

TOY, IMAGES, MIXTURE = "cpu-gan-toy-k1", "cpu-dcgan-digits", "cpu-deligan-digits"
SMALL = {"kernel": 3, "init_std": 0.02, "generator": [[4, 0], [1, 2]], "discriminator": [[4, 2], [4, 2]]}
N = 70  # samples that are scored: more than the 64 of a figure


def write_params() -> None:
    content = params_written()
    content["recipes"]["gan"]["toy-k1"] |= {
        "updates": 40,
        "network": {"hidden": [4], "nonlinearity": "tanh"},
        "n_samples": N,
    }
    content["recipes"]["dcgan"]["digits"] |= {"updates": 8, "latent_dim": 3, "network": SMALL, "n_samples": N}
    layers = {"start": 4, "generator": [[1, 3, 2]], "discriminator": [[4, 3, 2]], "pool": 2, "minibatch": [2, 2]}
    mixture = {"updates": 10, "latent_dim": 3, "network": {"convolutional": layers}, "n_samples": N}
    content["recipes"]["deligan"]["digits"] |= mixture
    content["judges"]["digits"] |= {"channels": [4], "epochs": 1}
    cells = content["profiles"]["cpu"]["cells"]
    kept = {key: {**cells[key], "seeds": "1-2", "protocols": []} for key in (TOY, IMAGES, MIXTURE)}
    kept[IMAGES]["probe"] = "none"
    write_few(content, kept)


@pytest.fixture(scope="session")
def judged(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Prepared data of three small cells, and the judge of the digits."""
    from replication.judge import (
        train_judge,  # imported where needed: the process that hands out tests computes nothing
    )
    from replication.prepare import prepare

    root = tmp_path_factory.mktemp("judged")
    (root / "replication").symlink_to(ROOT / "replication")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        write_params()
        params = load_params()
        for name in ("toy-bimodal", "digits"):
            prepare(params.datasets[name], DATA / name)
        train_judge(params, "digits")
    return root


@pytest.fixture(scope="session")
def scored(judged: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The three cells trained and scored too."""
    from replication import score, train
    from replication.scoring import toy

    root = shutil.copytree(judged, tmp_path_factory.mktemp("scored") / "place", symlinks=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        patch.setattr(toy, "GAP_UPDATES", 3)
        patch.setattr(toy, "FRESH", 50)
        for key in (TOY, IMAGES, MIXTURE):
            train.main([key])
            score.main([key])
    return root


@pytest.fixture
def place(judged: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the prepared data and the judge, the current directory of the test."""
    return _copy(judged, tmp_path, monkeypatch)


@pytest.fixture
def trained_place(scored: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of what is trained and scored, the current directory of the test."""
    return _copy(scored, tmp_path, monkeypatch)


def _copy(source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    root = tmp_path / "place"
    shutil.copytree(source, root, symlinks=True)
    monkeypatch.chdir(root)
    return root
