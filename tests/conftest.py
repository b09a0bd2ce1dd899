"""A repository in small: three blocks of seeds scored, two papers' claims, and the report made from them."""

from __future__ import annotations

import pickle
import shutil
from collections.abc import Iterator
from contextlib import chdir
from pathlib import Path
from typing import Any

import pytest

from replication.config.params import Params, load_params

# Imported where needed: the process that hands out the tests reads this file too, and computes nothing.
from replication.foundation.atomic import write_atomically
from tests.in_small import BENCHMARK, ROOT, TOY, own_params, params_in_small, score  # noqa: F401 — tests take TOY


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> Iterator[None]:
    """As every stage has it: more threads than cores are slow on small tensors."""
    import torch
    from threadpoolctl import threadpool_limits

    torch.set_num_threads(1)
    with threadpool_limits(1):
        yield


@pytest.fixture(scope="session", autouse=True)
def read_once() -> Iterator[None]:
    """A text of YAML is parsed once: hundreds of tests read the suite's own params.yaml, a quarter of a second each."""
    from ruamel.yaml import YAML

    from replication.config import strict

    parsed: dict[str, bytes] = {}

    class Remembering(YAML):
        def load(self, stream: str) -> Any:
            if stream not in parsed:
                parsed[stream] = pickle.dumps(super().load(stream))
            return pickle.loads(parsed[stream])  # a copy of one's own

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(strict, "YAML", Remembering)
        yield


@pytest.fixture(scope="session")
def params() -> Params:
    """The suite's own params.yaml."""
    return own_params()


@pytest.fixture(scope="session")
def reported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The repository in small, with reports/cpu and a README that fits it; tests copy it."""
    root = tmp_path_factory.mktemp("made") / "repository"
    (root / "benchmarks").mkdir(parents=True)
    (root / "benchmarks" / "gan2014.yaml").write_text(BENCHMARK, encoding="utf-8")
    (root / "params.yaml").write_text(params_in_small(), encoding="utf-8")
    params = load_params(root / "params.yaml")
    for profile in params.profiles.values():
        for cell in profile.scored.values():
            score(root / "outputs" / "score" / cell.folder, cell, profile.name)
    remake(root)
    return root


def remake(root: Path) -> None:
    """Make reports/cpu, the page and README.md's tables of a repository in small."""
    from replication.report.build import build_report
    from replication.report.page import BEGIN, END, pages, read_page, with_tables
    from replication.verdicts.benchmarks import load_benchmarks

    with chdir(root):
        params = load_params()
        build_report(params, "cpu")
        page = read_page(params, load_benchmarks())
        for name, text in pages(page).items():
            write_atomically(Path("reports", name), text)
        readme = with_tables(f"# Title\n\n{BEGIN}\n{END}\n\nMore.\n", page)
        Path("README.md").write_text(readme, encoding="utf-8")


@pytest.fixture
def repository(reported: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the repository in small, the current directory of the test."""
    root = shutil.copytree(reported, tmp_path / "repository")
    monkeypatch.chdir(root)
    return root


@pytest.fixture
def sources(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the suite's own sources and params.yaml, the current directory of the test."""
    shutil.copy(ROOT / "params.yaml", tmp_path)
    (tmp_path / "replication").symlink_to(ROOT / "replication")
    monkeypatch.chdir(tmp_path)
    return tmp_path
