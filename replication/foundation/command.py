"""How a command ends: whatever the user or the machine does to it, one sentence on stderr and an exit status.

Nothing that is half written counts as written (`foundation.atomic`), so the sentence can promise that the same command
goes on. What no branch below knows is a mistake of ours and keeps its traceback.
"""

from __future__ import annotations

import errno
import gc
import io
import os
import re
import signal
import sys
from collections.abc import Callable
from concurrent.futures.process import BrokenProcessPool
from types import FrameType

from safetensors import SafetensorError

from replication.foundation.errors import InputError
from replication.foundation.printable import printable

FULL = (errno.ENOSPC, errno.EDQUOT)
GOES_ON = "run the same command again: it goes on from what is finished."
AGAIN = "and run the same command again: nothing valid was lost."
KILLED = f"A process of this command was killed, mostly for want of memory: lower `threads` {AGAIN}"
MENDS = {
    errno.EROFS: "lies on a file system that can only be read: choose another place",
    errno.EACCES: "may not be read or written by this user: change its permissions or its owner",
    errno.EPERM: "may not be read or written by this user: change its permissions or its owner",
    errno.EIO: "could not be read or written, because the disk failed: check the disk",
    errno.EMFILE: "could not be opened, because too many files are open: raise the limit (`ulimit -n`)",
    errno.ENFILE: "could not be opened, because too many files are open on this machine: close some",
    errno.ENOENT: "went away while it was needed: put it back",
    errno.ELOOP: "is a link that leads back to itself: replace it",
    errno.ENOTDIR: "cannot be reached, because a file lies where a folder belongs: move it away",
    errno.EEXIST: "cannot be made, because something else lies in its place: move it away",
    errno.EFBIG: "would be larger than this process may write: raise the limit (`ulimit -f`)",
    errno.ENAMETOOLONG: "has too long a name for this file system: choose a shorter place",
}
_WRITTEN_IN_PART = re.compile(r"\d+ requested and \d+ written")  # NumPy, which leaves the number of the error out
_NUMBERED = re.compile(r"\bos error (\d+)|unable to open file .*\((\d+)\)")  # safetensors, written in Rust
_NO_THREADS = ("can't start new thread", os.strerror(errno.EAGAIN))
_NO_MEMORY = ("out of memory", "can't allocate memory", "not enough memory", "Cannot allocate memory")


class Ended(BaseException):
    """The process was asked to end by a signal."""

    def __init__(self, number: int) -> None:
        super().__init__(signal.Signals(number).name)
        self.number = number


def exit_clearly(main: Callable[[], None]) -> None:
    """Run a command. What a user can mend ends it with status 2, a signal with 128 + its number (Ctrl-C: 130)."""
    gc.freeze()  # what was imported stays until the end
    gc.enable()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a terminal without ± or – shows their codes
            stream.reconfigure(errors="backslashreplace")
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is signal.SIG_DFL:  # `nohup` ignores SIGHUP, and shall
            signal.signal(number, _end)
    try:
        main()
        sys.stdout.flush()
    except InputError as error:
        _stop(str(error), 2)
    except KeyboardInterrupt:
        _stop(f"Interrupted; {GOES_ON}", 128 + signal.SIGINT)
    except Ended as error:
        _stop(f"Ended by {error}; {GOES_ON}", 128 + error.number)
    except BrokenPipeError:  # whoever reads our output has seen enough, as `| head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(128 + signal.SIGPIPE) from None
    except Exception as error:
        sentence = trouble(error)
        if not sentence:
            raise
        _stop(sentence, 2)


def trouble(error: BaseException) -> str:
    """What the machine lacks or refuses, in a sentence; "" for an error that is none of the machine's."""
    text = " ".join(str(error).split())
    if isinstance(error, MemoryError) or any(words in text for words in _NO_MEMORY):
        return (
            f"There is not enough memory ({text or 'of this machine'}): lower `threads` of the profile, `batch` or "
            f"`image_size`, or use a machine with more, {AGAIN}"
        )
    if isinstance(error, OSError | RuntimeError) and any(words in text for words in _NO_THREADS):
        return (
            "The machine gives no more threads or processes: raise its limit (`ulimit -u`, or the container's) or "
            f"lower `threads`, {AGAIN}"
        )
    if isinstance(error, BrokenProcessPool):
        return KILLED
    numbered = _NUMBERED.search(text) if isinstance(error, RuntimeError | SafetensorError) else None
    coded = int(numbered[1] or numbered[2]) if numbered else None
    number = error.errno if isinstance(error, OSError) else coded
    if number in FULL or (isinstance(error, OSError) and _WRITTEN_IN_PART.search(text)):
        return f"The disk is full{_place(error, ' writing ')}; free some space {AGAIN}"
    if number is None:
        return ""
    mend = MENDS.get(number, f"gave the error {os.strerror(number)!r}: mend it")
    return f"{_place(error) or 'A file'} {mend} {AGAIN}"


def _place(error: BaseException, before: str = "") -> str:
    name = getattr(error, "filename", None)
    return f"{before}{name}" if name else ""


def _end(number: int, _: FrameType | None) -> None:
    signal.signal(number, signal.SIG_IGN)  # once is enough: what is being cleaned up is not cut short
    raise Ended(number)


def _stop(sentence: str, status: int) -> None:
    command = os.environ.get("DVC_STAGE", "")
    try:
        print(f"error: {printable(sentence)}" + (f" [stage {command}]" if command else ""), file=sys.stderr, flush=True)
    except OSError:  # nobody listens any more
        pass
    raise SystemExit(status)
