"""What the cluster costs: 40 toy cells on two Ray nodes of one core against a local run on two cores.

`uv run --extra cluster python -m benchmarks.speed.cluster [--cells N] [--updates U] [--rounds R]` prints seconds of
both and their ratio, after holding the measurements of both against each other, byte for byte. Both runs begin without
prepared data, and with the games compiled.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks.speed.nodes import ROOT, Nodes
from replication.config.expansion import read_params

SEEDS = 10  # of a cell: what scoring plays together
RECIPE, DATASET = "toy-k1", "toy-bimodal"


def write_project(root: Path, cells: int, updates: int) -> list[str]:
    """A folder with the sources and one profile of toy cells; returns their keys."""
    content = json.loads(json.dumps(read_params(ROOT / "params.yaml")))
    recipe = {**content["recipes"]["gan"][RECIPE], "updates": updates, "n_samples": 1000}
    block = {"paper": "gan2014", "model": "gan", "recipe": RECIPE, "dataset": DATASET, "split": "full"}
    blocks = {
        f"cpu-toy-{n}": {**block, "variant": "paper", "seeds": f"{n * SEEDS}-{(n + 1) * SEEDS - 1}"}
        for n in range(cells)
    }
    few = {"cells": blocks, "experiments": {}, "models": ["gan"], "datasets": [DATASET], "judges": [], "threads": 2}
    profile = {**content["profiles"]["cpu"], **few}
    content |= {"recipes": {"gan": {RECIPE: recipe}}, "profiles": {"cpu": profile}, "run": profile}
    content["theory"] |= {"generator": RECIPE}
    root.mkdir()
    (root / "replication").symlink_to(ROOT / "replication")
    (root / "params.yaml").write_text(json.dumps(content), encoding="utf-8")
    return list(blocks)


def seconds(root: Path, keys: Sequence[str], *options: str) -> float:
    """Seconds that `replication.run` takes for cells in a folder."""
    began = time.monotonic()
    command = [sys.executable, "-m", "replication.run", *options, *keys]
    subprocess.run(command, cwd=root, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return time.monotonic() - began


def measurements(root: Path) -> dict[str, bytes]:
    """The table of each cell."""
    return {path.parent.name: path.read_bytes() for path in root.glob("outputs/score/*/*/*/measurements.csv")}


def main(arguments: Sequence[str] | None = None) -> None:
    """Time both, `--rounds` times in turn."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.speed.cluster", description=__doc__)
    parser.add_argument("--cells", type=int, default=40)
    parser.add_argument("--updates", type=int, default=10_000, help="of each training")
    parser.add_argument("--rounds", type=int, default=1)
    asked = parser.parse_args(arguments)
    durations: dict[str, list[float]] = {"local": [], "ray": []}
    with tempfile.TemporaryDirectory() as folder:
        os.environ["NUMBA_CACHE_DIR"] = str(Path(folder) / "compiled")
        keys = write_project(Path(folder) / "warm", 1, 100)
        seconds(Path(folder) / "warm", keys)  # compiles
        for number in range(asked.rounds):
            local, remote = (Path(folder) / f"{name}-{number}" for name in durations)
            keys = write_project(local, asked.cells, asked.updates)
            write_project(remote, asked.cells, asked.updates)
            durations["local"].append(seconds(local, keys))
            with Nodes() as nodes:
                for _ in range(2):
                    nodes.order("add")
                durations["ray"].append(seconds(remote, keys, "--runner", "ray", "--address", nodes.address))
            if measurements(local) != measurements(remote) or len(measurements(local)) != asked.cells:
                raise SystemExit("The cluster measured something else than the local run.")
    for name, values in durations.items():
        print(f"{name}: {', '.join(f'{value:.1f}' for value in values)} s")
    ratios = [remote / local for local, remote in zip(*durations.values(), strict=True)]
    print(f"ratio: {statistics.median(ratios):.2f} (n = {len(ratios)}, {asked.cells} cells of {SEEDS} seeds)")


if __name__ == "__main__":
    main()
