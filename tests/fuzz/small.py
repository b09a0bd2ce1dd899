"""The numbers of the small recipes of `tests/training/every_key.yaml` set to the same values, and each trained."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import redirect_stderr
from functools import partial
from io import StringIO

from replication.foundation.errors import InputError
from tests.fuzz.leaves import VALUES
from tests.fuzz.outcomes import Outcome, counted, outcome_of
from tests.fuzz.subject import changed, places
from tests.training.test_every_key import KIND, TABLE, computed_from


def small_outcomes(every: int = 1, engines: Sequence[str] = ("eager", "kernel")) -> Iterator[tuple[str, Outcome]]:
    """What becomes of each training, or of each so-manieth."""
    pairs = [
        (base, place, value if isinstance(now, int) else float(value))
        for base, written in TABLE["bases"].items()
        for place, now in places(written["recipe"])
        if isinstance(now, int | float) and not isinstance(now, bool)
        for value in VALUES
    ]
    for base, place, value in pairs[::every]:
        recipe = json.dumps(changed(TABLE["bases"][base]["recipe"], place, value))
        for engine in engines:
            name = f"{base}, {engine}: {'.'.join(map(str, place))}: {value}"
            yield name, outcome_of(partial(_train, base, engine, recipe))


def small_fuzz(every: int = 1) -> Counter[str]:
    """All of them, or each so-manieth, without their progress bars."""
    with redirect_stderr(StringIO()):
        return counted(small_outcomes(every))


def _train(base: str, engine: str, recipe: str) -> None:
    written = json.dumps({**json.loads(recipe), "engine": KIND[engine]})
    said = computed_from(base, engine, written)
    if isinstance(said, str):
        raise InputError(said)
