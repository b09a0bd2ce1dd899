"""A damaged params.yaml is a sentence or is accepted, never a traceback; and what is accepted has a written reason."""

from __future__ import annotations

import pytest

from tests.fuzz.by_hand import hand_outcomes
from tests.fuzz.leaves import leaves, trials
from tests.fuzz.mutations import mutation_outcomes
from tests.fuzz.outcomes import ACCEPTED, SENTENCE, TRACEBACK
from tests.fuzz.reasons import reason
from tests.fuzz.small import small_outcomes
from tests.fuzz.stages import stage_trials

FIT = {"seeds as a number", "seeds as a list", "a mark of the encoding"}
LEFT_OUT = {"no judges", "no protocols", "no experiments", "no neighbours", "no controls", "no near-duplicates"}


def slowly(few: int, many: int) -> pytest.MarkDecorator:
    """A few by default, and many in the slow run."""
    return pytest.mark.parametrize("amount", [few, pytest.param(many, marks=pytest.mark.slow)])


@slowly(131, 1)
def test_a_number_out_of_its_range_is_refused_or_has_a_reason(amount: int) -> None:
    tried = list(trials(amount))
    assert len(tried) >= 6 * len(leaves()) // amount
    assert not [f"{trial.name}\n{trial.outcome.text}" for trial in tried if trial.outcome.kind == TRACEBACK]
    assert not [trial.name for trial in tried if trial.unreasoned]
    assert amount > 1 or any(trial.outcome.kind == ACCEPTED for trial in tried)
    assert not any(reason(trial.place, 1e12) for trial in tried)


@slowly(25, 300)
def test_a_random_change_is_never_a_traceback(amount: int) -> None:
    tried = mutation_outcomes(amount)
    assert len(tried) >= amount // 2
    assert not [f"{mutation.name}\n{done.text}" for mutation, done in tried if done.kind == TRACEBACK]
    assert {SENTENCE, ACCEPTED} <= {done.kind for _, done in tried}


@slowly(11, 1)
def test_what_people_write_by_mistake_is_never_a_traceback(amount: int) -> None:
    tried = dict(hand_outcomes(amount))
    assert not [f"{name}\n{done.text}" for name, done in tried.items() if done.kind == TRACEBACK]
    accepted = {name for name, done in tried.items() if done.kind == ACCEPTED}
    assert accepted == (FIT | LEFT_OUT) & set(tried)
    assert all(done.text.startswith(("params.yaml", "There is no")) for name, done in tried.items() if done.text)


@slowly(181, 1)
def test_a_small_recipe_with_such_a_number_trains_or_is_refused(amount: int) -> None:
    tried = list(small_outcomes(amount, ("eager",) if amount > 1 else ("eager", "kernel")))
    assert len(tried) >= 2000 // amount
    assert not [f"{name}\n{done.text}" for name, done in tried if done.kind == TRACEBACK]


@pytest.mark.slow
def test_a_small_stage_with_such_a_number_runs_or_is_refused() -> None:
    tried = list(stage_trials())
    assert len(tried) >= 440 and {trial.outcome.kind for trial in tried} == {SENTENCE, ACCEPTED}
    assert not [trial.name for trial in tried if trial.unreasoned]
