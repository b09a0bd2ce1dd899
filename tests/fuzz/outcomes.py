"""What becomes of an action on damaged input: a sentence, a result, or a traceback."""

from __future__ import annotations

import traceback
from collections import Counter
from collections.abc import Callable, Iterable
from typing import NamedTuple

from replication.foundation.errors import InputError

SENTENCE, ACCEPTED, TRACEBACK = "sentence", "accepted", "traceback"
NONSENSE = "accepted without reason"  # of the accepted: where it is known, counted beside the three kinds


class Outcome(NamedTuple):
    kind: str  # SENTENCE, ACCEPTED or TRACEBACK
    text: str = ""  # the sentence, or the whole traceback


def outcome_of(action: Callable[[], object]) -> Outcome:
    """Run an action in this process. A sentence of several lines is a traceback: nobody would call it a sentence."""
    try:
        action()
    except InputError as error:
        return Outcome(TRACEBACK if "\n" in str(error) else SENTENCE, str(error))
    except Exception:
        return Outcome(TRACEBACK, traceback.format_exc())
    return Outcome(ACCEPTED)


class Trial(NamedTuple):
    name: str  # of what was tried
    outcome: Outcome
    is_unreasoned: bool = False  # accepted, and nothing says why it may be


def counted(trials: Iterable[Trial]) -> Counter[str]:
    """How many of each kind; tracebacks, and names of what is accepted without reason, are printed as they come."""
    counts: Counter[str] = Counter()
    for name, outcome, is_unreasoned in trials:
        counts.update([outcome.kind, NONSENSE] if is_unreasoned else [outcome.kind])
        if is_unreasoned or outcome.kind == TRACEBACK:
            print(f"{name}\n{outcome.text}".rstrip(), flush=True)
    return counts


def tracebacks(trials: Iterable[Trial]) -> list[str]:
    return [f"{trial.name}\n{trial.outcome.text}" for trial in trials if trial.outcome.kind == TRACEBACK]
