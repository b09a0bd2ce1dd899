"""Three small cells, their data prepared and judged once, trained and scored once: what a reader's tools read."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.in_small import linked, put, write_small
from tests.own.samples import IMAGES, MIXTURE, TOY


# Stages are imported where needed: the process that hands out tests computes nothing.
@pytest.fixture(scope="session")
def judged(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Prepared data of three small cells, and the judge of the digits."""
    from replication import judge, prepare

    root = linked(tmp_path_factory.mktemp("judged") / "place")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        bare = [put(f"profiles.cpu.cells.{key}.protocols", []) for key in (TOY, IMAGES, MIXTURE)]
        changes = put("recipes.gan.toy-k1.engine", "kernel"), put(f"profiles.cpu.cells.{IMAGES}.probe", "none")
        write_small(dict.fromkeys((TOY, IMAGES, MIXTURE), "1-2"), *bare, *changes)
        prepare.main(["toy-bimodal", "digits"])
        judge.main(["digits"])
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
    root = shutil.copytree(judged, tmp_path / "place", symlinks=True)
    monkeypatch.chdir(root)
    return root


@pytest.fixture
def trained_place(scored: Path, place: Path) -> Path:
    """The same with all that is trained and scored."""
    shutil.copytree(scored / "outputs", place / "outputs", dirs_exist_ok=True)
    return place
