"""The command of the benchmarks at next to no size: what it prints and writes, whether it is true, what it refuses."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.svm import LinearSVC

from benchmarks.speed import __main__, counting, options, training
from benchmarks.speed.__main__ import main
from benchmarks.speed.arms import plain_training
from benchmarks.speed.cases import CASES, USUAL, prepare_case
from benchmarks.speed.options import read_options
from benchmarks.speed.svm import measure, objectives, synthetic_features
from benchmarks.speed.training import time_case
from replication.config.params import load_params
from replication.foundation.errors import InputError
from replication.table.speed import Peak, Results, SvmResults, read_results
from replication.table.speed_tables import TRAINING

ROOT = Path(__file__).parents[2]
SHORT = ("--case", "digits-dcgan", "--rounds", "2", "--seconds", "0.01")
PEAK = Peak(100.0, None, 10.0)
Captured = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def in_small(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr(options, "RESULTS", tmp_path / "kept")  # a run of a test never replaces a measurement
    monkeypatch.setitem(counting.SIDES, "cpu", 64)
    monkeypatch.setitem(counting.COPIED, "cpu", 2**16)


@pytest.mark.integration
def test_training_prints_tables_and_writes_what_the_report_reads(tmp_path: Path, capsys: Captured) -> None:
    path = tmp_path / "training.json"
    main(["training", *SHORT, "--seeds", "1", "2", "--out", str(path)])
    printed = capsys.readouterr().out
    assert all(name in printed for name in (*TRAINING, "digits-dcgan, float32", "n = 1297 of digits", "n = 2 rounds"))
    results = read_results(path)
    assert isinstance(results, Results) and results.benchmark == "training" and results.peak is not None
    assert [trained.seeds for trained in results.training] == [1, 2]
    for trained in results.training:
        ours, plain = trained.timings
        assert (ours.arm, plain.arm) == ("ours", "plain")
        assert all(len(timing.seconds) == 2 and timing.peak_memory_bytes is None for timing in (ours, plain))
        assert ours.images_per_second == pytest.approx(64 * ours.iterations_per_second)
        useful = trained.gflop_per_iteration * ours.iterations_per_second / results.peak.float32_gflops
        assert ours.share_of_peak == pytest.approx(useful)
    assert results.command == f"python -m benchmarks.speed training {' '.join(SHORT)} --seeds 1 2 --out {path}"
    assert len(results.code_sha256) == 64 and {"torch", "python"} <= set(results.machine.versions)


def test_arms_take_turns_and_each_is_first_in_every_other_round(monkeypatch: pytest.MonkeyPatch) -> None:
    order: list[str] = []

    class Fake:
        warm_up_seconds, peak_memory = 0.0, 7

        def __init__(self, *arguments: object) -> None:
            self.name = arguments[4] if len(arguments) > 4 else "ours"

        def run(self, iterations: int) -> float:
            order.append(str(self.name))
            return 0.1 * iterations * (1 if self.name == "ours" else 3)

    monkeypatch.setattr(training, "Ours", Fake)
    monkeypatch.setattr(training, "Plain", Fake)
    work = prepare_case("digits-dcgan", load_params())
    chosen = read_options(["--rounds", "4", "--seconds", "0.1"])
    timed = time_case(work, (0, 1), counting.Need(1e9, 1e6), PEAK, chosen)
    assert order[-8:] == ["ours", "plain", "plain", "ours"] * 2
    assert timed.ratios[0].median == pytest.approx(3.0)
    assert [timing.iterations_per_second for timing in timed.timings] == pytest.approx([20.0, 20 / 3])
    assert timed.bound_by == "arithmetic" and timed.timings[0].peak_memory_bytes == 7
    many = time_case(work, (0,), counting.Need(1e6, 1e9), PEAK, replace(chosen, torch_threads=2))
    assert [ratio.against for ratio in many.ratios] == ["plain", "plain, one thread"] and many.bound_by == "bandwidth"


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_on_a_gpu_memory_is_measured_and_tf32_stands_beside(tmp_path: Path) -> None:
    path = tmp_path / "training.json"
    main(["training", "--device", "cuda", *SHORT, "--seeds", "2", "--out", str(path)])
    results = read_results(path)
    assert isinstance(results, Results) and results.machine.kind == "cuda"
    (trained,) = results.training
    assert [timing.arm for timing in trained.timings] == ["ours", "plain", "plain, TF32"]
    assert all(timing.peak_memory_bytes for timing in trained.timings)
    cpu = counting.needs(plain_training(prepare_case("digits-dcgan", load_params()), 0, "cpu", frugal=True).step)
    assert trained.gflop_per_iteration == pytest.approx(cpu.flop / 1e9)
    assert not torch.backends.cudnn.allow_tf32


def test_the_svm_writes_what_the_report_reads(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "svm-cpu.json"
    main(["svm", "--n", "40", "--features", "60", "--costs", "1e-3", "--threads", "1", "--out", str(path)])
    results = read_results(path)
    assert isinstance(results, SvmResults) and results.kind == "cpu" and results.n == 40
    assert "LinearSVC" in capsys.readouterr().out


def test_only_a_whole_run_is_kept_by_itself() -> None:
    def kept(*arguments: str) -> str | None:
        place = read_options(arguments).out
        return place and place.name

    assert kept() == kept("--json") == "training-cpu.json"
    assert kept("--precision", "bfloat16") == "training-cpu-bfloat16.json"
    for part in (["--quick"], ["--case", "toy"], ["--rounds", "9"], ["--seeds", "3"], ["--seconds", "1"]):
        assert kept(*part) is None
    assert kept("--quick", "--out", "here.json") == "here.json"


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["nothing"], "'nothing' is no benchmark; accepted: training, svm, smoke, launches, rows, counted, "),
        (["training", "--case", "dcgan-65"], "'dcgan-65' is no case; accepted: dcgan-64, "),
        (["training", "--rounds", "0"], "Cannot measure 0 rounds"),
        (["training", "--seconds", "-1"], "a length above 0"),
        (["training", "--seeds", "1", "0"], r"with \[1, 0\] seeds"),
        (["training", "--threads", "0"], "0 threads"),
        (["training", "--device", "cuda", "--case", "toy"], "Case toy trains in compiled loops on the processor"),
        (["--case", "toy"], "All benchmarks in one run write files of their own"),
        (["training", "--device", "cuda"], "torch finds none"),
    ],
)
def test_what_cannot_be_measured_is_named(arguments: list[str], sentence: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training, "measure_training", lambda _: pytest.fail("it is measured all the same"))
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(InputError, match=sentence):
        main(arguments)


def test_without_a_name_every_benchmark_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    ran: list[tuple[str, ...]] = []
    monkeypatch.setattr(__main__, "_run", lambda name, arguments: ran.append((name, *arguments)))
    main(["--quick"])
    assert ran[0] == ("training", "--quick")
    assert ran[1][:3] == ("svm", "--device", "cpu") and "--n" in ran[1] and "--out" not in ran[1]
    main([])
    assert ran[3][-1].endswith("svm-cpu.json")


def test_usual_cases_exist_and_every_recipe_builds_in_its_shape() -> None:
    params = load_params()
    assert {name for names in USUAL.values() for name in names} == set(CASES)
    for name in CASES.keys() - {"dcgan-64"}:  # fifty megabytes of images: the others stand for it
        work = prepare_case(name, params)
        assert len(work.data.values) >= work.recipe.batch
        assert ("random" in work.data_name) == (CASES[name].dataset in ("mnist", "cifar10"))


def test_features_are_mostly_positive_correlated_and_the_same_each_time() -> None:
    features, labels = synthetic_features(1500, 80)
    again = synthetic_features(1500, 80)[0]
    assert torch.equal(features, again) and features.shape == (1500, 80)
    assert np.bincount(labels.numpy()).tolist() == [150] * 10
    assert (features > 0).float().mean() > 0.6
    values = torch.linalg.eigvalsh(torch.corrcoef(features.T))
    assert values[-1] > 4 * values.mean()
    of_class = features[labels == 3].mean(0) - features.mean(0)
    assert of_class.abs().mean() > 3 * features.std() / 150**0.5 / 3  # classes differ


def test_objectives_are_those_of_the_definition() -> None:
    features, labels = synthetic_features(60, 8)
    machine = LinearSVC(C=0.3, dual=False).fit(features.numpy(), labels.numpy())  # pyright: ignore[reportArgumentType]
    weights = torch.from_numpy(np.c_[machine.coef_, machine.intercept_])
    decisions, expected = machine.decision_function(features.numpy()), []
    for kind in range(10):
        margins = np.where(labels.numpy() == kind, 1, -1) * decisions[:, kind]
        loss = sum(max(0.0, 1 - margin) ** 2 for margin in margins)
        expected.append(0.5 * (weights[kind] ** 2).sum().item() + 0.3 * loss)
    assert objectives(weights, features, labels, 0.3).tolist() == pytest.approx(expected, rel=1e-5)


def test_both_solvers_are_measured_on_the_same_draws() -> None:
    ours, theirs = measure(40, 60, 3, (1e-3, 1e-2), "cpu", 1, 2)
    assert (ours.solver, ours.fits, theirs.solver, theirs.fits) == ("ours", 6, "LinearSVC", 4)
    assert ours.seconds > 0 and theirs.seconds > 0
    assert 0 <= ours.worst_excess <= 1e-4 and 0 <= theirs.worst_excess < 0.1
    assert ours.mean_accuracy == pytest.approx(theirs.mean_accuracy, abs=0.05)
    assert [timing.fits for timing in measure(40, 60, 0, (1e-3,), "cpu", 1, 1)] == [1, 1]


def test_json_holds_every_number_and_sizes_that_cannot_be_measured_are_named(capsys: Captured) -> None:
    main(["svm", "--n", "40", "--features", "60", "--costs", "1e-3", "1e-2", "--threads", "1", "--json"])
    written = json.loads(capsys.readouterr().out)
    assert (written["n"], written["features"], written["draws"], written["costs"]) == (40, 60, 0, [1e-3, 1e-2])
    assert [timing["solver"] for timing in written["timings"]] == ["ours", "LinearSVC"]
    assert {"torch", "scikit-learn", "device", "threads"} <= set(written)
    with pytest.raises(InputError, match="Cannot measure 0 draws of 45 examples with 28672 features"):
        main(["svm", "--n", "45"])
