"""What a node of the cluster does with a unit: lay out what it reads, compute, and hand back what it wrote."""

from __future__ import annotations

import getpass
import hashlib
import os
import pickle
import socket
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path

import torch
from threadpoolctl import threadpool_limits

from replication.cluster.goods import Content, content_digest, link, read_content, single_or_all, write_content
from replication.cluster.units import Demand
from replication.foundation.errors import InputError
from replication.foundation.usage import resident
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
    needs_more: bool = False  # memory, than was asked for
    seconds: float = 0.0
    host: str = ""


def perform(
    packed: bytes, parcels: Sequence[Parcel], shared: str, tell: Callable[[str, int, int, str], object]
) -> Result:
    """Do a unit of work in a folder that holds what it reads, and return what it wrote.

    `shared` is a folder that all nodes see, where checkpoints and inputs lie, or "" for one of the node's own.
    `tell(title, update, of, host)` hears how far a training is.
    """
    began, host = time.monotonic(), socket.gethostname()
    root = Path(shared) if shared else own_root()
    enter(root, parcels)
    os.environ.setdefault("NUMBA_CACHE_DIR", str(root / "compiled"))  # read when the compiled games are imported
    action, arguments, makes, demand, stage, title = pickle.loads(packed)
    limited = _Limited(demand, lambda update, of: tell(title, update, of, host))
    try:
        if 0 < demand.gpus < 1:  # the others that share the GPU count on their part of its memory
            torch.cuda.set_per_process_memory_fraction(demand.gpus)
        tell(title, 0, 0, host)
        with nullcontext() if stage == "train" else threadpool_limits(1, "blas"):
            action(*arguments, *([limited.stop] if stage == "train" else []))
    except InputError as error:
        return Result(error=str(error), host=host)
    except (Paused, torch.OutOfMemoryError, MemoryError):
        return Result(needs_more=True, host=host)
    finally:
        if torch.cuda.is_initialized():
            torch.cuda.empty_cache()
    content = read_content(makes)
    return Result(content, content_digest(content), seconds=time.monotonic() - began, host=host)


def own_root(temporary: Path | None = None) -> Path:
    """A folder of this node alone, which stays when the command has ended."""
    return (temporary or Path(tempfile.gettempdir())) / f"gan-replication-{getpass.getuser()}"


def enter(root: Path, parcels: Sequence[Parcel]) -> None:
    """Go to a folder with all that a unit reads, and make what is absent; units that read the same share it."""
    for parcel in parcels:
        folder = root / "inputs" / parcel.digest
        if not folder.exists():
            if parcel.fetch is None:
                raise InputError(f"{folder} is not there: every node must see the shared folder {root}.")
            write_content(parcel.fetch(), folder, parcel.digest)
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


class _Limited:
    """Asked by a training after each stretch: tells how far it is, and stops it where it takes too much memory."""

    def __init__(self, demand: Demand, tell: Callable[[int, int], object]) -> None:
        self._most, self._tell, self._told = demand.memory, tell, 0.0

    def stop(self, update: int, of: int) -> bool:
        if time.monotonic() - self._told > TOLD_SECONDS:
            self._tell(update, of)
            self._told = time.monotonic()
        return bool(self._most) and resident() > self._most
