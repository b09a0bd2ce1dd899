"""Estimates from a hand-made file of results, and without one: seconds by hand, never a rate that nobody measured."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest

from replication import estimate as command
from replication.errors import InputError
from replication.estimate import estimate_profile, nearest_rate, read_rates
from replication.params import Params, Profile, load_params
from replication.report.estimates import ProfileEstimate, read_estimates
from replication.report.speed_results import Machine, Results, Timing, Training
from replication.strict import strict
from replication.workload import Workload

ROOT = Path(__file__).parents[1]
CELLS = ("brief-gan-mnist", "brief-improved-mnist-100", "brief-gan-toy-k1")


@pytest.fixture(scope="module")
def params() -> Params:
    return load_params(ROOT / "params.yaml")


@pytest.fixture(scope="module")
def profile(params: Params) -> Profile:
    brief = params.profiles["brief"]
    return replace(brief, cells={key: brief.cells[key] for key in CELLS})


def training(recipe: str, data: str, iterations: int, seconds: float, seeds: int = 5, **changes: Any) -> Training:
    """A case in which every seed makes so many iterations in so many seconds."""
    rate = seeds * iterations / seconds
    timing = Timing("ours", iterations, (seconds,), 1.0, rate, 1.0, None, 0.1, 0.1)
    made = Training(recipe.split()[1], recipe, data, 100, 10, "float32", seeds, 1.0, 1.0, "arithmetic", (timing,), ())
    return replace(made, **changes)


def write(folder: Path, kind: Any, *trainings: Training) -> None:
    device = "A GPU" if kind == "cuda" else "A processor (2 cores)"
    machine = Machine(device, kind, 2, "Linux", 0.1, {"torch": "2.11"})
    found = Results("training", "-", "2026-01-02T03:04:05+00:00", "a" * 64, machine, 1, 1.0, (), training=trainings)
    (folder / f"training-{kind}.json").write_text(json.dumps(asdict(found)), encoding="utf-8")


@pytest.fixture
def measured(tmp_path: Path) -> Path:
    folder = tmp_path / "measured"
    folder.mkdir()
    write(folder, "cuda", training("gan mnist (code)", "random uint8 images in place of mnist", 400, 2.0))
    write(folder, "cpu", training("deligan toy-gan (paper)", "toy-bimodal", 1000, 0.5, seeds=1))
    return folder


def test_seconds_by_hand(params: Params, profile: Profile, measured: Path) -> None:
    found = estimate_profile(params, profile, *read_rates(params, measured))
    own, other, toy = found.cells
    assert (own.case, own.of_case, own.seeds, own.units) == ("mnist", 1.0, 5, 6250)
    assert own.seconds == 6250 * 5 / 1000  # five seeds make 1000 iterations a second together
    # More arithmetic than the case takes longer in proportion: products of 500, 1000, … against those of 1200.
    ratio = (12 * 1_536_500 + 4 * 692_000) / (8 * 1_229_040 + 4 * 2_500_800)
    assert (other.case, other.of_case) == ("mnist", pytest.approx(ratio, rel=1e-3))
    assert other.seconds == pytest.approx(7200 * 5 / 1000 * ratio, rel=1e-3)
    # Less arithmetic is not taken to be faster; toys are looked up on the processor.
    assert (toy.case, toy.device, toy.of_case) == (
        "toy-gan",
        "cpu",
        pytest.approx((4 * 128 + 8 * 96) / (5 * (5 * 128 + 9 * 96)), rel=1e-3),
    )
    assert toy.seconds == 20_000 * 20 / 2000
    assert found.seconds == pytest.approx(31.25 + (other.seconds or 0) + 200) and found.commands == ()
    assert found.measured == (
        "training-cpu.json (A processor (2 cores), 2026-01-02)",
        "training-cuda.json (A GPU, 2026-01-02)",
    )


def test_without_rates_there_is_no_total_and_what_measures_them_is_said(
    params: Params, profile: Profile, tmp_path: Path
) -> None:
    found = estimate_profile(params, profile, *read_rates(params, tmp_path))
    assert found.seconds is None and {cell.seconds for cell in found.cells} == {None}
    text = command.as_text(found)
    assert "no total: no measured rate on cpu (toy); no measured rate on cuda (dense)" in text
    assert "measure with: uv run python -m benchmarks.speed training --device cuda" in text
    assert "together" not in text and "hours" not in text


def test_one_missing_rate_is_enough_for_no_total(params: Params, profile: Profile, measured: Path) -> None:
    (measured / "training-cpu.json").unlink()
    found = estimate_profile(params, profile, *read_rates(params, measured))
    assert found.seconds is None and found.cells[0].seconds == 31.25
    assert found.commands == ("uv run python -m benchmarks.speed training --device cpu",)


def test_a_case_of_another_device_kind_or_precision_is_no_rate(measured: Path, params: Params) -> None:
    rates, _ = read_rates(params, measured)
    cuda = next(rate for rate in rates if rate.device == "cuda")
    work = cuda.work
    assert nearest_rate(work, "cuda", "float32", 5, rates) is cuda
    assert nearest_rate(work, "cpu", "float32", 5, rates) is None
    assert nearest_rate(work, "cuda", "bfloat16", 5, rates) is None
    assert nearest_rate(replace(work, kind="convolutional"), "cuda", "float32", 5, rates) is None


def test_the_nearest_case_in_arithmetic_then_in_seeds(measured: Path, params: Params) -> None:
    rate = next(rate for rate in read_rates(params, measured)[0] if rate.device == "cuda")
    near, far = replace(rate, case="near", seeds=1), replace(rate, case="far", work=replace(rate.work, flops=8e9))
    asked = Workload("dense", 5e9, 2, 10)
    assert nearest_rate(asked, "cuda", "float32", 5, [far, near, rate]) is rate
    assert nearest_rate(asked, "cuda", "float32", 2, [far, rate, near]) is near
    assert nearest_rate(replace(asked, flops=6.4e9), "cuda", "float32", 5, [rate, far]) is far  # 1.25 times, not 1.6


def test_a_case_whose_recipe_is_gone_is_left_out(params: Params, tmp_path: Path) -> None:
    write(
        tmp_path, "cuda", training("gan faces (code)", "mnist", 1, 1.0), training("gan toy-k1 (paper)", "faces", 1, 1.0)
    )
    assert read_rates(params, tmp_path)[0] == []


def test_the_command(
    params: Params,
    profile: Profile,
    measured: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    small = replace(params, profiles={"brief": profile, "paper": profile})
    monkeypatch.setattr(command, "load_params", lambda: small)
    (tmp_path / "benchmarks" / "speed").mkdir(parents=True)
    measured.rename(tmp_path / command.RESULTS)
    monkeypatch.chdir(tmp_path)
    command.main(["brief", "--json"])
    written = json.loads(capsys.readouterr().out)
    assert written.pop("seconds") == pytest.approx(31.25 + 38.44 + 200, abs=0.1)
    assert strict(ProfileEstimate, written, "") == estimate_profile(params, profile, *read_rates(params))
    command.main(["brief"])
    assert "all trainings, one cell after another: 4.5 minutes" in capsys.readouterr().out
    with pytest.raises(InputError, match="no profile 'gpu'; accepted: brief, paper"):
        command.main(["gpu"])
    command.main(["--write"])
    assert "written: benchmarks/speed/estimates.json" in capsys.readouterr().out
    kept = read_estimates(Path("benchmarks/speed/estimates.json"))
    assert [one.profile for one in kept.profiles] == ["brief", "brief"] and kept.profiles[0].seconds


def test_an_assumption_is_never_called_a_measurement(params: Params, profile: Profile) -> None:
    text = command.assumed_text(params, profile)
    assert "by assumed rates, which no run has measured" in text.splitlines()[0]
    assert "brief-gan-toy-k1" in text and "allotted below" in text
