"""A Ray cluster on this machine that obeys lines of stdin: `python -m benchmarks.speed.nodes`.

`add` starts a node of one core, `remove` kills the oldest. The address is printed first, and `ok` after each line. Ray
lives in a process of its own, since it catches signals and leaves files open.
"""

from __future__ import annotations

import sys

from ray.cluster_utils import Cluster  # pyright: ignore[reportMissingImports]


def main() -> None:
    """A head without a core, and the nodes that are asked for; all of it ends with stdin."""
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
