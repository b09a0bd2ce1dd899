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


def counted(outcomes: Iterable[tuple[str, Outcome]]) -> Counter[str]:
    """How many of each kind; a traceback is printed as it comes, after what was tried."""
    counts: Counter[str] = Counter()
    for name, outcome in outcomes:
        counts[outcome.kind] += 1
        if outcome.kind == TRACEBACK:
            print(f"{name}\n{outcome.text}", flush=True)
    return counts
