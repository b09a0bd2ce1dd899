"""Generated rows and the simulation of many GPUs: what they must come to where it is known, and within which limits."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.speed import rows
from benchmarks.speed.cell_costs import costs, rates
from benchmarks.speed.counted import cells_on_gpu, gflop_of_unit, read_counted
from benchmarks.speed.rows import SPREAD, STEP, cost_of, generated, prepared
from benchmarks.speed.scale import RESULT, document
from benchmarks.speed.schedule import Job, Place, chains, simulated
from replication.config.params import Params, load_params
from replication.table.measurements import read_table, table_in, write_table
from tests.hand_made import runs

ROOT = Path(__file__).parents[2]
SHARE: dict[Place, float] = {"gpu": 1.0, "half a gpu": 0.5, "cpu": 0.0}
JOB = st.builds(Job, st.sampled_from("abcd"), st.floats(0.1, 100), st.sampled_from(sorted(SHARE)), st.booleans())


@pytest.fixture
def params(monkeypatch: pytest.MonkeyPatch) -> Params:
    monkeypatch.chdir(ROOT)
    return load_params()


def test_jobs_of_known_lengths_take_what_they_must() -> None:
    jobs = [Job(str(n), seconds, "gpu") for n, seconds in enumerate((1.0, 2.0, 3.0))]
    assert simulated(jobs, 1).makespan == 6 and simulated(jobs, 2).makespan == 3 and simulated(jobs, 9).makespan == 3
    assert simulated(jobs, 2, longest_first=False).makespan == 4  # 1 and 2 side by side, then 3
    assert simulated([Job("a", 1.0, "half a gpu"), Job("b", 1.0, "half a gpu")], 1).makespan == 1
    scored = [Job("a", 5.0, "gpu", last=True), Job("a", 1.0, "gpu"), Job("a", 2.0, "gpu")]
    assert simulated(scored, 8).makespan == 7  # its training first, though scoring takes longer


@settings(derandomize=True, deadline=None, database=None, max_examples=60)
@given(jobs=st.lists(JOB, max_size=12), gpus=st.integers(1, 4), longest_first=st.booleans())
def test_no_schedule_beats_the_work_or_the_longest_chain(jobs: list[Job], gpus: int, longest_first: bool) -> None:
    plan, work = simulated(jobs, gpus, longest_first), sum(job.seconds * SHARE[job.place] for job in jobs)
    least = max(work / gpus, *chains(jobs).values(), 0.0)
    assert plan.busy == pytest.approx(work)
    assert least - 1e-9 <= plan.makespan <= sum(job.seconds for job in jobs) + 1e-9


def test_arithmetic_is_counted_as_the_timing_program_counts_it(params: Params) -> None:
    """`training-cpu.json` has 60.4 GFLOP of dcgan mnist-conditional, counted while it was computed."""
    cells = cells_on_gpu(params)
    name = "dcgan.mnist-conditional.code"
    assert gflop_of_unit(params, cells[name]) == pytest.approx(60.4, rel=0.03)
    assert read_counted().keys() == cells.keys()
    assert read_counted()[name] == pytest.approx(gflop_of_unit(params, cells[name]))


@pytest.mark.integration
def test_the_committed_file_is_what_the_program_writes(params: Params) -> None:
    """`uv run python -m benchmarks.speed scale` writes it anew, after cells, counts or measurements have changed."""
    of = costs(params)
    assert (ROOT / RESULT).read_text(encoding="utf-8") == document(of, rates(params))
    assert [cost.key for cost in of] == list(params.profiles["paper"].scored)
    for cost in of:
        recorded = (ROOT / "reports/recorded" / cost.key / "provenance.json").is_file()
        assert cost.training > 0 and (cost.training_basis == "measured") <= recorded


ROOT = Path(__file__).parents[2]
MOST_SECONDS, MOST_GIGABYTES = 30.0, 1.5  # of a million rows; ten times the rows may take 60 s and 4 GB


def test_generated_rows_are_a_valid_table_with_more_seeds_and_recipes(tmp_path: Path) -> None:
    base = runs([0.25, 0.5, 0.75])
    table = generated(base, 28)  # ten copies: three recipes, four blocks of seeds of which the last is not whole
    write_table(table, tmp_path / "a.csv")
    read = read_table(tmp_path / "a.csv")
    assert len(read) == 30 and len(set(read["recipe"])) == 3
    assert sorted({seed // STEP for seed in read["seed"]}) == [0, 1, 2, 3]
    original = base["value"].to_numpy()
    assert table["value"].to_numpy()[:3].tolist() == original.tolist()
    assert np.allclose(table["value"].to_numpy().reshape(-1, 3), original, rtol=6 * SPREAD)
    assert generated(base, 28).equals(table)


@pytest.mark.slow
def test_the_page_of_a_million_rows_is_made_within_its_limits(tmp_path: Path) -> None:
    """Seconds of processor, for other work may share the core."""
    pytest.importorskip("pyarrow")
    count = prepared(tmp_path, 1_000_000)
    assert count > 1_000_000 and table_in(tmp_path / "reports" / rows.PROFILE).suffix == ".parquet"
    cost = cost_of("page", tmp_path, count)
    assert (tmp_path / "reports/index.html").stat().st_size > 100_000
    assert cost.processor < MOST_SECONDS and cost.gigabytes < MOST_GIGABYTES, cost
