"""The experiment on known densities, in small: its rows, its optimum in closed form, its independence of the block."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from replication.config.params import Cell, Theory
from replication.experiments.theory import (
    add_worse_case,
    discriminator_error,
    initial_discriminators,
    judge_discriminators,
    score_equal,
    score_fixed,
    score_theory,
)
from replication.metrics.toy import Mixture
from replication.models import load
from replication.models.layers.dense import DenseDiscriminator
from replication.models.layers.networks import Judged, Networks
from replication.scoring.game import logits_of
from replication.scoring.rows import Rows
from replication.table.measurements import Measurement, to_table
from tests.in_small import own_params

RECIPE = own_params().recipe("gan", "toy-k1", "paper")
THEORY = Theory((4,), updates=3, batch=8, learning_rate=3e-3, q_standard_deviation=0.6, fresh=50, generator="toy-k1")
P = Mixture(np.array([[0.6, 0.6], [-0.6, -0.6]]), 0.15, np.array([0.5, 0.5]))
Q = Mixture(np.zeros((1, 2)), 0.6, np.ones(1))
VARIANTS = {
    ("discriminator_error", "fixed-q"): 100,
    ("discriminator_error", "fixed-q-untrained"): 100,
    **{(metric, case): 100 for metric in ("value_function", "hit_rate") for case in ("p=q", "fixed-q")},
    ("value_shortfall", ""): 100,
    ("hit_rate_error", ""): 100,
    ("gradient_log_ratio", ""): 50,
    ("gradient_norm", "saturating"): 50,
    ("gradient_norm", "non-saturating"): 50,
}


def rows_of(seeds: str) -> Rows:
    return Rows("cpu", Cell("gan2014", "gan", "theory", "toy-bimodal", "full", "paper", seeds), 400, {})


def build() -> Networks:
    return load("gan").build(RECIPE.network, RECIPE.prior, RECIPE.latent_dim, (2,))


def scored(seeds: str) -> list[Measurement]:
    rows = rows_of(seeds)
    score_theory(rows, P, THEORY, build, RECIPE)
    to_table(rows.collected)
    return rows.collected


class Optimal(nn.Module):
    """The logit log p(x) − log q(x), written out for P and Q, and shifted."""

    def __init__(self, shift: float = 0.0) -> None:
        super().__init__()
        self.shift = nn.Parameter(torch.tensor(shift))

    def forward(self, points: Tensor) -> Judged:
        modes = [-(points - torch.from_numpy(mean)).square().sum(1) / (2 * 0.15**2) for mean in P.means]
        log_p = torch.logsumexp(torch.stack(modes), 0) - np.log(2 * 2 * np.pi * 0.15**2)
        log_q = -points.double().square().sum(1) / (2 * 0.6**2) - np.log(2 * np.pi * 0.6**2)
        return Judged(log_p - log_q + self.shift, ())


def test_every_seed_has_every_row() -> None:
    rows = scored("4-5")
    found = {(row.seed, row.metric, row.metric_variant): row.n_samples for row in rows}
    assert found == {(seed, *names): count for seed in (4, 5) for names, count in VARIANTS.items()}
    assert {row.step for row in rows} == {3}
    assert all(np.isfinite(row.value) for row in rows)


def test_a_seed_measures_the_same_in_any_block() -> None:
    together, alone = ({(r.seed, r.metric, r.metric_variant): r.value for r in scored(s)} for s in ("4-6", "5"))
    assert alone == pytest.approx({key: together[key] for key in alone}, rel=1e-5)
    assert together[4, "gradient_norm", "saturating"] != together[5, "gradient_norm", "saturating"]


def test_the_error_of_the_optimum_is_zero() -> None:
    weights = {"shift": torch.zeros(2)}
    errors = discriminator_error(Optimal(), weights, P, Q, (0, 1), 200)
    torch.testing.assert_close(errors, torch.zeros(2, dtype=torch.float64), rtol=0, atol=1e-5)


def test_the_error_is_the_mean_distance_from_the_optimum() -> None:
    # a network that always answers one half: its error is E|1/2 − D*| = total variation / 2, here by a grid
    axis = np.linspace(-4, 4, 801)
    grid = np.stack(np.meshgrid(axis, axis), -1).reshape(-1, 2)
    p, q = np.exp(P.log_density(grid)), np.exp(Q.log_density(grid))
    expected = 0.25 * np.abs(p - q).sum() * 0.01**2
    undecided = DenseDiscriminator(2, (), "tanh")
    weights = {"body.0.weight": torch.zeros(1, 1, 2), "body.0.bias": torch.zeros(1, 1)}
    found = discriminator_error(undecided, weights, P, Q, (0,), 4000).item()
    assert found == pytest.approx(expected, abs=0.01)


def test_training_lowers_the_error() -> None:
    rows = rows_of("0-1")
    score_fixed(rows, P, replace(THEORY, hidden=(16,), updates=60, batch=64, learning_rate=0.05, fresh=1000))
    errors = {(r.seed, r.metric_variant): r.value for r in rows.collected if r.metric == "discriminator_error"}
    for seed in (0, 1):
        assert errors[seed, "fixed-q"] < 0.2 < errors[seed, "fixed-q-untrained"]


def test_the_game_between_equals_is_undecided() -> None:
    rows = rows_of("0-1")
    score_equal(rows, P, replace(THEORY, updates=60, batch=64, learning_rate=0.01, fresh=2000))
    for row in rows.collected:
        expected = -np.log(4) if row.metric == "value_function" else 0.5
        assert row.value == pytest.approx(expected, abs=0.03)


def test_impostors_are_far_from_the_optimum_in_the_worse_case() -> None:
    """Untrained networks and one that always says one half; the optimum itself is at none, and a trained one near."""
    undecided = DenseDiscriminator(2, (), "tanh")
    nothing = {"body.0.weight": torch.zeros(2, 1, 2), "body.0.bias": torch.zeros(2, 1)}
    untrained, start = initial_discriminators(THEORY, (0, 1))
    theory = replace(THEORY, fresh=2000)
    for network, weights, fails in (
        (undecided, nothing, True),
        (untrained, start, True),
        (Optimal(), {"shift": torch.zeros(2)}, False),
    ):
        rows = rows_of("0-1")
        equal = judge_discriminators(rows, theory, network, weights, (P, P), "p=q") if fails else None
        fixed = judge_discriminators(rows, theory, network, weights, (P, Q), "fixed-q")
        add_worse_case(rows, theory, fixed, equal or fixed)
        worst = {(row.metric, row.seed): row.value for row in rows.collected}
        for seed in (0, 1):
            assert (worst["value_shortfall", seed] > 0.3) == fails
            assert (worst["hit_rate_error", seed] > 0.1) == fails
    half = {r.metric: r.value for r in rows_with(nothing, undecided) if r.seed == 0}
    assert half == pytest.approx({"value_function": -np.log(4), "hit_rate": 0.5})  # alone it would pass at q = p


def rows_with(weights: dict[str, Tensor], network: nn.Module) -> list[Measurement]:
    rows = rows_of("0-1")
    judge_discriminators(rows, THEORY, network, weights, (P, P), "p=q")
    return rows.collected


def test_initial_discriminators_are_each_seeds_own() -> None:
    network, pair = initial_discriminators(THEORY, (3, 8))
    _, alone = initial_discriminators(THEORY, (8,))
    points = torch.randn(2, 5, 2)
    assert all(torch.equal(tensor[1], alone[name][0]) for name, tensor in pair.items())
    assert not torch.equal(pair["body.0.weight"][0], pair["body.0.weight"][1])
    assert logits_of(network, pair, points).shape == (2, 5)
