"""A damaged params.yaml is a sentence or is accepted, never a traceback; and what is accepted has a written reason."""

from __future__ import annotations

import pytest

from tests.fuzz.by_hand import hand_trials
from tests.fuzz.leaves import leaf_trials, leaves, small_trials
from tests.fuzz.mutations import mutation_trials
from tests.fuzz.outcomes import ACCEPTED, SENTENCE, tracebacks
from tests.fuzz.reasons import reason
from tests.fuzz.stages import stage_trials

FIT = {"seeds as a number", "seeds as a list", "a mark of the encoding"}
LEFT_OUT = {"no judges", "no protocols", "no experiments", "no neighbours", "no controls", "no near-duplicates"}


def slowly(few: int, many: int) -> pytest.MarkDecorator:
    """A few by default, and many in the slow run."""
    return pytest.mark.parametrize("amount", [few, pytest.param(many, marks=pytest.mark.slow)])


@slowly(131, 1)
def test_a_number_out_of_its_range_is_refused_or_has_a_reason(amount: int) -> None:
    tried = list(leaf_trials(amount))
    assert len(tried) >= 6 * len(leaves()) // amount
    assert not tracebacks(tried) and not [trial.name for trial in tried if trial.is_unreasoned]
    assert amount > 1 or any(trial.outcome.kind == ACCEPTED for trial in tried)
    assert not any(reason(place, 1e12) for place in leaves()[:: max(amount // 6, 1)])


@slowly(25, 300)
def test_a_random_change_is_never_a_traceback(amount: int) -> None:
    tried = mutation_trials(of=amount)
    assert len(tried) >= amount // 2 and not tracebacks(tried)
    assert {SENTENCE, ACCEPTED} <= {trial.outcome.kind for trial in tried}


@slowly(11, 1)
def test_what_people_write_by_mistake_is_never_a_traceback(amount: int) -> None:
    tried = hand_trials(amount)
    assert not tracebacks(tried)
    names = {trial.name for trial in tried}
    assert {trial.name for trial in tried if trial.outcome.kind == ACCEPTED} == (FIT | LEFT_OUT) & names
    sentences = [trial.outcome.text for trial in tried if trial.outcome.text]
    assert all(sentence.startswith(("params.yaml", "There is no")) for sentence in sentences)


@slowly(181, 1)
def test_a_small_recipe_with_such_a_number_trains_or_is_refused(amount: int) -> None:
    tried = list(small_trials(amount, ("eager",) if amount > 1 else ("eager", "kernel")))
    assert len(tried) >= 2000 // amount and not tracebacks(tried)


@pytest.mark.slow
def test_a_small_stage_with_such_a_number_runs_or_is_refused() -> None:
    tried = list(stage_trials())
    assert len(tried) >= 440 and {trial.outcome.kind for trial in tried} == {SENTENCE, ACCEPTED}
    assert not [trial.name for trial in tried if trial.is_unreasoned]
