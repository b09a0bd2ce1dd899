"""One system call of a command fails, below Python, and what becomes of it: by strace, on Linux.

This process imports everything and computes nothing. A forked one runs each command of a small pipeline, and what it
leaves is kept. Then, for a fault, a forked one stops itself, strace takes hold of it and lets the Nth call of a kind
fail or kill it. A fault may end a command with one sentence and status 2; after it the same command without a fault
must leave what it leaves without any.
"""

from __future__ import annotations

import importlib
import os
import pkgutil
import re
import shutil
import signal
import subprocess
import sys
import time
import traceback
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from numba.core.registry import cpu_target

import replication
from replication.foundation.command import exit_clearly
from replication.report import curves
from replication.scoring import toy
from tests.faults.project import Step, begin, contents, copy, needed, run

PATIENCE = 120.0  # seconds without any work, or of work
HUNG = 1000  # in place of an exit status
BAD = "bad"  # a wrong or lost result, a traceback, no sentence, or a process that hangs
UNREACHED = "not reached"
FAULTS: dict[str, tuple[str, ...]] = {
    "openat": ("EACCES", "EMFILE", "SIGKILL"),
    "read": ("EIO",),
    "write": ("ENOSPC", "EIO", "SIGKILL"),
    "fsync": ("EIO", "SIGKILL"),
    "rename": ("EACCES", "ENOSPC", "SIGKILL"),
    "mkdir": ("EACCES", "ENOSPC"),
    "flock": ("EIO",),
    "unlink": ("EACCES", "SIGKILL"),
    "rmdir": ("EIO",),
}
_CALL = re.compile(r"^(\d+) +(\w+)\((.*)$")


class Fault(NamedTuple):
    """The `place`th call of a kind, which gets `error`: the name of an errno, or of a signal that ends the process."""

    step: Step
    call: str
    place: int
    error: str

    def __str__(self) -> str:
        return f"{self.step.name}: {self.call} {self.place} {self.error}"


class Ending(NamedTuple):
    """How a process ended: its exit status (negative for a signal), what it said, its trace."""

    status: int
    errors: str
    trace: str

    @property
    def injected(self) -> bool:
        return "(INJECTED)" in self.trace or self.status == -signal.SIGKILL


class Pipeline:
    """What each step of the pipeline leaves, and how it behaves under a fault."""

    def __init__(self, folder: Path, commands: Sequence[str]) -> None:
        self._folder, self._expected = folder, {}
        import_everything()
        begin(folder / "start")
        for step in needed(commands):
            copy(folder / step.after, self._work, step)
            ending = self._ended(step, None, traced=False)
            if ending.status != 0:
                raise RuntimeError(f"{step.name} fails without a fault:\n{ending.errors}")
            shutil.copytree(self._work, folder / step.name, symlinks=True)
            self._expected[step.name] = contents(folder / step.name)

    def faults(self, step: Step, most: int) -> Iterator[Fault]:
        """Up to `most` places of each kind of call and error, spread over the command's own files."""
        ending = self._try(step, None)
        counts: Counter[tuple[str, str]] = Counter()
        places: dict[str, list[int]] = {call: [] for call in FAULTS}
        for line in ending.trace.splitlines():
            match = _CALL.match(line)
            if match and match[2] in FAULTS:
                counts[match[1], match[2]] += 1
                if self._is_own(match[2], match[3]):
                    places[match[2]].append(counts[match[1], match[2]])
        for call, numbers in places.items():
            chosen = sorted(set(numbers))
            picked = chosen[:: max(1, -(-len(chosen) // most))]
            yield from (Fault(step, call, place, error) for error in FAULTS[call] for place in picked)

    def outcome(self, fault: Fault) -> tuple[str, str]:
        """What became of it: UNREACHED, `went on`, `sentence`, `killed` or BAD, and of what is bad the details."""
        ending, expected = self._try(fault.step, fault), self._expected[fault.step.name]
        if not ending.injected:
            return UNREACHED, ""
        if ending.status == HUNG:
            return BAD, f"it hung\n{ending.trace[-2000:]}"
        if "Traceback" in ending.errors or ending.status not in (0, 2, -signal.SIGKILL):
            return BAD, f"a traceback ({ending.status})\n{ending.errors}"
        if ending.status == 2 and not re.search(r"error: [^\n]+\n$", ending.errors):  # a bar may stand before it
            return BAD, f"no sentence\n{ending.errors}"
        if ending.status == 0 and (differs := _difference(contents(self._work), expected)):
            return BAD, f"wrong, though it said nothing: {differs}"
        again = self._ended(fault.step, None, traced=False)
        if again.status != 0:
            return BAD, f"lost: the same command fails afterwards\n{again.errors}"
        if differs := _difference(contents(self._work), expected):
            return BAD, f"wrong afterwards: {differs}"
        return {0: "went on", 2: "sentence"}.get(ending.status, "killed"), ""

    def _is_own(self, call: str, arguments: str) -> bool:
        """Whether a call is to a file of the work folder: what libraries ask of the machine is another's business."""
        if call != "openat":  # of a descriptor or a path, which strace shows whole
            return str(self._work) in arguments
        path = arguments.partition('"')[2]
        return not path.startswith("/") or path.startswith(str(self._work))

    @property
    def _work(self) -> Path:
        return self._folder / "work"

    def _try(self, step: Step, fault: Fault | None) -> Ending:
        copy(self._folder / step.after, self._work, step)
        return self._ended(step, fault, traced=True)

    def _ended(self, step: Step, fault: Fault | None, traced: bool) -> Ending:
        errors, trace = self._folder / "errors.txt", self._folder / "trace.txt"
        trace.write_text("")
        child = os.fork()
        if child == 0:
            _be(step, self._work, errors, traced)
        if not traced:
            return Ending(_status(child), errors.read_text(encoding="utf-8"), "")
        os.waitpid(child, os.WUNTRACED)
        options = ["-e", f"trace={','.join(FAULTS)}"]
        if fault:
            kind = "signal" if fault.error.startswith("SIG") else "error"
            options += ["-e", f"inject={fault.call}:{kind}={fault.error}:when={fault.place}"]
        strace = shutil.which("strace")
        assert strace
        command = [strace, "-f", "-y", "-qq", "-s", "9", "-o", str(trace), *options, "-p", str(child)]
        with subprocess.Popen(command, stderr=subprocess.DEVNULL) as tracer:
            while "TracerPid:\t0\n" in Path(f"/proc/{child}/status").read_text():
                if tracer.poll() is not None:
                    os.kill(child, signal.SIGKILL)
                    raise RuntimeError("strace may not trace another process here (ptrace).")
                time.sleep(0.002)
            status = _status(child)
            tracer.wait(PATIENCE)
        return Ending(status, errors.read_text(encoding="utf-8"), trace.read_text(encoding="utf-8", errors="replace"))


def import_everything() -> None:
    """All modules of the suite, so that a fault hits the files of a command and not those of its imports.

    What takes long and opens no file of a command is loaded here too, or made small.
    """
    for module in pkgutil.walk_packages(replication.__path__, "replication."):
        if not module.name.endswith("__main__") or module.name.count(".") > 1:
            importlib.import_module(module.name)
    cpu_target.target_context.refresh()  # pyright: ignore[reportAttributeAccessIssue]
    toy.GAP_UPDATES, toy.FRESH = 3, 50
    panels = curves.panels
    curves.panels = lambda table: panels(table)[:2]


def _be(step: Step, root: Path, errors: Path, traced: bool) -> None:
    """The forked process: the step's command as a user runs it. It does not return."""
    status = 1
    try:
        with errors.open("w", encoding="utf-8") as stream:
            os.dup2(stream.fileno(), 2)
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        sys.stdout, sys.stderr = os.fdopen(1, "w", closefd=False), os.fdopen(2, "w", closefd=False)
        if traced:
            os.kill(os.getpid(), signal.SIGSTOP)
        exit_clearly(lambda: run(step, root))
        status = 0
    except SystemExit as error:
        status = error.code if isinstance(error.code, int) else 1
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(status)


def _status(child: int) -> int:
    """The exit status of a forked process, which is woken where it stopped itself; HUNG where it does not end."""
    worked, since, hung = 0.0, time.monotonic(), False
    while True:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return HUNG if hung else os.waitstatus_to_exitcode(status)
        if re.search(r"^State:\t[Tt]", Path(f"/proc/{child}/status").read_text(), re.MULTILINE):
            os.kill(child, signal.SIGCONT)
        if (work := _work(child)) > worked:  # on a machine that does much else it may take long
            worked, since = work, time.monotonic()
        if time.monotonic() > since + PATIENCE or worked > PATIENCE:
            hung = True
            os.kill(child, signal.SIGKILL)
        time.sleep(0.005)


def _work(child: int) -> float:
    """Seconds that a process computed so far."""
    user, system = Path(f"/proc/{child}/stat").read_text().rpartition(")")[2].split()[11:13]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


def _difference(after: dict[str, str], expected: dict[str, str]) -> str:
    """The names of a few files that differ."""
    return ", ".join(sorted({name for name, _ in after.items() ^ expected.items()})[:5])
