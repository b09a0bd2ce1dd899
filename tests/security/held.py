"""What becomes of an action on a stranger's file, in a process of its own that may take so much memory and time.

The process starts in an empty folder. What ran, or was written outside of the places that the action may write to,
is a fault whatever else became of it.
"""

from __future__ import annotations

import os
import pickle
import resource
import signal
from collections.abc import Callable
from pathlib import Path

from tests.fuzz.outcomes import SENTENCE, TRACEBACK, Outcome, outcome_of

MEMORY, SECONDS = 200 * 2**20, 10
WAITING = 120  # seconds after which an action waits for something that does not come
RAN = Path("it-ran")  # what the payloads below make, in the folder that is the current one


class Payload:
    """A pickle that makes a folder when it is opened."""

    def __reduce__(self) -> tuple[Callable[[Path], None], tuple[Path]]:
        return Path.mkdir, (RAN,)


Content = bytes | Callable[[], bytes]  # of a file; large ones are made where they are needed


def made(content: Content) -> bytes:
    return content() if callable(content) else content


def pickled() -> bytes:
    return pickle.dumps(Payload())


def held(action: Callable[[], object], memory: int = MEMORY, seconds: int = SECONDS) -> Outcome:
    """What becomes of an action that may take `memory` bytes beside what the tests have, and so many seconds."""
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        os.close(reading)
        _limit(memory, seconds)
        outcome = outcome_of(action)
        os.write(writing, pickle.dumps((outcome.kind, outcome.text[-50_000:])))
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as stream:
        written = stream.read()
    _, status = os.waitpid(child, 0)
    if written:
        return Outcome(*pickle.loads(written))
    return Outcome(TRACEBACK, f"ended by {signal.Signals(os.WTERMSIG(status)).name}: too much time or memory")


def assert_refused(read: Callable[[Path], object], place: Path, memory: int = MEMORY, named: str | None = None) -> None:
    """Hold that reading a place ends in a sentence that names it, and that nothing ran."""
    became = held(lambda: read(place), memory)
    assert became.kind == SENTENCE, became.text
    assert (named or str(place)) in became.text and len(became.text) < 3000 and not RAN.exists()


def _limit(memory: int, seconds: int) -> None:
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    most = pages * resource.getpagesize() + memory
    resource.setrlimit(resource.RLIMIT_AS, (most, most))
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.alarm(WAITING)
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))  # a process that was forked begins at zero


def listing(folder: Path) -> dict[str, bytes]:
    """Every plain file under a folder, with its content."""
    return {str(path): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}
