"""Checks that could pass for anything: what is untrained, constant or undecided must not be called replicated."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from replication.config.params import Cell
from replication.config.protocols import Components
from replication.data.reading import ToyData
from replication.experiments import theory
from replication.experiments.theory import initial_discriminators
from replication.metrics.toy import Mixture
from replication.models import load
from replication.models.layers.dense import DenseDiscriminator
from replication.scoring import toy
from replication.scoring.rows import Rows
from replication.table.measurements import to_table
from replication.verdicts.benchmarks import claims_of
from replication.verdicts.claims import Claim
from replication.verdicts.verdict import judge
from tests.in_small import own_benchmarks, own_params
from tests.scoring.small import trained_cell

pytestmark = pytest.mark.integration

PARAMS = own_params()
CLAIMS = {claim.id: claim for claim in claims_of(own_benchmarks())}
OPTIONS = replace(PARAMS.theory, fresh=1000, updates=5)
MEANS = np.array([[0.6, 0.6], [-0.6, -0.6]])
P = Mixture(MEANS, 0.15, np.full(2, 0.5))
SEEDS = "0-9"
INSTRUMENT = [key for key, claim in CLAIMS.items() if claim.origin == "instrument" and claim.family == "gan-theory"]


def word(claim: Claim, rows: Rows) -> str:
    return judge(claim, to_table(rows.collected)).word


def undecided(seeds: int) -> tuple[nn.Module, dict[str, Tensor]]:
    """Always says one half."""
    weights = {"body.0.weight": torch.zeros(seeds, 1, 2), "body.0.bias": torch.zeros(seeds, 1)}
    return DenseDiscriminator(2, (), "tanh"), weights


def certain(seeds: int) -> tuple[nn.Module, dict[str, Tensor]]:
    """Always says that a point is real."""
    network, weights = undecided(seeds)
    return network, {**weights, "body.0.bias": torch.full((seeds, 1), 9.0)}


def untrained(seeds: int) -> tuple[nn.Module, dict[str, Tensor]]:
    return initial_discriminators(OPTIONS, range(seeds))


@pytest.mark.parametrize("key", INSTRUMENT)
@pytest.mark.parametrize("impostor", [untrained, undecided, certain])
def test_no_check_of_the_theory_takes_an_impostor_for_a_trained_discriminator(
    monkeypatch: pytest.MonkeyPatch, impostor: Callable[[int], tuple[nn.Module, dict[str, Tensor]]], key: str
) -> None:
    monkeypatch.setattr(theory, "initial_discriminators", lambda options, seeds: impostor(len(seeds)))
    monkeypatch.setattr(theory, "train_alone", lambda network, start, draw, updates, rate: start)
    rows = Rows("cpu", Cell("gan2014", "gan", "theory", "toy-bimodal", "full", "paper", SEEDS), 400, {})
    theory.add_worse_case(rows, OPTIONS, theory.score_fixed(rows, P, OPTIONS), theory.score_equal(rows, P, OPTIONS))
    assert word(CLAIMS[key], rows) not in ("replicated", "not assessed"), impostor.__name__


@pytest.mark.parametrize("key", ["gan-value-converges", "gan-hit-rate-half", "gan-same-fixed-point"])
def test_an_untrained_game_is_not_at_rest(monkeypatch: pytest.MonkeyPatch, key: str) -> None:
    for name, value in {"GAP_UPDATES": 100, "GAP_BATCH": 64, "GAP_RATE": 0.02, "FRESH": 500}.items():
        monkeypatch.setattr(toy, name, value)
    claim = CLAIMS[key]
    assert claim.evidence is not None
    name = str(claim.evidence.measured["recipe"])
    recipe = replace(PARAMS.recipe("gan", name, "paper"), n_samples=100)
    rows = Rows("cpu", Cell("gan2014", "gan", name, "toy-bimodal", "full", "paper", SEEDS), 400, {})

    def build() -> theory.Networks:
        return load("gan").build(recipe.network, recipe.prior, recipe.latent_dim, (2,))

    trained = trained_cell(build, recipe, rows, (0, recipe.updates // 4, recipe.updates))
    data = ToyData("toy", MEANS.astype(np.float32), np.array([0, 1]), MEANS, 0.15, np.full(2, 0.5), {})
    cell = toy.ToyCell(rows, trained, build, recipe, toy.mixture_of(data), Components(80, 10))
    toy.score_toy(cell, data.points, True, threads=2)
    assert word(claim, rows) not in ("replicated", "not assessed")
