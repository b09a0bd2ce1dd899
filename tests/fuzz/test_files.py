"""A damaged file is a sentence or a result, never a traceback nor another content under its hash."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from replication.table.robustness import read_robustness
from tests.fuzz.__main__ import main
from tests.fuzz.by_hand import MEANT, hand_trials
from tests.fuzz.damage import BYTES, Damage, damaged, restructured
from tests.fuzz.files import CLAIM_KINDS, NO_EFFECT, SUBJECTS, ClaimFiles, became, claim_trials, file_trials, made
from tests.fuzz.leaves import leaf_trials, leaves, reason, small_trials
from tests.fuzz.mutations import mutation_trials
from tests.fuzz.outcomes import ACCEPTED, NONSENSE, SENTENCE, TRACEBACK, counted, tracebacks
from tests.fuzz.stages import stage_trials
from tests.in_small import BENCHMARK

SHARES = st.floats(0, 1, exclude_max=True)
# A machine that does much else draws slowly, which is no fault of what is drawn.
FEW = settings(
    max_examples=12, derandomize=True, deadline=None, database=None, suppress_health_check=[HealthCheck.too_slow]
)
QUIET = pytest.mark.filterwarnings("ignore")  # of what Pillow and NumPy say of damaged files


def damages(kinds: tuple[str, ...]) -> st.SearchStrategy[Damage]:
    return st.builds(Damage, st.sampled_from(kinds), SHARES, SHARES)


@QUIET
@pytest.mark.parametrize("name", SUBJECTS)
def test_a_damaged_file_is_refused_or_read(name: str) -> None:
    with made(name) as (subject, content, before):

        @FEW
        @given(damages(subject.kinds))
        def hold(damage: Damage) -> None:
            outcome = became(subject, content, before, damage)
            assert outcome.kind != TRACEBACK, outcome.text

        hold()


@pytest.fixture
def claims(tmp_path: Path) -> ClaimFiles:
    for name in ("source", "copy"):
        (tmp_path / name).mkdir()
    (tmp_path / "source/gan2014.yaml").write_text(BENCHMARK, encoding="utf-8")
    return ClaimFiles(tmp_path / "copy", tmp_path / "source")


@QUIET
def test_a_damaged_claim_file_is_refused_or_read_as_what_it_says(claims: ClaimFiles) -> None:
    @settings(FEW, max_examples=60)
    @given(damages(CLAIM_KINDS), SHARES)
    def hold(damage: Damage, which: float) -> None:
        outcome = claims.became(damage, which)
        assert outcome.kind != TRACEBACK and outcome.text != NO_EFFECT, outcome.text

    hold()


@QUIET
def test_damage_is_noticed(claims: ClaimFiles) -> None:
    """What the tests above hold is nothing where a damage leaves all as it was."""
    for kind in BYTES:
        assert damaged(b"abcdefgh" * 9, Damage(kind, 0.2, 0.3)) != b"abcdefgh" * 9
    value = {"a": [1, {"b": 2}]}
    assert restructured(value, Damage("remove", 0.9, 0.0)) == {"a": [1, {}]}
    assert restructured(value, Damage("rename", 0.0, 0.0)) == {"": [1, {"b": 2}]}
    assert restructured(value, Damage("double", 0.3, 0.0)) == {"a": [1, 1, {"b": 2}]} and value == {"a": [1, {"b": 2}]}
    assert claims.became(Damage("truncate", 0.5, 0.0), 0.0).kind == SENTENCE


@QUIET
def test_a_table_keeps_the_rows_of_kinds_that_were_not_asked_for(tmp_path: Path) -> None:
    for every in ("300", "100"):
        main(["--kinds", "weights of a judge", "--every", every, "--out", str(tmp_path / "fuzz.json")])
    main(["--kinds", "timings", "--every", "150", "--out", str(tmp_path / "fuzz.json")])
    (grid,) = read_robustness(tmp_path)
    assert [row[:3] for row in grid.rows] == [("weights of a judge", "100", "3"), ("timings", "150", "2")]


@QUIET
@pytest.mark.slow
@pytest.mark.parametrize("name", SUBJECTS)
def test_many_damages_to_a_file(name: str) -> None:
    counts = counted(file_trials(name, of=1000))
    assert not counts[TRACEBACK] and (counts[SENTENCE] > 100 or name == "step of a stopped experiment")  # made anew


@QUIET
@pytest.mark.slow
def test_many_damages_to_claim_files() -> None:
    counts = counted(claim_trials())
    assert not counts[TRACEBACK] and counts[ACCEPTED] and counts[NONSENSE] <= 5


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
    assert {trial.name for trial in tried if trial.outcome.kind == ACCEPTED} == MEANT & names
    sentences = [trial.outcome.text for trial in tried if trial.outcome.text]
    assert all(sentence.startswith(("params.yaml", "There is no")) for sentence in sentences)


@slowly(181, 1)
def test_a_small_recipe_with_such_a_number_trains_or_is_refused(amount: int) -> None:
    tried = list(small_trials(amount, ("eager",) if amount > 1 else ("eager", "kernel")))
    assert len(tried) >= 2000 // amount and not tracebacks(tried)
    assert not [trial.name for trial in tried if trial.is_unreasoned]


@pytest.mark.slow
def test_a_small_stage_with_such_a_number_runs_or_is_refused() -> None:
    tried = list(stage_trials())
    assert len(tried) >= 440 and {trial.outcome.kind for trial in tried} == {SENTENCE, ACCEPTED}
    assert not [trial.name for trial in tried if trial.is_unreasoned]
