"""How every computing stage sets up its process, so that the same command gives the same bytes on the same machine."""

from __future__ import annotations

import os
import socket
import time
from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import TypeVar

import torch

from replication.foundation.errors import InputError

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")


def prepare_device(device: str, training: bool = False) -> str:
    """One thread an operation; returns the device.

    Cores compute several seeds at once, as small operations gain nothing from more threads. A result does not depend on
    their number: where the operations of a training have more threads, its recipe says how many.

    Raises:
        InputError: the profile asks for CUDA and there is none.
    """
    if device == "cuda":  # before CUDA starts: by default it has eight queues, and more seeds would share them
        os.environ.setdefault("CUDA_DEVICE_MAX_CONNECTIONS", "32")
    if device == "cuda" and not torch.cuda.is_available():
        raise InputError(
            "This profile runs on a CUDA device and torch finds none: use a machine with one, `--device cpu` or "
            "`run: *cpu`."
        )
    torch.set_num_threads(1)
    # SciPy is imported later, with a BLAS of its own that reads this: its threads wait for each other by spinning.
    os.environ["OPENBLAS_NUM_THREADS"] = "1"
    # TF32 would change scores between GPUs; a recipe that trains with it says so, and has it while it trains.
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
    # A training's shapes never change: the fastest algorithm is worth a search. What it finds is kept for a thread
    # alone, and scoring starts threads again and again.
    torch.backends.cudnn.benchmark = training and device == "cuda"
    return device


def side_by_side(
    function: Callable[[_Item], _Result], items: Iterable[_Item], at_once: int, threads: int = 1
) -> list[_Result]:
    """`function` of every item, `at_once` of them together, each on `threads` threads; results in the items' order.

    An operation has its threads even where the machine has fewer cores: torch tells MKL, as OpenMP does by itself, not
    to take fewer.
    """
    before = torch.get_num_threads()
    try:
        if at_once == 1:  # where the threads of OpenMP that wait for this one are used again
            torch.set_num_threads(threads)
            return [function(item) for item in items]
        with ThreadPoolExecutor(at_once, initializer=torch.set_num_threads, initargs=(threads,)) as pool:
            return list(pool.map(function, items))
    finally:
        torch.set_num_threads(before)  # threads that start later take over what was set last


def in_turns(step: Callable[[int, int], None], items: int, turns: int, at_once: int, threads: int = 1) -> None:
    """`step(item, turn)` for every turn of every item, an item's turns in order, `at_once` of them together.

    Each computes on `threads` threads. Who is free takes the item that waits longest, so that all come to their end at
    about the same time.
    """
    waiting = deque((item, 0) for item in range(items))

    def work(_: int) -> None:
        while waiting:
            try:
                item, turn = waiting.popleft()
            except IndexError:  # another thread was faster
                return
            step(item, turn)
            if turn + 1 < turns:
                waiting.append((item, turn + 1))

    workers = min(items, at_once)
    side_by_side(work, range(workers), workers, threads)


class Clock:
    """Start, duration and host of a stage: what provenance keeps and no other output may hold."""

    def __init__(self) -> None:
        self._began = time.monotonic()
        self._started = datetime.now(UTC).isoformat(timespec="seconds")

    def read(self) -> dict[str, object]:
        """The start in UTC, the duration in seconds so far, the host's name."""
        duration = round(time.monotonic() - self._began, 1)
        return {"started": self._started, "duration_s": duration, "host": socket.gethostname()}
