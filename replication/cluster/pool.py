"""The connection to a Ray cluster: what is sent, what runs, what comes back."""

from __future__ import annotations

import logging
import os
import shutil
import signal
import socket
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from replication.cluster.goods import digest_of, keep_copy, read_content
from replication.cluster.units import Unit
from replication.cluster.worker import NodeLeft, Parcel, Result, perform
from replication.config.cluster import Cluster
from replication.foundation.child import in_a_sentence
from replication.foundation.errors import InputError
from replication.foundation.places import TRAINED

RETRIES = 5  # after the loss of a node or of a process, before a unit counts as failed
ANSWER_SECONDS = 10.0  # that a named address has to answer at all: Ray itself would try for a quarter of an hour
# Ray's hook for `uv run` would give workers an environment of their own, and what its memory monitor killed would run
# again and again with no more memory.
SETTINGS = {"RAY_ENABLE_UV_RUN_RUNTIME_ENV": "0", "RAY_task_oom_retries": "0"}
LEFT_OUT = shutil.ignore_patterns("__pycache__", ".*")
Told = dict[str, tuple[int, int, str]]  # title of a unit → update, of how many, host


def ray_library() -> Any:
    """Ray, which few users have. Raises InputError: it is not installed."""
    os.environ.update(SETTINGS)  # read when Ray is imported
    try:
        import ray  # pyright: ignore[reportMissingImports]
    except ImportError as error:
        raise InputError(
            f"The runner ray needs Ray ({error}): install it with `uv sync --extra cluster`, here and on every node."
        ) from error
    return ray


def require_cluster(options: Cluster) -> None:
    """Raise InputError where Ray is not installed, or nothing answers at the address that the options name."""
    ray_library()
    host, _, port = options.address.removeprefix("ray://").rpartition(":")
    if host and port.isdecimal():
        try:
            socket.create_connection((host.strip("[]"), int(port)), ANSWER_SECONDS).close()
        except (OSError, OverflowError) as error:
            raise _no_cluster(options.address, error) from error


def _no_cluster(address: str, error: Exception) -> InputError:
    return InputError(
        f"There is no Ray cluster at {address!r} ({in_a_sentence(error)[:300]}): start one with `ray start --head`, "
        "name another with --address, or write --address local to start one on this machine."
    )


class Board:
    """Hears from every unit how far it is; an actor of the cluster."""

    def __init__(self) -> None:
        self._told: Told = {}

    def tell(self, title: str, update: int, of: int, host: str) -> None:
        """A unit reached an update."""
        self._told[title] = (update, of, host)

    def told(self) -> Told:
        """What was heard last of each."""
        return self._told


def on_node(packed: bytes, parcels: Sequence[Parcel], stored: Mapping[str, Any], shared: str, board: Any) -> Result:
    """A unit of work as a Ray task."""
    ray = ray_library()
    fetching = [replace(p, fetch=lambda p=p: ray.get(stored[p.digest])) if p.digest in stored else p for p in parcels]
    return perform(packed, fetching, shared, lambda *words: board.tell.remote(*words))


class Pool:
    """Units that run on the cluster that the options name.

    `shared` is a folder that every node sees, for inputs and checkpoints; without one inputs travel through Ray's
    store, and checkpoints lie on the node that wrote them.
    """

    def __init__(self, options: Cluster) -> None:
        require_cluster(options)
        self._ray, self._shared = ray_library(), Path(options.shared).absolute() if options.shared else None
        self._digests: dict[Path, str] = {}  # of what several units read
        self._stored: dict[str, Any] = {}
        self._running: dict[Any, Unit] = {}
        with tempfile.TemporaryDirectory(prefix="gan-replication-") as sources:
            shutil.copytree("replication", Path(sources, "replication"), ignore=LEFT_OUT)
            shutil.copy("params.yaml", sources)
            self._connect(options.address, sources)
        here = self._ray.util.scheduling_strategies.NodeAffinitySchedulingStrategy(
            self._ray.get_runtime_context().get_node_id(), soft=True
        )
        board = self._ray.remote(Board).options(num_cpus=0, max_restarts=-1, scheduling_strategy=here)
        self._board = board.remote()
        self._task = self._ray.remote(on_node)
        # A process stays on the GPU with which it began: the next unit may have another.
        self._gpu_task = self._ray.remote(max_calls=1)(on_node)

    def _connect(self, address: str, sources: str) -> None:
        quiet: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.ERROR}
        before = signal.getsignal(signal.SIGTERM)
        try:
            self._ray.init(address=address, runtime_env={"working_dir": sources}, **quiet)
        except (ConnectionError, RuntimeError, OSError, ValueError) as error:
            raise _no_cluster(address, error) from error
        finally:
            signal.signal(signal.SIGTERM, before)  # in whose place Ray has put its own

    def __enter__(self) -> Pool:
        return self

    def __exit__(self, *exception: object) -> None:
        self.cancel()
        self._ray.shutdown()

    def submit(self, unit: Unit) -> None:
        """Let the cluster do a unit as soon as there is room for it."""
        parcels = [Parcel(place, self._digest(place, source)) for place, source in unit.inputs.items()]
        sent = [self._sent(parcel, source) for parcel, source in zip(parcels, unit.inputs.values(), strict=True)]
        stored = {parcel.digest: reference for parcel, reference in zip(parcels, sent, strict=True) if reference}
        again = {"max_retries": RETRIES, "retry_exceptions": [NodeLeft]}
        options = {"name": unit.title, **again, **unit.demand.resources}
        shared = str(self._shared or "")
        task = self._gpu_task if unit.demand.gpus else self._task
        reference = task.options(**options).remote(unit.packed(), parcels, stored, shared, self._board)
        self._running[reference] = unit

    def _digest(self, place: Path, source: Path) -> str:
        if source not in self._digests or TRAINED in place.parents:
            self._digests[source] = digest_of(source)
        return self._digests[source]

    def _sent(self, parcel: Parcel, source: Path) -> Any:
        """An input in the shared folder, or in Ray's store (its reference): what several units read goes there once."""
        if self._shared:
            keep_copy(source, self._shared / "inputs", parcel.digest)
            return None
        if TRAINED in parcel.place.parents:  # of this unit alone: Ray may forget it when the unit is done
            return self._ray.put(read_content(source))
        if parcel.digest not in self._stored:
            self._stored[parcel.digest] = self._ray.put(read_content(source))
        return self._stored[parcel.digest]

    def finished(self, seconds: float) -> list[tuple[Unit, Result]]:
        """Units that have come to an end, waiting for some at most so long."""
        ready, _ = self._ray.wait(list(self._running), num_returns=len(self._running), timeout=0)
        if not ready:
            ready, _ = self._ray.wait(list(self._running), num_returns=1, timeout=seconds)
        return [(self._running.pop(reference), self._result(reference)) for reference in ready]

    def _result(self, reference: Any) -> Result:
        try:
            return self._ray.get(reference)
        except self._ray.exceptions.RayTaskError as error:
            print(error, file=sys.stderr)  # with the node's traceback
            return Result(error=in_a_sentence(error.cause if isinstance(error.cause, Exception) else error))
        except self._ray.exceptions.OutOfMemoryError:
            return Result(needs_more=True)
        except self._ray.exceptions.RayError as error:
            crashed = isinstance(error, self._ray.exceptions.WorkerCrashedError)  # as where the kernel lacks memory
            lost = f"It was lost {RETRIES + 1} times ({in_a_sentence(error)[:300]})."
            return Result(error=lost, needs_more=crashed)

    @property
    def running(self) -> list[Unit]:
        """Units that were submitted and are not finished."""
        return list(self._running.values())

    def told(self) -> Told:
        """How far each unit has said that it is."""
        try:
            return self._ray.get(self._board.told.remote(), timeout=5)
        except self._ray.exceptions.RayError:  # on its way to another node
            return {}

    def fits(self, unit: Unit) -> bool:
        """Whether a node that is there has all that the unit asks for."""
        names = {"num_cpus": "CPU", "num_gpus": "GPU", "memory": "memory"}
        asked = {names[name]: value for name, value in unit.demand.resources.items()}
        return any(all(node.get(name, 0) >= value for name, value in asked.items()) for node in self._nodes())

    def gpus(self) -> int:
        """GPUs of all nodes that are there."""
        return int(sum(node.get("GPU", 0) for node in self._nodes()))

    def memory_of(self, cpus: int) -> int:
        """Bytes that so many CPUs have of the poorest node, if its CPUs divide its memory evenly; 0 without a node."""
        shares = [node["memory"] * min(1.0, cpus / node["CPU"]) for node in self._nodes() if node.get("CPU")]
        return int(min(shares, default=0))

    def _nodes(self) -> list[dict[str, float]]:
        return [node["Resources"] for node in self._ray.nodes() if node["Alive"]]

    def cancel(self) -> None:
        """End what runs; trainings have left checkpoints."""
        for reference in self._running:
            self._ray.cancel(reference, force=True)
        self._running.clear()
