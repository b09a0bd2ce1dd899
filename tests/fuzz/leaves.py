"""Every number of params.yaml set to what it rarely means: 0, −1, a million millions, NaN and both infinities."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from math import inf, nan
from typing import NamedTuple

from tests.fuzz.outcomes import ACCEPTED, NONSENSE, Outcome, counted
from tests.fuzz.reasons import reason
from tests.fuzz.subject import Place, at, changed, of_model, places, recipes_at, used, written

VALUES = (0, -1, 10**12, nan, inf, -inf)


class Trial(NamedTuple):
    place: Place
    value: float
    outcome: Outcome

    @property
    def name(self) -> str:
        return f"{'.'.join(map(str, self.place))}: {self.value}"

    @property
    def unreasoned(self) -> bool:
        """Whether the value is accepted, and no comment beside its key says what it does."""
        return self.outcome.kind == ACCEPTED and not reason(self.place, self.value)


def leaves() -> list[Place]:
    """Places of all numbers, as they are written; the profile in force is one of the profiles."""
    values = {key: value for key, value in written().items() if key != "run"}
    return [place for place, value in places(values) if isinstance(value, int | float) and not isinstance(value, bool)]


def trials(every: int = 1) -> Iterator[Trial]:
    """Set one number after another to one value after another, or each so-manieth of these pairs."""
    pairs = [(place, value) for place in leaves() for value in VALUES]
    for place, value in pairs[::every]:
        now = float(value) if isinstance(at(written(), place), float) else value
        values = changed(of_model(str(place[1])) if place[0] == "recipes" else written(), place, now)
        if place[:2] == ("profiles", "cpu"):  # the profile in force is an alias of it
            values["run"] = values["profiles"]["cpu"]
        yield Trial(place, now, used(values, recipes_at(place)))


def leaves_fuzz(every: int = 1) -> Counter[str]:
    """All pairs, or each so-manieth; the accepted ones without a written reason are counted, and printed."""
    tried = list(trials(every))
    without = [trial.name for trial in tried if trial.unreasoned]
    print(*without, sep="\n", end="\n" if without else "")
    return counted((trial.name, trial.outcome) for trial in tried) | Counter({NONSENSE: len(without)})
