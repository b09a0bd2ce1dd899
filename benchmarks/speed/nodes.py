"""A Ray cluster on this machine that obeys lines of stdin: `python -m benchmarks.speed.nodes`.

`add` starts a node of one core, `remove` kills the oldest. The address is printed first, and `ok` after each line. Ray
lives in a process of its own, since it catches signals and leaves files open; `Nodes` is that process seen from here.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
PATIENCE = "120"  # seconds that a node may take to start, where other work has the cores


class Nodes:
    """A cluster without a core, to which nodes of one core are added; it ends with its context."""

    def __init__(self) -> None:
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL, "text": True}
        # Ray's workers give way to all else on their machine: here they share it with what they are held against.
        environment = os.environ | {"RAY_gcs_server_port_wait_time_s": PATIENCE, "RAY_worker_niceness": "0"}
        command = [sys.executable, "-m", "benchmarks.speed.nodes"]
        self._process = subprocess.Popen(command, cwd=ROOT, env=environment, **pipes)
        self.address = self._read()

    def __enter__(self) -> Nodes:
        return self

    def __exit__(self, *exception: object) -> None:
        self._process.communicate(timeout=60)

    def _read(self) -> str:
        assert self._process.stdout
        while line := self._process.stdout.readline():
            if line.strip() == "ok" or line.strip().rpartition(":")[2].isdecimal():
                return line.strip()
        raise RuntimeError("Ray did not start.")

    def order(self, word: str) -> None:
        """`add` a node or `remove` the oldest."""
        assert self._process.stdin
        print(word, file=self._process.stdin, flush=True)
        assert self._read() == "ok"


def main() -> None:
    """A head without a core, and the nodes that are asked for; all of it ends with stdin."""
    from ray.cluster_utils import Cluster  # pyright: ignore[reportMissingImports] # of the extra `cluster`

    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, "include_dashboard": False})
    nodes = []
    print(cluster.address, flush=True)
    for line in sys.stdin:
        if line.strip() == "add":
            nodes.append(cluster.add_node(num_cpus=1))
        else:
            cluster.remove_node(nodes.pop(0), allow_graceful=False)
        print("ok", flush=True)
    cluster.shutdown()


if __name__ == "__main__":
    main()
