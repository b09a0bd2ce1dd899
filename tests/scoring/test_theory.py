"""The experiment on known densities, in small; and checks that could pass for anything refuse impostors."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from replication.config.params import Cell, Theory
from replication.config.protocols import Components
from replication.data.reading import ToyData
from replication.experiments import theory
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
from replication.models.layers.dense import DenseDiscriminator
from replication.models.layers.networks import Judged
from replication.scoring import toy
from replication.scoring.rows import Rows
from replication.table.measurements import Measurement, to_table
from replication.verdicts.benchmarks import claims_of
from replication.verdicts.verdict import judge
from tests.in_small import builder, own_benchmarks, own_params
from tests.scoring.small import by_key, trained_cell

RECIPE = own_params().recipe("gan", "toy-k1", "paper")
THEORY = Theory((4,), updates=3, batch=8, learning_rate=3e-3, q_standard_deviation=0.6, fresh=50, generator="toy-k1")
MEANS = np.array([[0.6, 0.6], [-0.6, -0.6]])
P = Mixture(MEANS, 0.15, np.full(2, 0.5))
Q = Mixture(np.zeros((1, 2)), 0.6, np.ones(1))
VARIANTS = {
    **{("discriminator_error", case): 100 for case in ("fixed-q", "fixed-q-untrained")},
    **{(metric, case): 100 for metric in ("value_function", "hit_rate") for case in ("p=q", "fixed-q")},
    **{(metric, ""): 100 for metric in ("value_shortfall", "hit_rate_error")},
    ("gradient_log_ratio", ""): 50,
    **{("gradient_norm", objective): 50 for objective in ("saturating", "non-saturating")},
}


def constant(seeds: int, logit: float) -> tuple[nn.Module, dict[str, Tensor]]:
    """A discriminator that says the same of every point."""
    weights = {"body.0.weight": torch.zeros(seeds, 1, 2), "body.0.bias": torch.full((seeds, 1), logit)}
    return DenseDiscriminator(2, (), "tanh"), weights


ALWAYS_HALF, HALF_WEIGHTS = constant(2, 0.0)


def rows_of(seeds: str) -> Rows:
    return Rows("cpu", Cell("gan2014", "gan", "theory", "toy-bimodal", "full", "paper", seeds), 400, {})


def scored(seeds: str) -> dict[Any, Measurement]:
    rows = rows_of(seeds)
    score_theory(rows, P, THEORY, builder("gan", RECIPE, (2,)), RECIPE)
    return by_key(rows.collected, "seed", "metric", "metric_variant")


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
    expected = {(seed, *names): count for seed in (4, 5) for names, count in VARIANTS.items()}
    assert {key: row.n_samples for key, row in rows.items()} == expected
    assert all(row.step == 3 and np.isfinite(row.value) for row in rows.values())


def test_a_seed_measures_the_same_in_any_block() -> None:
    together, alone = ({key: row.value for key, row in scored(seeds).items()} for seeds in ("4-6", "5"))
    assert alone == pytest.approx({key: together[key] for key in alone}, rel=1e-5)
    assert together[4, "gradient_norm", "saturating"] != together[5, "gradient_norm", "saturating"]
    first, other = initial_discriminators(THEORY, (4, 5))[1]["body.0.weight"]
    assert not torch.equal(first, other)


def test_the_error_is_the_mean_distance_from_the_optimum() -> None:
    errors = discriminator_error(Optimal(), {"shift": torch.zeros(2)}, P, Q, (0, 1), 200)
    torch.testing.assert_close(errors, torch.zeros(2, dtype=torch.float64), rtol=0, atol=1e-5)
    # a network that always answers one half: its error is E|1/2 − D*| = total variation / 2, here by a grid
    axis = np.linspace(-4, 4, 801)
    grid = np.stack(np.meshgrid(axis, axis), -1).reshape(-1, 2)
    p, q = np.exp(P.log_density(grid)), np.exp(Q.log_density(grid))
    expected = 0.25 * np.abs(p - q).sum() * 0.01**2
    errors = discriminator_error(ALWAYS_HALF, HALF_WEIGHTS, P, Q, (0, 1), 4000)
    assert errors.tolist() == pytest.approx([expected] * 2, abs=0.01)


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
    many, optimum = replace(THEORY, fresh=2000), (Optimal(), {"shift": torch.zeros(2)})
    for network, weights in ((ALWAYS_HALF, HALF_WEIGHTS), initial_discriminators(THEORY, (0, 1)), optimum):
        rows, fails = rows_of("0-1"), network is not optimum[0]
        equal = judge_discriminators(rows, many, network, weights, (P, P), "p=q") if fails else None
        if network is ALWAYS_HALF:  # alone it would pass at q = p
            half = {row.metric: row.value for row in rows.collected}
            assert half == pytest.approx({"value_function": -np.log(4), "hit_rate": 0.5})
        fixed = judge_discriminators(rows, many, network, weights, (P, Q), "fixed-q")
        add_worse_case(rows, many, fixed, equal or fixed)
        worst = {(row.metric, row.seed): row.value for row in rows.collected}
        for seed in (0, 1):
            assert (worst["value_shortfall", seed] > 0.3) == (worst["hit_rate_error", seed] > 0.1) == fails


CLAIMS = {claim.id: claim for claim in claims_of(own_benchmarks())}
OPTIONS = replace(own_params().theory, fresh=1000, updates=5)
INSTRUMENT = [key for key, claim in CLAIMS.items() if claim.origin == "instrument" and claim.family == "gan-theory"]


def is_refused(claim: str, rows: Rows) -> bool:
    """Judged, and not replicated."""
    return judge(CLAIMS[claim], to_table(rows.collected)).word not in ("replicated", "not assessed")


def untrained(seeds: int) -> tuple[nn.Module, dict[str, Tensor]]:
    return initial_discriminators(OPTIONS, range(seeds))


@pytest.mark.integration
@pytest.mark.parametrize("impostor", [untrained, partial(constant, logit=0.0), partial(constant, logit=9.0)])
def test_no_check_of_the_theory_takes_an_impostor_for_a_trained_discriminator(
    monkeypatch: pytest.MonkeyPatch, impostor: Callable[[int], tuple[nn.Module, dict[str, Tensor]]]
) -> None:
    monkeypatch.setattr(theory, "initial_discriminators", lambda options, seeds: impostor(len(seeds)))
    monkeypatch.setattr(theory, "train_alone", lambda network, start, draw, updates, rate: start)
    rows = rows_of("0-9")
    add_worse_case(rows, OPTIONS, score_fixed(rows, P, OPTIONS), score_equal(rows, P, OPTIONS))
    assert INSTRUMENT and all(is_refused(claim, rows) for claim in INSTRUMENT)


@pytest.mark.integration
@pytest.mark.parametrize("key", ["gan-value-converges", "gan-hit-rate-half", "gan-same-fixed-point"])
def test_an_untrained_game_is_not_at_rest(monkeypatch: pytest.MonkeyPatch, key: str) -> None:
    for name, value in {"GAP_UPDATES": 100, "GAP_BATCH": 64, "GAP_RATE": 0.02, "FRESH": 500}.items():
        monkeypatch.setattr(toy, name, value)
    evidence = CLAIMS[key].evidence
    assert evidence is not None
    name = str(evidence.measured["recipe"])
    recipe = replace(own_params().recipe("gan", name, "paper"), n_samples=100)
    rows = Rows("cpu", Cell("gan2014", "gan", name, "toy-bimodal", "full", "paper", "0-9"), 400, {})
    make = builder("gan", recipe, (2,))
    trained = trained_cell(make, recipe, rows, (0, recipe.updates // 4, recipe.updates))
    data = ToyData("toy", MEANS.astype(np.float32), np.array([0, 1]), MEANS, 0.15, np.full(2, 0.5), {})
    cell = toy.ToyCell(rows, trained, make, recipe, toy.mixture_of(data), Components(80, 10))
    toy.score_toy(cell, data.points, True, threads=2)
    assert is_refused(key, rows)
