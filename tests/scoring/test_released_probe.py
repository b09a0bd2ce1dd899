"""The released discriminator as an experiment: names of its rows, and numbers from their parts and scikit-learn."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from replication import experiment as stage
from replication.config.experiments import Released
from replication.config.params import Cell, Params, Probe
from replication.data.reading import PreparedImages
from replication.experiments import released_probe
from replication.experiments.released_probe import score_released_probe
from replication.foundation.errors import InputError
from replication.metrics.linear_probe import ProbeResult, discriminator_features, linear_probe
from replication.released import weights as released_weights
from replication.released.probe import infer_statistics, probe_released, shuffled
from replication.released.weights import ReleasedNetwork, read_discriminator
from replication.scoring.experiment_requirements import require_experiment
from replication.scoring.probe import run_probe
from replication.scoring.rows import Rows, Steps
from replication.table.measurements import Measurement, to_table
from replication.training.checkpoints import TrainingClock
from replication.verdicts.benchmarks import claims_of
from replication.verdicts.verdict import judge
from tests.in_small import own_benchmarks, own_params
from tests.test_released_weights import write_release

pytestmark = pytest.mark.integration

TINY = ReleasedNetwork("tiny", 3, ((2, 1), (3, 2), (4, 1)), ((4, 0), (3, 2)), 5, "uniform", (3, 8, 8))
PROBE = Probe((1e-4, 1e-3, 1e-2), 0.2, 2, (6, 4), 3)
OPTIONS = Released("", 5, 1, 2, (1.0,))
POOLINGS = ("max-4x4", "max-2x2", "max-4x4 of the last convolution", "mean-4x4")
STATISTICS = ("training images", "test images", "training images by class", "each batch")


def released_in(folder: Path) -> Path:
    folder.mkdir()
    write_release(folder, TINY, spread=0.5)
    return folder


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    return released_in(tmp_path / "released")


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> list[Measurement]:
    return rows_of(released_in(tmp_path_factory.mktemp("release") / "released"), "0-2")


def shades() -> PreparedImages:
    """150 + 75 noisy images, class by class, whose class is their brightness."""
    labels = np.repeat(np.arange(3), 50)
    noise = np.random.default_rng(1).integers(0, 200, (150, 3, 8, 8))
    images = (noise + 15 * labels[:, None, None, None]).astype(np.uint8)
    return PreparedImages("shades", images, labels, images[::2] // 2 * 2, labels[::2], ("a", "b", "c"), {})


def rows_of(directory: Path, seeds: str = "0-1", threads: int = 1, steps: Steps | None = None) -> list[Measurement]:
    cell = Cell("dcgan2015", "released", "tiny", "shades", "full", "code", seeds, "released-probe")
    rows = Rows("paper", cell, 150, {}, steps=steps)
    score_released_probe(rows, read_discriminator(directory, [TINY]), shades(), PROBE, OPTIONS, threads=threads)
    return rows.collected


@pytest.mark.parametrize("last", [0, 2, 5])
def test_a_killed_probe_goes_on_from_its_finished_steps(
    rows: list[Measurement], directory: Path, tmp_path: Path, last: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[int] = []

    def killed(*arguments: Any, **options: Any) -> ProbeResult:
        calls.append(len(calls))
        if len(calls) == last + 1:
            raise KeyboardInterrupt
        return run_probe(*arguments, **options)

    steps = Steps(tmp_path, TrainingClock(tmp_path))
    monkeypatch.setattr(released_probe, "run_probe", killed)
    with pytest.raises(KeyboardInterrupt):
        rows_of(directory, "0-2", steps=steps)
    assert rows_of(directory, "0-2", steps=steps) == rows
    assert len(calls) == 3 + len(POOLINGS) + len(STATISTICS) + 1  # the killed probe was asked for twice
    next(tmp_path.glob("seed-1.json")).write_text("[{")
    assert rows_of(directory, "0-2", steps=steps) == rows


def accuracies(rows: list[Measurement], recipe: str, variant: str, seed: int = 0) -> list[float]:
    place = (recipe, variant, seed, "probe_accuracy")
    return [row.value for row in rows if (row.recipe, row.metric_variant, row.seed, row.metric) == place]


def test_rows_name_what_was_changed(rows: list[Measurement]) -> None:
    named = {(row.recipe, row.metric_variant) for row in rows if row.seed == 0}
    expected = {("tiny", name) for name in ("all-labels", "6-per-class", "4-per-class")}
    expected |= {("tiny-pooling", f"5-per-class {name}") for name in POOLINGS}
    expected |= {("tiny-statistics", f"5-per-class {name}") for name in STATISTICS}
    expected |= {("tiny-costs", f"all-labels C {cost}") for cost in ("0.0001", "0.001", "0.01")}
    expected |= {("tiny-costs-few", f"5-per-class C {cost}") for cost in ("0.0001", "0.001", "0.01", "1")}
    assert named == expected
    assert {(row.recipe, row.metric_variant) for row in rows if row.seed} == {("tiny", "all-labels")}
    assert {(row.paper, row.model, row.variant, row.step) for row in rows} == {("dcgan2015", "released", "code", 0)}
    assert len(accuracies(rows, "tiny", "6-per-class")) == 3
    drawn = [row for row in rows if row.metric_variant.startswith("5-per-class") and row.metric == "probe_accuracy"]
    assert [row.replicate for row in drawn if row.recipe == "tiny-pooling"] == 4 * [0, 1]
    assert {row.replicate_kind for row in drawn} == {"label draw"}


def test_numbers_are_those_of_the_parts_by_hand(rows: list[Measurement], directory: Path) -> None:
    data = shades()
    released = read_discriminator(directory, [TINY])
    network, images = released.discriminator, torch.from_numpy(data.train_images)
    tests = torch.from_numpy(data.test_images)
    labels = torch.from_numpy(data.train_labels), torch.from_numpy(data.test_labels)

    def probed(order: np.ndarray, seen: torch.Tensor) -> list[float]:
        infer_statistics(network, seen, order)
        train, test = (discriminator_features(network, each, None, batch=128) for each in (images, tests))
        probe = replace(PROBE, selection_draws=1, limited_draws=2)
        result = linear_probe((train, labels[0]), (test, labels[1]), probe, (5,), 0, all_labels=False)
        return list(result.limited[5].accuracies)

    usual = probed(shuffled(150, 0), images)
    for recipe, variant, expected in (
        ("tiny-pooling", "max-4x4", usual),
        ("tiny-statistics", "training images", usual),
        ("tiny-statistics", "training images by class", probed(np.arange(150), images)),  # as they come
        ("tiny-statistics", "test images", probed(shuffled(75, 0), tests)),
    ):
        assert accuracies(rows, recipe, f"5-per-class {variant}") == expected


def test_the_command_measures_the_same(
    rows: list[Measurement], directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("replication.released.probe.COSTS", PROBE.costs)
    monkeypatch.setattr("replication.released.probe.SELECTION_DRAWS", PROBE.selection_draws)
    data = shades()
    for per_class, variant in ((None, "all-labels"), (6, "6-per-class")):
        command = probe_released(read_discriminator(directory, [TINY]), data, per_class, 3, seed=0)
        assert np.mean(accuracies(rows, "tiny", variant)) == pytest.approx(command["accuracy_mean"], abs=1e-12)
        place = (0, "tiny", "probe_cost", variant)
        costs = [row.value for row in rows if (row.seed, row.recipe, row.metric, row.metric_variant) == place]
        assert costs == [command["C"]]


def test_a_sweep_over_costs_has_the_probes_numbers_at_the_cost_that_it_chose(rows: list[Measurement]) -> None:
    for recipe, variant, sweep in (
        ("tiny", "all-labels", "tiny-costs"),
        ("tiny-pooling", "5-per-class max-4x4", "tiny-costs-few"),
    ):
        place = (0, recipe, "probe_cost", variant)
        (cost,) = {row.value for row in rows if (row.seed, row.recipe, row.metric, row.metric_variant) == place}
        measured = accuracies(rows, sweep, f"{variant.split()[0]} C {cost:g}")
        assert measured == accuracies(rows, recipe, variant)


def test_threads_change_nothing(rows: list[Measurement], directory: Path) -> None:
    assert rows_of(directory, "0-2", threads=3) == rows


def test_every_claim_on_a_released_network_finds_its_rows(rows: list[Measurement]) -> None:
    """Values get numbers and questions an answer with every case, from rows as the experiment names them."""
    table = to_table(rows).assign(dataset="cifar10")
    table["recipe"] = table["recipe"].str.replace("tiny", "imagenet32")
    table["metric_variant"] = table["metric_variant"].str.replace("[56]-per", "400-per", regex=True)
    selections = [(claim, claim.evidence.measured) for claim in claims_of(own_benchmarks()) if claim.evidence]
    on_released = [(claim, selection) for claim, selection in selections if selection["model"] == "released"]
    assert len(on_released) >= 6
    for claim, selection in on_released:
        verdict = judge(claim, table)
        assert (verdict.word == "answered") == (claim.kind == "question")
        if claim.kind == "question":
            of_claim = (table["recipe"] == selection["recipe"]) & (table["metric"] == "probe_accuracy")
            cases = set(table.loc[of_claim, "metric_variant"])
            assert len(cases) >= 3 and all(f"variant {case})" in verdict.reason for case in cases)
        else:
            assert verdict.comparison is not None and verdict.comparison.measured.n == 3


def test_an_incomplete_release_is_never_the_whole_network(directory: Path) -> None:
    (directory / "7_discrim_params.jl_05.npy").unlink()  # the kernel of the third convolution
    axes = {"", "-pooling", "-statistics", "-costs", "-costs-few"}
    assert {row.recipe for row in rows_of(directory)} == {f"tiny-2-of-3{axis}" for axis in axes}


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch, directory: Path) -> tuple[Params, Cell]:
    """Parameters and a cell that measure the tiny network on images in memory."""
    params = own_params()
    profile = replace(params.profiles["paper"], device="cpu", threads=1, probe=PROBE)
    params = replace(params, profile=profile, released=replace(OPTIONS, directory=str(directory)))
    monkeypatch.setattr(released_weights.read_discriminator, "__defaults__", ((TINY,),))
    monkeypatch.setattr("replication.scoring.experiment_requirements.load_split", lambda *_: np.arange(150))
    monkeypatch.setattr("replication.scoring.experiment_requirements.load_images", lambda _: shades())
    return params, replace(params.cell("paper-released-cifar10-jpeg"), recipe="tiny")


def test_what_the_experiment_needs_is_missed_in_one_sentence(small: tuple[Params, Cell], directory: Path) -> None:
    params, cell = small
    require_experiment(params, cell)
    crowded = replace(params, released=replace(params.released, per_class=41))
    absent = replace(params, released=replace(params.released, directory=str(directory / "none")))
    other = replace(cell, recipe="imagenet32")
    for needed, asked, named in ((params, other, "imagenet32"), (crowded, cell, "41 .*40"), (absent, cell, "none")):
        with pytest.raises(InputError, match=f"Cell paper-released-cifar10-jpeg.*{named}"):
            require_experiment(needed, asked)


def test_the_weights_are_part_of_the_provenance(
    small: tuple[Params, Cell], directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    params, cell = small
    monkeypatch.setattr(stage, "load_manifest", lambda _: {"files": {}})
    monkeypatch.chdir(Path(__file__).parents[2])
    key = stage.experiment_key(params, cell)
    assert key["released"] == "tiny" and key["weights_sha256"] == read_discriminator(directory).sha256
    moved = directory.rename(directory.with_name("elsewhere"))
    same = replace(params, released=replace(params.released, directory=str(moved)))
    assert stage.experiment_key(same, cell) == key
    np.save(moved / "7_discrim_params.jl_01.npy", np.zeros(TINY.discriminator_shapes[0], np.float32))
    other = stage.experiment_key(same, cell)
    assert {name for name in key if key[name] != other[name]} == {"weights_sha256"}
