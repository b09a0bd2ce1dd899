"""Two Ray nodes on this machine: the bytes of a local run, also after the loss of a node and of the driver.

`uv run --extra cluster pytest -m cluster`
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from tests.in_small import params_written

pytestmark = [pytest.mark.cluster, pytest.mark.filterwarnings("ignore")]  # Ray's own warnings

ROOT = Path(__file__).parents[2]
DIGITS, TOY, THEORY = "cpu-gan-digits", "cpu-gan-toy-k1", "cpu-theory"
CELLS = (DIGITS, TOY, THEORY)
PATIENCE = 600.0  # seconds


@pytest.fixture(scope="module", autouse=True)
def compiled_once(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Machine code of the toys is compiled by the first that needs it; raylets may start slowly on a busy machine."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        yield


def write_project(root: Path, updates: int = 1500) -> Path:
    """A folder with the sources, and a profile of one cell of images, one of toys and one experiment."""
    content = params_written()
    content["recipes"]["gan"]["digits"] |= {"updates": updates}
    content["recipes"]["gan"]["toy-k1"] |= {"updates": 800, "n_samples": 100}
    content["judges"]["digits"] |= {"epochs": 2}
    content["theory"] |= {"updates": 20, "fresh": 100}
    profile = content["profiles"]["cpu"]
    seeds = {DIGITS: "0-1", TOY: "0-24", THEORY: "0-1"}
    for kind, keys in (("cells", (DIGITS, TOY)), ("experiments", (THEORY,))):
        profile[kind] = {key: {**profile[kind][key], "seeds": seeds[key]} for key in keys}
    content |= {"run": {**profile, "models": ["gan"]}, "profiles": {"cpu": {**profile, "models": ["gan"]}}}
    content["recipes"] = {"gan": {name: content["recipes"]["gan"][name] for name in ("digits", "toy-k1")}}
    root.mkdir()
    (root / "replication").symlink_to(ROOT / "replication")
    (root / "params.yaml").write_text(json.dumps(content), encoding="utf-8")
    return root


def start(root: Path, *options: str) -> subprocess.Popen[str]:
    """`replication.run` of all cells, in a process."""
    command = [sys.executable, "-m", "replication.run", *CELLS, *options]
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(root.parent / "compiled")}
    return subprocess.Popen(
        command, cwd=root, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment
    )


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


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """The results of a run without a cluster."""
    root = write_project(tmp_path_factory.mktemp("local") / "project")
    ended(start(root))
    found = results(root)
    assert {Path(name).name for name in found} >= {"measurements.csv", "samples.npz", "history.safetensors"}
    return found


@pytest.fixture
def nodes() -> Iterator[Any]:
    """Two nodes of one core each."""
    cluster_utils = pytest.importorskip("ray.cluster_utils", reason="needs `uv sync --extra cluster`")
    head = {"num_cpus": 1, "include_dashboard": False}
    cluster = cluster_utils.Cluster(initialize_head=True, head_node_args=head)
    try:
        yield cluster
    finally:
        cluster.shutdown()


def states(shared: Path) -> list[Path]:
    """Checkpoints of the cell of images that a training goes on from."""
    return list(shared.glob(f"state/checkpoints/{DIGITS}-*/state-*"))


def test_a_lost_node_changes_no_byte(local: dict[str, bytes], nodes: Any, tmp_path: Path) -> None:
    lost, root, shared = nodes.add_node(num_cpus=1), write_project(tmp_path / "project"), tmp_path / "shared"
    process = start(root, "--runner", "ray", "--address", nodes.address, "--shared", str(shared))
    until(lambda: len(states(shared)) == 2, process)  # a seed trains on each node
    nodes.remove_node(lost, allow_graceful=False)
    when = datetime.now().astimezone()
    printed = ended(process)
    assert results(root) == local
    for seed in (0, 1):
        assert f"train {DIGITS}+{seed}: done" in printed
        (part,) = shared.glob(f"work/*/outputs/train/cpu-parts/gan/{DIGITS}+{seed}/provenance.json")
        clock = json.loads(part.read_text(encoding="utf-8"))["clock"]
        assert datetime.fromisoformat(clock["started"]) < when  # both went on from their checkpoints
    again = ended(start(root, "--runner", "ray", "--address", nodes.address, "--shared", str(shared)))
    assert "done" not in again and results(root) == local  # all is kept


def test_a_killed_driver_goes_on_where_it_was(local: dict[str, bytes], nodes: Any, tmp_path: Path) -> None:
    nodes.add_node(num_cpus=1)
    root, options = write_project(tmp_path / "project"), ("--runner", "ray", "--address", nodes.address)
    options += ("--shared", str(tmp_path / "shared"))
    process = start(root, *options)
    until(lambda: states(tmp_path / "shared"), process)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    ended(start(root, *options))
    assert results(root) == local
    assert not list(root.glob(".replication/units/*"))  # joined and forgotten
