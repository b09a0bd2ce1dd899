"""Other processes of a command: one that does one thing after another, or several side by side; none outlives it."""

from __future__ import annotations

import os
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import active_children, get_context, parent_process
from multiprocessing.connection import Connection, wait
from typing import Any, TypeVar

import torch
from threadpoolctl import threadpool_limits
from tqdm import tqdm

from replication.foundation.command import KILLED, trouble
from replication.foundation.errors import InputError, Stopped

PROCESSES = get_context("spawn")  # a forked process cannot use CUDA
_Item = TypeVar("_Item")


class Cut(Stopped):
    """Something was ended before it was done, or not begun; it is done anew when the command is called again."""


class Child:
    """The process, started at once: it imports what it needs beside the work of the first one."""

    def __init__(self) -> None:
        self._start()

    def __enter__(self) -> Child:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def _start(self) -> None:
        self._connection, theirs = PROCESSES.Pipe()
        self._process = PROCESSES.Process(target=_work, args=(theirs,))
        self._process.start()
        theirs.close()

    def call(self, stop: Callable[[], bool], action: Callable[..., object], *arguments: Any) -> None:
        """Call `action`, which leaves what it makes in files, in the process, and wait for it.

        Raises:
            InputError: it failed, in one sentence.
            Cut: `stop` said so. What it was making is lost; outputs appear whole or not at all.
        """
        if stop():
            raise Cut("not begun")
        if not self._process.is_alive():
            self._start()
        try:
            self._connection.send((action, arguments))
            while not self._connection.poll(0.1):
                if stop():
                    self.close()
                    raise Cut("ended before it was done")
            answer = self._connection.recv()
        except (EOFError, OSError):
            self.close()
            status = self._process.exitcode or 0
            answer = KILLED if status < 0 else f"Its process ended with status {status}."
        if answer:
            raise InputError(answer)

    def close(self) -> None:
        """End the process, whatever it does."""
        self._process.kill()
        self._process.join()


def in_a_sentence(error: Exception) -> str:
    """An error that nobody foresaw, on one line."""
    return f"{type(error).__name__}: {' '.join(str(error).split())}"


def what_failed(error: Exception) -> str:
    """The sentence of an error of the input's or the machine's; of another one line, and its traceback on stderr."""
    if isinstance(error, InputError):
        return str(error)
    sentence = trouble(error)
    if not sentence:
        traceback.print_exception(error)
    return sentence or in_a_sentence(error)


def _work(connection: Connection) -> None:
    """Do what comes and answer "" or what is wrong; after an error that is not the input's a new process goes on."""
    _begin()
    with threadpool_limits(1, "blas"):
        while True:
            action, arguments = connection.recv()
            try:
                action(*arguments)
            except Exception as error:
                connection.send(what_failed(error))
                if not isinstance(error, InputError):
                    return
            else:
                connection.send("")
            if torch.cuda.is_initialized():
                torch.cuda.empty_cache()  # for what trains beside


def _follow_parent() -> None:
    """Leave Ctrl-C and SIGTERM to the process that started this one, and end when that one ends, even by SIGKILL."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches every process of a terminal: the first one decides
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _begin() -> None:
    """Bars get a lock of this process: tqdm's outlives a process that is killed, and stops all that share it."""
    tqdm.set_lock(threading.RLock())
    _follow_parent()


def _end_with_parent() -> None:
    parent = parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)


def in_processes(function: Callable[[_Item], None], items: Sequence[_Item], processes: int) -> None:
    """`function` of every item, `processes` of them at once, each in a process of its own where one can be forked.

    Threads share one interpreter, which work in many small steps waits for. `function` can be pickled; it leaves what
    it makes in files. Not after CUDA was used, which a forked process cannot.
    """
    if min(processes, len(items)) < 2 or sys.platform != "linux":
        for item in items:
            function(item)
        return
    workers = min(processes, len(items))
    with ProcessPoolExecutor(workers, mp_context=get_context("fork"), initializer=_begin) as pool:
        try:
            for _ in pool.map(function, items):  # an error of any is raised here, and what has not begun is left out
                pass
        except BaseException as error:
            if not isinstance(error, Exception):  # a signal: what they make is of no use, and the user waits
                for worker in active_children():
                    worker.kill()
            raise
