"""Networks and recipes in small, which have every kind of layer that the training core treats in its own way."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from replication.config.recipes import (
    Adam,
    Balance,
    Early,
    FeatureMatching,
    GeometricDecay,
    Labels,
    LinearDecay,
    Noise,
    Prior,
    Recipe,
    Sgd,
)
from replication.models.layers.networks import Dropout, GaussianNoise, Generator, Judged, Networks, Stack
from replication.models.layers.priors import MixturePrior
from replication.training.draws import Draws, draw_units
from replication.training.initialise import Samples
from replication.training.layer_noise import UnitNoise
from replication.training.lean import LeanUnits
from replication.training.lean_balanced import BalancedUnits
from replication.training.loop import train_unit
from replication.training.run import Run, bind_runs
from replication.training.schedule import objective_at
from replication.training.state import State, bind, initial_state
from replication.training.units import Units, prepare_units
from tests.in_small import plain_recipe

SHAPE, CLASSES, LATENT = (1, 2, 2), 3, 3
# Moves within few units, so that masked updates of both sides, and changes of the threshold, occur.
LIVELY = Balance(0.7, 0.8, 0.6, 1, 0.02, -1, 0.03, floor_count=0, floor_by=0.01, floor_least=0.5)
MIXTURE = Prior(components=6, component="sampled", sigma_init=0.2, regulariser=0.1)
# Changes of a recipe that together reach every part of a unit.
CASES: dict[str, dict[str, Any]] = {
    "alternate": {"inner_steps": 2, "generator_steps": 2, "prior": MIXTURE, "linear_decay": LinearDecay(3, 50)},
    "semi-supervised": {
        "objective": "feature-matching",
        "feature_matching": FeatureMatching("squared-norm", (0, -1)),
        "generator_minibatch": "own",
        "real_target": 0.9,
        "historical_averaging": 0.1,
        "parameter_average": 0.1,
        "labels": Labels(2),
    },
    "simultaneous": {
        "schedule": "simultaneous",
        "adam": None,
        "sgd": Sgd(0.1, 0.5, 0.7, 20),
        "geometric_decay": GeometricDecay(1.01, 0.01),
        "objective": "saturating",
        "early": Early("non-saturating", 20),
    },
    "balanced with labels": {
        "schedule": "balanced",
        "inner_steps": 4,
        "balance": replace(LIVELY, threshold=0.25, ceiling=0.35, floor=0.15, floor_least=0.1, in_a_row=True),
        "prior": MIXTURE,
        "historical_averaging": 0.1,
        "parameter_average": 0.1,
        "labels": Labels(2),
    },
    "balanced": {
        "schedule": "balanced",
        "inner_steps": 3,
        "noise_of_step": "own",
        "balance": replace(LIVELY, judged_with="batch", extra_rate=0.5, raise_count=0),
        "prior": MIXTURE,
    },
    "bfloat16": {"precision": "bfloat16", "prior": MIXTURE},
}


class SmallDiscriminator(nn.Module):
    """Two hidden layers, both of them features; with `noisy` layers noise is added before and dropped between."""

    def __init__(self, outputs: int, normalised: bool, noisy: bool) -> None:
        super().__init__()
        norm = [nn.BatchNorm1d(6)] if normalised else []
        before, between = ([GaussianNoise(0.3, (4,))], [Dropout(0.5, (6,))]) if noisy else ([], [])
        self.hidden = Stack(*before, nn.Linear(4, 6, bias=not normalised), *norm, nn.LeakyReLU(0.2), *between)
        self.last = nn.Sequential(nn.Linear(6, 5), nn.Tanh())
        self.output = nn.Linear(5, outputs)

    def forward(self, samples: Tensor, labels: Tensor | None = None, noise: Sequence[Tensor] | None = None) -> Judged:
        hidden = self.hidden(samples.flatten(1), noise)
        last = self.last(hidden)
        logits = self.output(last)
        return Judged(logits.squeeze(1) if logits.shape[1] == 1 else logits, (hidden, last))


@dataclass(frozen=True)
class Small:
    """One case: how its networks are built, how they are trained, on what."""

    recipe: Recipe
    outputs: int = 1
    normalised: bool = True
    noisy: bool = False

    @property
    def data(self) -> Samples:
        """Twenty labelled images."""
        stream = torch.Generator().manual_seed(0)
        return Samples(torch.randint(0, 256, (20, *SHAPE), dtype=torch.uint8, generator=stream), torch.arange(20) % 3)

    def build(self) -> Networks:
        prior = self.recipe.prior
        mixture = MixturePrior(prior.components, LATENT, 1.0, prior.sigma_init) if prior.components else None
        first, norm = nn.Linear(LATENT, 5, bias=not self.normalised), [nn.BatchNorm1d(5)] if self.normalised else []
        body = nn.Sequential(first, *norm, nn.ReLU(), nn.Linear(5, 4), nn.Tanh(), nn.Unflatten(1, SHAPE))
        return Networks(Generator(mixture, body), SmallDiscriminator(self.outputs, self.normalised, self.noisy))

    def start(self, seed: int = 3) -> State:
        return initial_state(self.build, self.recipe, (seed,), self.data)

    def draw(self, units: int, first: int = 0, seed: int = 3, labelled: Tensor | None = None) -> Draws:
        return draw_units(self.recipe, seed, len(self.data.values), first, units, rows_of(labelled))

    def units(self, units: int, first: int = 0, seed: int = 3, labelled: Tensor | None = None) -> Units:
        """What `draw` draws, with the schedule."""
        return prepare_units(self.recipe, self.data, seed, first, units, rows_of(labelled))

    def train(self, state: State, draws: Draws, first: int = 0, lean: bool = False) -> Run:
        """A run of the units drawn, from `state`, which stays as it is: by the reference, or in few kernels."""
        (run,) = bind_runs(self.build, {name: tensor.clone() for name, tensor in state.items()})
        data, layers = self.data, self.noise(run, draws)
        layers.manual_seed(first)
        units = prepare_units(self.recipe, data, 3, first, len(draws.noise), None)._replace(draws=draws)
        kind = BalancedUnits if self.recipe.balance else LeanUnits
        units_of_run = kind(run, self.recipe, data, layers) if lean else None
        for place in range(len(draws.noise)):
            objective = objective_at(self.recipe, first + place)
            if units_of_run is None:
                train_unit(run, self.recipe, data, units.at(place), objective, layers)
            else:
                units_of_run.train(units.at(place), objective)
        return run

    def noise(self, run: Run, draws: Draws) -> UnitNoise:
        """A unit's noise of layers, for both ways."""
        return UnitNoise(run.networks.discriminator, self.recipe, draws.labelled.numel() > 0, torch.device("cpu"))


def networks_of(case: Any, state: State) -> Networks:
    """A case's networks with the weights of the state's first seed."""
    networks = case.build()
    bind(networks, state, 0)
    return networks


def descend(optimiser: torch.optim.Optimizer, loss: Tensor) -> None:
    """One step of one of torch's optimisers."""
    optimiser.zero_grad()
    loss.backward()
    optimiser.step()


def same(run: Run, networks: Networks) -> None:
    """Weights and running statistics, which see the batches in the same order."""
    for ours, theirs in zip(run.networks, networks, strict=True):
        for (name, one), other in zip(ours.state_dict().items(), theirs.state_dict().values(), strict=True):
            torch.testing.assert_close(one, other, rtol=1e-5, atol=5e-6, msg=name)


def rows_of(labelled: Tensor | None) -> np.ndarray | None:
    return None if labelled is None else labelled.numpy()


@pytest.fixture
def recipe() -> Recipe:
    """The plainest recipe of all."""
    return plain_recipe(updates=8, batch=6, latent_dim=LATENT, noise=Noise("normal"), adam=Adam(1e-2, 0.5))


@pytest.fixture
def lively() -> Balance:
    """A threshold that moves within few units, where the papers' stand still for hundreds."""
    return Balance(0.7, 0.8, 0.6, 1, 0.02, -1, 0.03)


@pytest.fixture
def small() -> Callable[..., Small]:
    return Small
