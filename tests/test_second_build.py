"""Two builds judged apart: which claims they can be compared on, and when they disagree more often than chance."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from replication.table.measurements import Measurement, to_table, write_table
from replication.verdicts.claims import Claim, Evidence, Plan
from replication.verdicts.studies.second_build import Pair, chance_of, lines, main, pairs

ROW = Measurement("cpu", "gan2014", "gan", "one", "paper", "toy", "full", 400, 0, 100, "auc", 0.5, 1000)
SIDE = {
    "paper": "gan2014",
    "model": "gan",
    "recipe": "one",
    "dataset": "toy",
    "class": "all",
    "metric": "auc",
    "step": "final",
}


def claim(key: str = "a", n: int = 10, effect: float = 0.1, **changes: object) -> Claim:
    plan = Plan(n, "a trial", sd=0.05, effect=effect)
    made = Claim(
        id=key, paper="gan2014", statement="", source="", verified=True, origin="statement", kind="bound", family=key,
        protocol="", replicate_unit="training", overlap=None, margin=None, margin_reason="", better="higher", bound=0.5,
        published=None, evidence=Evidence(SIDE, None, False, None, ""), indicative=(), not_assessed="", plan=plan,
    )  # fmt: skip
    return replace(made, **changes)  # pyright: ignore[reportArgumentType]


def table(first: float, second: float, n: int = 10, recipe: str = "one") -> pd.DataFrame:
    """Runs around two means, seeds 0 … and 1000 …; every block spreads alike."""
    spread = 0.05 * np.linspace(-1.5, 1.5, n)
    blocks = [(0, first), (1000, second)]
    return to_table(
        replace(ROW, recipe=recipe, seed=start + i, value=mean + s)
        for start, mean in blocks
        for i, s in enumerate(spread)
    )


def test_each_block_of_seeds_is_judged_on_its_own() -> None:
    (pair,) = pairs([claim()], table(0.6, 0.4))
    assert pair.words == ("replicated", "not replicated") and not pair.agree
    (pair,) = pairs([claim()], table(0.6, 0.6))
    assert pair.words == ("replicated", "replicated") and pair.agree
    assert pairs([claim()], table(0.6, 0.6), border=5000) == []  # one block has no measurements


def test_only_planned_claims_over_trainings_are_compared() -> None:
    assert pairs([claim(plan=None), claim("b", replicate_unit="dataset")], table(0.6, 0.6)) == []
    assert pairs([claim(n=300, effect=0.01)], table(0.6, 0.6)) == []  # underpowered with ten


def test_what_is_expected_is_that_of_two_studies_of_the_power() -> None:
    (sure,) = pairs([claim()], table(0.6, 0.6))
    (even,) = pairs([claim(effect=0.026)], table(0.6, 0.6))
    assert sure.expected < 0.001
    assert 0.4 < even.expected <= 0.5  # about half of such studies are replicated


@pytest.mark.parametrize(("disagreeing", "chance"), [(0, 1.0), (1, 0.75), (2, 0.25)])
def test_the_chance_of_so_many_disagreements(disagreeing: int, chance: float) -> None:
    found = [Pair(str(i), ("replicated", "inconclusive" if i < disagreeing else "replicated"), 0.5) for i in range(2)]
    assert chance_of(found) == pytest.approx(chance)
    assert lines(found)[-1].startswith(f"{disagreeing} of 2 words disagree; 1.0 expected")


def test_a_row_that_two_tables_share_counts_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("replication.verdicts.studies.second_build.load_benchmarks", lambda: ())
    monkeypatch.setattr("replication.verdicts.studies.second_build.claims_of", lambda _: [claim()])
    both = table(0.9, 0.9)
    write_table(both.loc[both["seed"] < 1000], tmp_path / "one.csv")
    write_table(both.loc[(both["seed"] == 0) | (both["seed"] >= 1000)], tmp_path / "two.csv")
    with pytest.raises(SystemExit) as stopped:
        main([str(tmp_path / "one.csv"), str(tmp_path / "two.csv")])
    assert stopped.value.code == 0 and "0 of 1 words disagree" in capsys.readouterr().out
