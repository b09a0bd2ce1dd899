"""Two Ray nodes on this machine: the bytes of a local run, also after the loss of a node and of the driver.

`uv run --extra cluster pytest -m cluster`
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from datetime import datetime
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from benchmarks.speed.nodes import Nodes
from replication.cluster.worker import own_root
from tests.in_small import ROOT, linked, params_written, write_few

pytestmark = pytest.mark.cluster

DIGITS, TOY, THEORY = "cpu-gan-digits", "cpu-gan-toy-k1", "cpu-theory"
CELLS = (DIGITS, THEORY)  # toys take long to compile: a slow test has them too
PATIENCE = 600.0  # seconds


@pytest.fixture(scope="module", autouse=True)
def compiled_once(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Machine code of the toys is compiled by the first that needs it; nodes have a temporary folder of the test."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NUMBA_CACHE_DIR", str(tmp_path_factory.mktemp("compiled")))
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        patch.setenv("TMPDIR", str(tmp_path_factory.mktemp("own")))
        yield


def write_project(root: Path) -> Path:
    """A folder with the sources, and a profile of one cell of images, one of toys and one experiment."""
    content = params_written()
    content["recipes"]["gan"]["digits"] |= {"updates": 800}
    content["recipes"]["gan"]["toy-k1"] |= {"updates": 800, "n_samples": 100}
    content["judges"]["digits"] |= {"epochs": 2}
    content["theory"] |= {"updates": 20, "fresh": 100}
    planned = content["profiles"]["cpu"]
    cells = {key: {**planned["cells"][key], "seeds": seeds} for key, seeds in ((DIGITS, "0-1"), (TOY, "0-24"))}
    experiments = {THEORY: {**planned["experiments"][THEORY], "seeds": "0-1"}}
    write_few(content, cells, linked(root), experiments=experiments)
    shutil.copy(ROOT / "pyproject.toml", root)
    return root


def start(root: Path, *options: str, cells: Sequence[str] = CELLS, uv: bool = False) -> subprocess.Popen[str]:
    """`replication.run` of cells, in a process; with `uv` below `uv run`, for which Ray looks among its parents."""
    before = ["uv", "run", "--no-sync", "--offline", "--extra", "cluster"] if uv and shutil.which("uv") else []
    command = [*before, sys.executable, "-m", "replication.run", *cells, *options]
    environment, pipe = {**os.environ, "UV_PROJECT_ENVIRONMENT": sys.prefix}, subprocess.PIPE
    return subprocess.Popen(command, cwd=root, env=environment, text=True, stdout=pipe, stderr=pipe)


def ended(process: subprocess.Popen[str]) -> str:
    """What a process that ended well printed."""
    printed, errors = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0, printed + errors[-3000:]
    return printed


def results(root: Path) -> dict[str, bytes]:
    """All that was trained and scored, but clocks."""
    files = [path for kind in ("train", "score") for path in root.glob(f"outputs/{kind}/cpu/*/*/*")]
    return {str(path.relative_to(root)): path.read_bytes() for path in files if path.name != "provenance.json"}


def until(holds: Any, process: subprocess.Popen[str]) -> None:
    """Wait until something holds, while the process runs."""
    end = time.monotonic() + PATIENCE
    while not holds():
        assert process.poll() is None and time.monotonic() < end, process.communicate()
        time.sleep(0.1)


def run_here(root: Path, cells: Sequence[str] = CELLS) -> dict[str, bytes]:
    """The results of a run without a cluster."""
    ended(start(write_project(root), cells=cells))
    files = results(root)
    assert {Path(name).name for name in files} >= {"measurements.csv", "samples.npz", "history.safetensors"}
    return files


@pytest.fixture
def nodes() -> Iterator[Nodes]:
    if find_spec("ray") is None:
        pytest.skip("Ray is not installed: `uv sync --extra cluster`")
    with Nodes() as nodes:
        yield nodes


def states(shared: Path) -> set[Path]:
    """Checkpoints of the cell of images that a training goes on from."""
    return set(shared.glob(f"state/checkpoints/{DIGITS}-*/state-*"))


def test_a_killed_driver_and_a_lost_node_change_no_byte(nodes: Nodes, tmp_path: Path) -> None:
    local = run_here(tmp_path / "local")
    root, shared = write_project(tmp_path / "project"), tmp_path / "shared"
    options = ("--runner", "ray", "--address", nodes.address, "--shared", str(shared))
    nodes.order("add")
    for number, status in ((signal.SIGTERM, 75), (signal.SIGKILL, -signal.SIGKILL)):
        process, before = start(root, *options, uv=number == signal.SIGTERM), states(shared)
        until(lambda before=before: states(shared) != before, process)  # a training is half-way on the only node
        process.send_signal(number)
        _, errors = process.communicate(timeout=PATIENCE)
        assert process.returncode == status and "Traceback" not in errors and "***" not in errors
    when, begun = datetime.now().astimezone(), states(shared)
    process = start(root, *options)
    until(lambda: states(shared) != begun, process)  # it has gone on
    nodes.order("add")
    nodes.order("remove")  # the one that has the unit: the other goes on with it
    ended(process)
    assert results(root) == local
    parts = shared.glob(f"work/*/outputs/train/cpu-parts/gan/{DIGITS}+*/provenance.json")
    clocks = [json.loads(part.read_text(encoding="utf-8"))["clock"] for part in parts]
    assert min(datetime.fromisoformat(clock["started"]) for clock in clocks) < when  # it went on from its checkpoint
    assert not list(root.glob(".replication/units/*"))  # joined and forgotten


@pytest.mark.slow
def test_without_a_shared_folder_and_as_a_stage_no_byte_changes(nodes: Nodes, tmp_path: Path) -> None:
    """Without a shared folder: inputs travel through Ray, and checkpoints lie in the node's own temporary folder."""
    cells = (*CELLS, TOY)
    local = run_here(tmp_path / "local", cells)
    for _ in range(2):
        nodes.order("add")
    root = write_project(tmp_path / "project")
    ended(start(root, "--runner", "ray", "--address", nodes.address, cells=cells))
    assert results(root) == local and own_root(Path(os.environ["TMPDIR"])).exists()
    rescored_as_a_stage(root, nodes.address)
    assert results(root) == local


def rescored_as_a_stage(root: Path, address: str) -> None:
    """Score the toy cell again as the pipeline's stage does, whose profile says where."""
    content = json.loads((root / "params.yaml").read_text(encoding="utf-8"))
    content["run"] |= {"runner": "ray", "cluster": {"address": address, "unit_seeds": 10}}
    (root / "params.yaml").write_text(json.dumps(content), encoding="utf-8")
    shutil.rmtree(root / "outputs" / "score" / "cpu" / "gan" / TOY)
    command = [sys.executable, "-m", "replication.score", TOY]
    printed = subprocess.run(command, cwd=root, capture_output=True, text=True, check=True).stdout
    assert [f"score {TOY}+{part}: done" in printed for part in ("0-9", "10-19", "20-24")] == [True] * 3
