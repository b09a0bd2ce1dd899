"""A toy cell's rows: which there are, what a diverged seed does to them, and that a block does not matter."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.metrics import mutual_info_score

from replication.config.params import Cell
from replication.config.protocols import Components
from replication.config.recipes import Recipe
from replication.data.reading import ToyData
from replication.metrics.toy import energy_distance, mode_scores
from replication.models.layers.networks import Generator
from replication.scoring import toy
from replication.scoring.components import noises_of
from replication.scoring.rows import Rows
from replication.scoring.toy import ToyCell, mixture_of, score_toy
from replication.table.measurements import Measurement
from replication.training.sampling import draw_samples
from tests.in_small import builder, own_params
from tests.scoring.small import by_key, initial_weights, trained_cell

PARAMS = own_params()
GAN = replace(PARAMS.recipe("gan", "toy-k1", "paper"), n_samples=60)
DELIGAN = replace(PARAMS.recipe("deligan", "toy", "code"), n_samples=60)
MEANS = np.array([[0.6, 0.6], [-0.6, -0.6]])
DATA = ToyData("toy", MEANS.astype(np.float32), np.array([0, 1]), MEANS, 0.15, np.array([0.5, 0.5]), {})
POINTS = ("success", "modes_covered", "in_mode_share", "void_share", "mode_imbalance", "energy_distance")
LASTING = ("modes_kept", "mode_lost")
COMPONENTS = ("component_information", "component_class_share")
GAME = ("value_function", "hit_rate")
Measured = dict[tuple[int, int, str, str], Measurement]
Figures = dict[str, np.ndarray]


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"GAP_UPDATES": 4, "GAP_BATCH": 16, "FRESH": 50, "SHOWN": 30}.items():
        monkeypatch.setattr(toy, name, value)


def scored(model: str, seeds: str, game: bool, diverged: dict[int, int] | None = None) -> tuple[Measured, Figures]:
    """Rows by seed, step, metric and variant, and figures, of untrained networks."""
    recipe = GAN if model == "gan" else DELIGAN
    rows = Rows("cpu", Cell("gan2014", model, "toy", "toy-bimodal", "full", "paper", seeds), 2, diverged or {})
    build = builder(model, recipe, (2,))
    trained = trained_cell(build, recipe, rows, (0, 5, 10))
    cell = ToyCell(rows, trained, build, recipe, mixture_of(DATA), Components(80, 10))
    figures = score_toy(cell, DATA.points, game, threads=2)
    return by_key(rows.collected, "seed", "step", "metric", "metric_variant"), figures


def generator_of(model: str, recipe: Recipe, seed: int) -> Generator:
    """As it is before it is trained."""
    build = builder(model, recipe, (2,))
    generator, state = build().generator, initial_weights(build, recipe, (seed,))
    generator.load_state_dict({n.removeprefix("generator."): t[0] for n, t in state.items() if "generator" in n})
    return generator


def values(rows: Measured, metric: str, variant: str = "") -> dict[tuple[int, int], float]:
    """(seed, step) → value."""
    return {key[:2]: row.value for key, row in rows.items() if key[2:] == (metric, variant)}


def test_a_gans_rows() -> None:
    rows, figures = scored("gan", "2-3", game=True)
    expected = {(seed, step, m, "training-noise") for seed in (2, 3) for step in (0, 5, 10) for m in POINTS}
    expected |= {(seed, 10, m, "training-noise") for seed in (2, 3) for m in LASTING}
    ways = ("trained", "trained-alone")
    expected |= {(seed, step, m, v) for seed in (2, 3) for step in (5, 10) for m in GAME for v in ways}
    expected |= {(seed, step, "discriminator_gap", "") for seed in (2, 3) for step in (5, 10)}
    assert rows.keys() == expected | {(seed, 10, "discriminator_log_gap", "") for seed in (2, 3)}
    assert {row.n_samples for key, row in rows.items() if key[2] in POINTS} == {60}
    assert {row.n_samples for key, row in rows.items() if key[2] in GAME} == {100}
    assert (figures["points"].shape, figures["early_points"].shape) == ((2, 30, 2), (2, 30, 2))


def test_a_mixture_priors_rows_have_both_noises_and_sigma() -> None:
    rows, _ = scored("deligan", "0", game=False)
    variants = {(m, v) for m in POINTS for v in ("training-noise", "display-noise")} | {("sigma_mean", "")}
    answers = {(m, v) for m in COMPONENTS for v in ("measured", "above-chance")}
    answers |= {(COMPONENTS[0], v) for v in ("chance", "chance-95")}
    ends = {(0, step, m, v) for step in (0, 10) for m, v in (*answers, ("component_p_value", ""))}
    ends |= {(0, 10, m, v) for m in LASTING for v in ("training-noise", "display-noise")}
    assert rows.keys() == {(0, step, m, v) for step in (0, 5, 10) for m, v in variants} | ends
    assert list(values(rows, "sigma_mean").values()) == pytest.approx([0.02] * 3)
    assert rows[0, 10, "sigma_mean", ""].n_samples == 50 * 2


def test_what_a_component_tells_of_the_mode_nearest_to_its_samples() -> None:
    rows, _ = scored("deligan", "4", game=False)
    generator = generator_of("deligan", DELIGAN, 4)
    points, components = draw_samples(generator, DELIGAN, DELIGAN.noise, 4, "components", 80)
    first = (points - torch.tensor(MEANS[0])).norm(dim=1) < (points - torch.tensor(MEANS[1])).norm(dim=1)
    row = rows[4, 10, COMPONENTS[0], "measured"]
    assert row.value == pytest.approx(mutual_info_score(components, first.numpy()), abs=1e-9)
    assert (row.n_samples, row.judge) == (80, "") and row.value > 0.3


def test_scores_are_those_of_the_points_drawn() -> None:
    rows, figures = scored("gan", "2-3", game=False)
    generator = generator_of("gan", GAN, 3)
    points = draw_samples(generator, GAN, GAN.noise, 3, "samples training-noise", 60)[0].double().numpy()
    expected = {**mode_scores(points, mixture_of(DATA)), "energy_distance": energy_distance(points, mixture_of(DATA))}
    assert {key[2]: row.value for key, row in rows.items() if key[:2] == (3, 5)} == pytest.approx(expected)
    np.testing.assert_array_equal(figures["points"][1], points[:30].astype(np.float32))


def test_the_gap_is_what_training_on_alone_gains(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, number in {"GAP_UPDATES": 25, "GAP_BATCH": 64, "GAP_RATE": 0.01, "FRESH": 500}.items():
        monkeypatch.setattr(toy, name, number)
    rows, _ = scored("gan", "0-1", game=True)
    alone, trained = (values(rows, "value_function", way) for way in ("trained-alone", "trained"))
    gaps = values(rows, "discriminator_gap")
    assert min(gaps.values()) > 0.01  # untrained discriminators have much to gain
    assert gaps == pytest.approx({place: alone[place] - trained[place] for place in gaps})
    logs = {(seed, 10): np.mean([np.log(gaps[seed, step]) for step in (5, 10)]) for seed in (0, 1)}
    assert values(rows, "discriminator_log_gap") == pytest.approx(logs)
    monkeypatch.setattr(toy, "GAP_RATE", 0.0)
    rows, _ = scored("gan", "0-1", game=True)
    assert list(values(rows, "discriminator_gap").values()) == [0.0] * 4
    assert list(values(rows, "discriminator_log_gap").values()) == pytest.approx([np.log(1e-4)] * 2)


@pytest.mark.parametrize(
    ("held", "expected"),  # modes after a part and at the end; whether they are kept, and whether any is lost
    [(([1, 1], [1, 1]), [1, 0]), (([1, 1], [1, 0]), [0, 1]), (([1, 0], [1, 1]), [1, 0]), (([0, 0], [1, 1]), [0, 0])],
)
def test_modes_kept_and_lost(monkeypatch: pytest.MonkeyPatch, held: Any, expected: list[int]) -> None:
    modes = iter([[0, 0], *held])
    monkeypatch.setattr(toy, "held_modes", lambda points, mixture: np.array(next(modes), bool))
    rows, _ = scored("gan", "0", game=False)
    assert [rows[0, 10, metric, "training-noise"].value for metric in LASTING] == expected


def test_a_seed_scores_the_same_in_any_block() -> None:
    together, alone = (scored("gan", seeds, game=True)[0] for seeds in ("0-2", "1"))
    assert {key[0] for key in alone} == {1}
    for key, row in alone.items():
        assert row.value == pytest.approx(together[key].value, abs=1e-6)


def test_a_diverged_seed_keeps_its_rows_without_values() -> None:
    whole, _ = scored("gan", "0-1", game=True)
    rows, _ = scored("gan", "0-1", game=True, diverged={1: 5})
    assert rows.keys() == whole.keys()  # a row left out would be a run forgotten
    for key, row in rows.items():
        lost = row.seed == 1 and row.step >= 5
        assert math.isnan(row.value) if lost else row.value == whole[key].value


def test_noises_of_a_recipe() -> None:
    assert noises_of(GAN) == {"training-noise": GAN.noise}
    assert noises_of(DELIGAN) == {"training-noise": DELIGAN.noise, "display-noise": DELIGAN.display_noise}
    assert DELIGAN.noise.distribution != "normal"  # the released code trains on U(−1, 1) and shows N(0, 1)
