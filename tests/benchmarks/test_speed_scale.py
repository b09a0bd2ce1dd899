"""The simulation of many GPUs: what it must come to where it is known, and the committed file, which it writes."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.speed.cell_costs import costs, rates
from benchmarks.speed.counted import cells_on_gpu, gflop_of_unit, read_counted
from benchmarks.speed.scale import RESULT, document
from benchmarks.speed.schedule import Job, Place, chains, simulated
from replication.config.params import Params, load_params

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
