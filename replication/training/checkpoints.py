"""Checkpoints for resuming: outside every output, which DVC deletes before a stage runs, under one writer's lock.

A killed `dvc repro` leaves its child alive, so a second process waits for the lock instead of writing beside it.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import time
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, TypeVar

from filelock import FileLock, Timeout
from pydantic import Field
from pydantic.dataclasses import dataclass
from safetensors import SafetensorError
from safetensors.torch import load, save
from tqdm import tqdm

from replication.config.strict import CLOSED, strict
from replication.foundation.atomic import write_atomically
from replication.foundation.errors import InputError
from replication.foundation.folders import entries_of
from replication.foundation.foreign import read_json
from replication.foundation.runtime import Clock
from replication.training.state import State

CHECKPOINT_SECONDS = 10.0
MOST_PENDING = 2  # copies of a training's state that wait for the disk
WRITING_SHARE = 20.0  # a checkpoint that takes a second to write is written every twenty
ROOT = Path(".replication/checkpoints")
_Shape = TypeVar("_Shape")


@contextmanager
def sole_writer(key: str, root: Path = ROOT) -> Iterator[Path]:
    """The directory of `key`, with every other process that asks for it waiting until this one is done."""
    root.mkdir(parents=True, exist_ok=True)
    lock = FileLock(root / f"{key}.lock")  # it stays: who waits for a file that was removed would miss a later lock
    try:
        lock.acquire(timeout=0)
    except Timeout:
        tqdm.write(f"Another process trains this cell; waiting for it to finish (lock {lock.lock_file}).")
        lock.acquire()
    try:
        directory = root / key
        directory.mkdir(exist_ok=True)
        yield directory
    finally:
        lock.release()


@dataclass(frozen=True, config=CLOSED)
class _Reading:
    started: str
    duration_s: Annotated[float, Field(ge=0)]
    host: str


class TrainingClock(Clock):
    """A clock that adds up the calls that a training takes: its last reading lies beside the checkpoint."""

    def __init__(self, directory: Path) -> None:
        super().__init__()
        self._path = directory / "clock.json"
        self._before = _kept(self._path, _Reading)

    def read(self) -> dict[str, Any]:
        """The start of the first call in UTC, the seconds of all calls so far, the host's name."""
        now: dict[str, Any] = super().read()
        if self._before:
            together = round(self._before.duration_s + now["duration_s"], 1)
            now |= {"started": self._before.started, "duration_s": together}
        return now

    def keep(self) -> None:
        """Write down the reading of this moment."""
        write_atomically(self._path, json.dumps(self.read()))


class Writer:
    """Writes a training's states beside its loop: a thread saves what was copied off the device, in order.

    What could not be written is raised by a later write or at the end. Nothing is written after it: a state must not go
    on from where a snapshot before it is missing.
    """

    def __init__(self, directory: Path, clock: TrainingClock | None = None) -> None:
        self._directory, self._clock = directory, clock or TrainingClock(directory)
        self._thread = ThreadPoolExecutor(1)
        self._pending: deque[Future[float]] = deque()
        self._failed = False
        self._last, self._pause = time.monotonic(), CHECKPOINT_SECONDS

    def __enter__(self) -> Writer:
        return self

    def __exit__(self, *exception: object) -> None:
        self._thread.shutdown()
        self._collect(0)

    def write(self, name: str, unit: int, state: State, at_once: bool = True) -> None:
        """Save a copy of `state` under `name`; unless `at_once`, only where the last was long enough ago."""
        self._collect(MOST_PENDING)
        if not at_once and (self._pending or time.monotonic() - self._last < self._pause):
            return
        copied = {key: tensor.to("cpu", copy=True) for key, tensor in state.items()}
        self._pending.append(self._thread.submit(self._write, name, unit, copied))
        self._last = time.monotonic()

    def _write(self, name: str, unit: int, state: State) -> float:
        """Seconds that writing took."""
        began = time.monotonic()
        if not self._failed:
            self._failed = True
            write_state(self._directory, name, unit, state)
            if name == "state":  # what the next call goes on from
                self._clock.keep()
            self._failed = False
        return time.monotonic() - began

    def _collect(self, most: int) -> None:
        """Learn how long finished writes took, waiting until at most so many are unfinished."""
        while self._pending and (len(self._pending) > most or self._pending[0].done()):
            self._pause = max(CHECKPOINT_SECONDS, WRITING_SHARE * self._pending.popleft().result())


def write_state(directory: Path, name: str, unit: int, state: State) -> None:
    """Write `<name>-<unit>-<hash>.safetensors`, then remove the older ones of the same name."""
    content = save({key: tensor.contiguous() for key, tensor in state.items()})
    older = _files(directory, name)
    path = directory / f"{name}-{unit}-{_digest(name, unit, content)}.safetensors"
    write_atomically(path, content)
    for _, file in older:
        if file != path:
            file.unlink()


def read_state(directory: Path, name: str) -> tuple[int, State] | None:
    """The unit and state last written under `name`, if any; InputError: the file is not what its name's hash says."""
    files = _files(directory, name)
    if not files:
        return None
    unit, file = max(files)
    content = file.read_bytes()
    try:
        if file.stem.split("-")[-1] != _digest(name, unit, content):
            raise InputError(_corrupt(file))
        return unit, load(content)
    except SafetensorError as error:
        raise InputError(_corrupt(file)) from error


def _files(directory: Path, name: str) -> list[tuple[int, Path]]:
    """The files of `name` with their units; what else lies there, such as a copy that a user made, is none of them."""
    written = re.compile(re.escape(name) + r"-([0-9]{1,12})-[0-9a-f]{16}\.safetensors")
    matches = [(written.fullmatch(path.name), path) for path in entries_of(directory, f"{name}-*")]
    return [(int(match[1]), path) for match, path in matches if match]


def _digest(name: str, unit: int, content: bytes) -> str:
    """Of the name and the unit too: a renamed file is as damaged as one with other bytes."""
    digest = hashlib.sha256(f"{name} {unit}\n".encode())
    digest.update(content)
    return digest.hexdigest()[:16]


def note_environment(directory: Path, here: dict[str, object]) -> dict[str, object]:
    """Where a training runs, beside its checkpoint: a value that changed since it began reads "before, then now"."""
    path = directory / "environment.json"
    begun = bool(_files(directory, "state"))
    known, joined = (begun and _kept(path, dict[str, Any])) or {}, {}
    for name, now in here.items():
        before = known.get(name, now)
        values = str(before).split(", then ")  # each of several is named once
        joined[name] = before if str(now) in values else ", then ".join([*values, str(now)])
    write_atomically(path, json.dumps(joined))
    return joined


def _kept(path: Path, shape: type[_Shape]) -> _Shape | None:
    """What a JSON file beside a checkpoint holds, if there is one; InputError where it is damaged."""
    try:
        return strict(shape, read_json(path), path.name)
    except FileNotFoundError:
        return None
    except (ValueError, InputError) as error:
        raise InputError(_corrupt(path.parent)) from error


def forget(directory: Path) -> None:
    """Remove the checkpoint of a finished cell."""
    shutil.rmtree(directory, ignore_errors=True)


def _corrupt(path: Path) -> str:
    return f"The checkpoint {path} is corrupt: delete it and run the same command again to train from the start."
