"""What a node of the cluster does with a unit: lay out what it reads, compute, and hand back what it wrote."""

from __future__ import annotations

import hashlib
import json
import os
import pickle
import socket
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import torch
from threadpoolctl import threadpool_limits

from replication.cluster.goods import (
    Content,
    content_digest,
    link,
    made_once,
    read_content,
    single_or_all,
    write_content,
)
from replication.cluster.units import USAGE, Demand, Stage
from replication.config.cell import seeds_in
from replication.foundation.atomic import write_atomically
from replication.foundation.errors import InputError
from replication.foundation.provenance import environment, recorded
from replication.foundation.runtime import prepare_device
from replication.foundation.usage import measured, resident
from replication.training.block import Paused

HOME = Path.cwd()  # where Ray has put the sources and params.yaml
TOLD_SECONDS = 1.0  # between two words on how far a training is


@dataclass(frozen=True)
class Parcel:
    """An input of a unit: where it is looked for, its hash, and what fetches it where the node has it not."""

    place: Path
    digest: str
    fetch: Callable[[], Content] | None = None


@dataclass(frozen=True)
class Result:
    """The folder that a unit wrote, or why there is none."""

    content: Content = field(default_factory=dict)
    digest: str = ""
    error: str = ""  # a sentence that a user can act on
    needs_more: bool = False  # memory, than was asked for; with an error, that may be why it was lost
    seconds: float = 0.0
    host: str = ""
    versions: dict[str, object] = field(default_factory=dict)  # of packages, on the node


class NodeLeft(Exception):
    """A unit failed because its node ends: it is to be done elsewhere."""


def perform(
    packed: bytes, parcels: Sequence[Parcel], shared: str, tell: Callable[[str, int, int, str], object]
) -> Result:
    """Do a unit of work in a folder that holds what it reads, and return what it wrote.

    `shared` is a folder that all nodes see, where checkpoints and inputs lie, or "" for one of the node's own.
    `tell(title, update, of, host)` hears how far a training is.
    """
    began, host = time.monotonic(), socket.gethostname()
    action, arguments, makes, demand, stage, title = pickle.loads(packed)
    limited = _Limited(demand, lambda update, of: tell(title, update, of, host))
    try:
        root = Path(shared) if shared else own_root()
        enter(root, parcels)
        os.environ.setdefault("NUMBA_CACHE_DIR", str(root / "compiled"))  # read when the compiled games are imported
        if demand.gpus:
            prepare_device("cuda")  # before the next line starts CUDA
            torch.cuda.set_per_process_memory_fraction(demand.gpus)  # others that share the GPU count on the rest
        tell(title, 0, 0, host)
        if stage == "train":
            action(*arguments, limited.stop)
        else:
            with threadpool_limits(1, "blas"), measured("cuda" if demand.gpus else "cpu") as usage:
                action(*arguments)
            _note_usage(makes, stage, usage)
    except Exception as error:
        if _is_leaving(error):
            raise NodeLeft(f"{type(error).__name__}: {error}") from None
        if isinstance(error, InputError):
            return Result(error=str(error), host=host)
        if isinstance(error, Paused | torch.OutOfMemoryError | MemoryError):
            return Result(needs_more=True, host=host)
        raise
    finally:
        if torch.cuda.is_initialized():
            torch.cuda.empty_cache()
    content, seconds = read_content(makes), time.monotonic() - began
    return Result(content, content_digest(content), seconds=seconds, host=host, versions=environment("cpu", 1))


def _is_leaving(error: Exception) -> bool:
    """Whether the sources go away, which Ray removes while a node ends, before the unit itself is ended."""
    ours = isinstance(error, ModuleNotFoundError) and (error.name or "").startswith("replication")
    return ours or not all((HOME / name).exists() for name in ("params.yaml", "replication/__init__.py"))


def _note_usage(folder: Path, stage: Stage, usage: Mapping[str, Any]) -> None:
    """Write beside the clock of scores, an experiment or a judge what they took; a training has done so itself."""
    if provenance := recorded(folder):
        seeds = {"seeds": len(seeds_in(str(provenance["seeds"])))} if "seeds" in provenance else {}
        clock = provenance.get("clock", {}) | {USAGE[stage]: {**usage, **seeds}}
        written = json.dumps({**provenance, "clock": clock}, indent=1) + "\n"
        write_atomically(folder / "provenance.json", written)


def own_root(temporary: Path | None = None) -> Path:
    """A folder of this node and this user alone, which stays when the command has ended.

    Raises:
        InputError: the folder is another user's, who could put code into it.
    """
    folder = (temporary or Path(tempfile.gettempdir())) / f"gan-replication-{os.getuid()}"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if folder.is_symlink() or folder.stat().st_uid != os.getuid():
        raise InputError(f"{folder} belongs to another user: remove it, or set TMPDIR on this node.")
    return folder


def enter(root: Path, parcels: Sequence[Parcel]) -> None:
    """Go to a folder with all that a unit reads, and make what is absent; units that read the same share it."""
    for parcel in parcels:
        made_once(root / "inputs" / parcel.digest, partial(_fetch, parcel, root))
    names = [str(HOME), *(f"{parcel.place} {parcel.digest}" for parcel in parcels)]
    work = root / "work" / hashlib.sha256("\n".join(names).encode()).hexdigest()[:24]
    for part in ("replication", "params.yaml"):
        link(work / part, HOME / part)
    (root / "state").mkdir(parents=True, exist_ok=True)
    link(work / ".replication", root / "state")
    for parcel in parcels:
        if not parcel.place.is_absolute():
            link(work / parcel.place, single_or_all(root / "inputs" / parcel.digest))
    os.chdir(work)


def _fetch(parcel: Parcel, root: Path) -> None:
    folder = root / "inputs" / parcel.digest
    if parcel.fetch is None:
        raise InputError(f"{folder} is not there, or not whole: every node must see the shared folder {root}.")
    write_content(parcel.fetch(), folder, parcel.digest)


class _Limited:
    """Asked by a training after each stretch: tells how far it is, and stops it where it takes too much memory."""

    def __init__(self, demand: Demand, tell: Callable[[int, int], object]) -> None:
        self._most, self._tell, self._told = demand.memory, tell, 0.0

    def stop(self, update: int, of: int) -> bool:
        if time.monotonic() - self._told > TOLD_SECONDS:
            self._tell(update, of)
            self._told = time.monotonic()
        return bool(self._most) and resident() > self._most
