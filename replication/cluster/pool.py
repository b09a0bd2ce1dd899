"""The connection to a Ray cluster: what is sent, what runs, what comes back."""

from __future__ import annotations

import logging
import shutil
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from replication.cluster.goods import digest_of, keep_copy, read_content
from replication.cluster.units import Unit
from replication.cluster.worker import Parcel, Result, perform
from replication.config.cluster import Cluster
from replication.foundation.child import in_a_sentence
from replication.foundation.errors import InputError
from replication.foundation.places import TRAINED

RETRIES = 5  # after the loss of a node or of a process, before a unit counts as failed
LEFT_OUT = shutil.ignore_patterns("__pycache__", ".*")
Told = dict[str, tuple[int, int, str]]  # title of a unit → update, of how many, host


def ray_library() -> Any:
    """Ray, which few users have. Raises InputError: it is not installed."""
    try:
        import ray  # pyright: ignore[reportMissingImports]
    except ImportError as error:
        raise InputError(
            f"The runner ray needs Ray ({error}): install it with `uv sync --extra cluster`, here and on every node."
        ) from error
    return ray


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

    def _connect(self, address: str, sources: str) -> None:
        quiet: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.ERROR}
        try:
            self._ray.init(address=address, runtime_env={"working_dir": sources}, **quiet)
        except (ConnectionError, RuntimeError, OSError, ValueError) as error:
            raise InputError(
                f"There is no Ray cluster at {address!r} ({in_a_sentence(error)[:300]}): start one with `ray start "
                "--head`, name another with --address, or write --address local to start one on this machine."
            ) from error

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
        options = {"name": unit.title, "max_retries": RETRIES, **unit.demand.resources}
        shared = str(self._shared or "")
        reference = self._task.options(**options).remote(unit.packed(), parcels, stored, shared, self._board)
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
            print(error, file=sys.stderr)
            return Result(error=in_a_sentence(error.cause if isinstance(error.cause, Exception) else error))
        except self._ray.exceptions.OutOfMemoryError:
            return Result(needs_more=True)
        except self._ray.exceptions.RayError as error:
            return Result(error=f"It was lost {RETRIES + 1} times ({in_a_sentence(error)[:300]}).")

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
        nodes = [node["Resources"] for node in self._ray.nodes() if node["Alive"]]
        return any(all(node.get(name, 0) >= value for name, value in asked.items()) for node in nodes)

    def cancel(self) -> None:
        """End what runs; trainings have left checkpoints."""
        for reference in self._running:
            self._ray.cancel(reference, force=True)
        self._running.clear()
