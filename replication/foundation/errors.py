"""The one error a user sees: a sentence that names the cause and the mend, and a non-zero exit status."""

from __future__ import annotations

import errno
import gc
import os
import sys
from collections.abc import Callable, Mapping
from typing import TypeVar

_Choice = TypeVar("_Choice")


class InputError(Exception):
    """Something the user gave, or the machine lacks, stops the work; the message says what to do about it."""


class Stopped(Exception):
    """Work ended before it was done because it was asked to; the same command goes on."""


def chosen(choices: Mapping[str, _Choice], word: str, what: str) -> _Choice:
    """What `word` names among the choices.

    Raises:
        InputError: it names none of them.
    """
    if word not in choices:
        raise InputError(f"{word!r} is no {what}; accepted: {', '.join(choices)}.")
    return choices[word]


def exit_clearly(main: Callable[[], None]) -> None:
    """Run a stage; what a user can mend becomes one sentence on stderr and exit status 2 (130 when interrupted)."""
    gc.freeze()  # what was imported stays until the end
    gc.enable()
    try:
        main()
    except InputError as error:
        _stop(str(error), 2)
    except KeyboardInterrupt:
        _stop("Interrupted; run the same command again to go on from the last checkpoint.", 130)
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        where = f" writing {error.filename}" if error.filename else ""
        _stop(f"The disk is full{where}; free some space and run the same command again: nothing valid was lost.", 2)


def _stop(sentence: str, status: int) -> None:
    command = os.environ.get("DVC_STAGE", "")
    print(f"error: {sentence}" + (f" [stage {command}]" if command else ""), file=sys.stderr)
    raise SystemExit(status)
