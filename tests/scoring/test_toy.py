"""A toy cell's rows: which there are, what a diverged seed does to them, and that a block does not matter."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from sklearn.metrics import mutual_info_score

from replication.config.params import Cell
from replication.config.protocols import Components
from replication.config.recipes import Recipe
from replication.data.reading import ToyData
from replication.metrics.toy import energy_distance, mode_scores
from replication.models import load
from replication.models.layers.networks import Networks
from replication.scoring import toy
from replication.scoring.components import noises_of
from replication.scoring.rows import Rows
from replication.scoring.toy import ToyCell, mixture_of, score_toy
from replication.scoring.trained import TrainedCell
from replication.table.measurements import Measurement, to_table
from replication.training.sampling import draw_samples, draw_with_components
from replication.training.state import initial_state, weights_of
from tests.in_small import own_params

PARAMS = own_params()
GAN = replace(PARAMS.recipe("gan", "toy-k1", "paper"), n_samples=60)
DELIGAN = replace(PARAMS.recipe("deligan", "toy", "code"), n_samples=60)
MEANS = np.array([[0.6, 0.6], [-0.6, -0.6]])
DATA = ToyData("toy", MEANS.astype(np.float32), np.array([0, 1]), MEANS, 0.15, np.array([0.5, 0.5]), {})
POINTS = ("success", "modes_covered", "in_mode_share", "void_share", "mode_imbalance", "energy_distance")
LASTING = ("modes_kept", "mode_lost")
COMPONENTS = ("component_information", "component_class_share")
GAME = ("value_function", "hit_rate")


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"GAP_UPDATES": 4, "GAP_BATCH": 16, "FRESH": 50, "SHOWN": 30}.items():
        monkeypatch.setattr(toy, name, value)


def build(model: str, recipe: Recipe) -> Networks:
    return load(model).build(recipe.network, recipe.prior, recipe.latent_dim, (2,))


def scored(
    model: str, seeds: str, game: bool, diverged: dict[int, int] | None = None
) -> tuple[list[Measurement], dict[str, np.ndarray]]:
    """Rows and figures of untrained networks, the weights of diverged seeds NaN from their step on."""
    recipe = GAN if model == "gan" else DELIGAN
    rows = Rows("cpu", Cell("gan2014", model, "toy", "toy-bimodal", "full", "paper", seeds), 2, diverged or {})
    numbers = rows.cell.seed_numbers
    start = weights_of(initial_state(lambda: build(model, recipe), recipe, numbers))
    states = {step: {name: tensor.clone() for name, tensor in start.items()} for step in (0, 5, 10)}
    for seed, lost in rows.diverged.items():
        for step in (step for step in states if step >= lost):
            for tensor in states[step].values():
                tensor[numbers.index(seed)] = torch.nan
    trained = TrainedCell((0, 5, 10), states, np.ones((len(numbers), 1, 2), np.float32), {})
    cell = ToyCell(rows, trained, lambda: build(model, recipe), recipe, mixture_of(DATA), Components(80, 10))
    shown = score_toy(cell, DATA.points, game, threads=2)
    to_table(rows.collected)  # raises where a row is unknown or occurs twice
    return rows.collected, shown


def keys(rows: list[Measurement]) -> set[tuple[int, int, str, str]]:
    return {(row.seed, row.step, row.metric, row.metric_variant) for row in rows}


def test_a_gans_rows() -> None:
    rows, shown = scored("gan", "2-3", game=True)
    expected = {(seed, step, m, "training-noise") for seed in (2, 3) for step in (0, 5, 10) for m in POINTS}
    expected |= {(seed, 10, m, "training-noise") for seed in (2, 3) for m in LASTING}
    ways = ("trained", "trained-alone")
    expected |= {(seed, step, m, v) for seed in (2, 3) for step in (5, 10) for m in GAME for v in ways}
    expected |= {(seed, step, "discriminator_gap", "") for seed in (2, 3) for step in (5, 10)}
    assert keys(rows) == expected | {(seed, 10, "discriminator_log_gap", "") for seed in (2, 3)}
    assert {row.n_samples for row in rows if row.metric in POINTS} == {60}
    assert {row.n_samples for row in rows if row.metric in GAME} == {100}
    assert (shown["points"].shape, shown["early_points"].shape) == ((2, 30, 2), (2, 30, 2))


def test_a_mixture_priors_rows_have_both_noises_and_sigma() -> None:
    rows, _ = scored("deligan", "0", game=False)
    variants = {(m, v) for m in POINTS for v in ("training-noise", "display-noise")} | {("sigma_mean", "")}
    told = {(m, v) for m in COMPONENTS for v in ("measured", "above-chance")}
    told |= {(COMPONENTS[0], v) for v in ("chance", "chance-95")}
    ends = {(0, step, m, v) for step in (0, 10) for m, v in (*told, ("component_p_value", ""))}
    ends |= {(0, 10, m, v) for m in LASTING for v in ("training-noise", "display-noise")}
    assert keys(rows) == {(0, step, m, v) for step in (0, 5, 10) for m, v in variants} | ends
    sigma = [row for row in rows if row.metric == "sigma_mean"]
    assert [row.value for row in sigma] == pytest.approx([0.02] * 3)
    assert {row.n_samples for row in sigma} == {50 * 2}


def test_what_a_component_tells_of_the_mode_nearest_to_its_samples() -> None:
    rows, _ = scored("deligan", "4", game=False)
    generator = build("deligan", DELIGAN).generator
    state = weights_of(initial_state(lambda: build("deligan", DELIGAN), DELIGAN, (4,)))
    generator.load_state_dict({n.removeprefix("generator."): t[0] for n, t in state.items() if "generator" in n})
    points, components = draw_with_components(generator, DELIGAN, DELIGAN.noise, 4, "components", 80)
    first = (points - torch.tensor(MEANS[0])).norm(dim=1) < (points - torch.tensor(MEANS[1])).norm(dim=1)
    (row,) = (row for row in rows if (row.metric, row.metric_variant, row.step) == (COMPONENTS[0], "measured", 10))
    assert row.value == pytest.approx(mutual_info_score(components, first.numpy()), abs=1e-9)
    assert (row.n_samples, row.judge) == (80, "") and row.value > 0.3


def test_scores_are_those_of_the_points_drawn() -> None:
    rows, shown = scored("gan", "2-3", game=False)
    networks = build("gan", GAN)
    state = initial_state(lambda: build("gan", GAN), GAN, (3,))
    networks.generator.load_state_dict(
        {name.removeprefix("generator."): t[0] for name, t in weights_of(state).items() if "generator" in name}
    )
    points = draw_samples(networks.generator, GAN, GAN.noise, 3, "samples training-noise", 60).double().numpy()
    expected = {**mode_scores(points, mixture_of(DATA)), "energy_distance": energy_distance(points, mixture_of(DATA))}
    assert {row.metric: row.value for row in rows if (row.seed, row.step) == (3, 5)} == pytest.approx(expected)
    np.testing.assert_array_equal(shown["points"][1], points[:30].astype(np.float32))


def test_the_gap_is_what_training_on_alone_gains(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(toy, "GAP_UPDATES", 25)
    monkeypatch.setattr(toy, "GAP_BATCH", 64)
    monkeypatch.setattr(toy, "GAP_RATE", 0.01)
    monkeypatch.setattr(toy, "FRESH", 500)
    rows, _ = scored("gan", "0-1", game=True)
    values = {(row.seed, row.step, row.metric_variant): row.value for row in rows if row.metric == "value_function"}
    gaps = {(row.seed, row.step): row.value for row in rows if row.metric == "discriminator_gap"}
    assert min(gaps.values()) > 0.01  # untrained discriminators have much to gain
    for (seed, step), gap in gaps.items():
        assert gap == pytest.approx(values[seed, step, "trained-alone"] - values[seed, step, "trained"])
    logs = {row.seed: row.value for row in rows if row.metric == "discriminator_log_gap"}
    assert logs == pytest.approx({seed: np.mean([np.log(gaps[seed, step]) for step in (5, 10)]) for seed in (0, 1)})
    monkeypatch.setattr(toy, "GAP_RATE", 0.0)
    rows, _ = scored("gan", "0-1", game=True)
    assert [row.value for row in rows if row.metric == "discriminator_gap"] == [0.0] * 4
    assert [r.value for r in rows if r.metric == "discriminator_log_gap"] == pytest.approx([np.log(1e-4)] * 2)


def test_impostors_fail_where_the_game_is_said_to_be_over(monkeypatch: pytest.MonkeyPatch) -> None:
    """Untrained networks tell half of all points apart; trained on alone the same discriminator tells nearly all."""
    for name, value in {"GAP_UPDATES": 200, "GAP_BATCH": 128, "GAP_RATE": 0.02, "FRESH": 500}.items():
        monkeypatch.setattr(toy, name, value)
    rows, _ = scored("gan", "0-3", game=True)
    hits = {
        variant: [row.value for row in rows if (row.metric, row.metric_variant) == ("hit_rate", variant)]
        for variant in ("trained", "trained-alone")
    }
    assert abs(np.mean(hits["trained"]) - 0.5) < 0.05  # what made the first check pass with any network
    assert min(hits["trained-alone"]) > 0.6
    values = [r.value for r in rows if (r.metric, r.metric_variant) == ("value_function", "trained-alone")]
    assert min(values) > -1.386 + 0.05
    lasting = {row.metric: row.value for row in rows if row.metric in LASTING and row.seed == 1}
    assert lasting == {"modes_kept": 0.0, "mode_lost": 0.0}  # it never had a mode


@pytest.mark.parametrize(
    ("early", "end", "kept", "lost"),
    [([1, 1], [1, 1], 1, 0), ([1, 1], [1, 0], 0, 1), ([1, 0], [1, 1], 1, 0), ([0, 0], [1, 1], 0, 0)],
)
def test_modes_kept_and_lost(
    monkeypatch: pytest.MonkeyPatch, early: list[int], end: list[int], kept: int, lost: int
) -> None:
    held = iter([[0, 0], early, end])
    monkeypatch.setattr(toy, "held_modes", lambda points, mixture: np.array(next(held), bool))
    rows, _ = scored("gan", "0", game=False)
    assert {row.metric: row.value for row in rows if row.metric in LASTING} == {"modes_kept": kept, "mode_lost": lost}


def test_a_seed_scores_the_same_in_any_block() -> None:
    together = {k: row.value for row in scored("gan", "0-2", game=True)[0] for k in keys([row])}
    alone = {k: row.value for row in scored("gan", "1", game=True)[0] for k in keys([row])}
    assert alone == pytest.approx({k: together[k] for k in alone}, abs=1e-6)
    assert {k[0] for k in alone} == {1}


def test_a_diverged_seed_keeps_its_rows_without_values() -> None:
    whole, _ = scored("gan", "0-1", game=True)
    rows, _ = scored("gan", "0-1", game=True, diverged={1: 5})
    assert keys(rows) == keys(whole)  # a row left out would be a run forgotten
    for row, intact in zip(sorted(rows, key=repr_key), sorted(whole, key=repr_key), strict=True):
        lost = row.seed == 1 and row.step >= 5
        assert math.isnan(row.value) if lost else row.value == intact.value


def test_noises_of_a_recipe() -> None:
    assert noises_of(GAN) == {"training-noise": GAN.noise}
    assert noises_of(DELIGAN) == {"training-noise": DELIGAN.noise, "display-noise": DELIGAN.display_noise}
    assert DELIGAN.noise.distribution != "normal"  # the released code trains on U(−1, 1) and shows N(0, 1)


def repr_key(row: Measurement) -> tuple[int, int, str, str]:
    return row.seed, row.step, row.metric, row.metric_variant
