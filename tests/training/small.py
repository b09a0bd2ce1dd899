"""Networks and recipes in small, which have every kind of layer that the training core treats in its own way."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits as cross_entropy

from replication.config import recipes
from replication.models.layers.networks import Dropout, GaussianNoise, Generator, Judged, Networks, Stack
from replication.models.layers.priors import MixturePrior
from replication.training.draws import Draws
from replication.training.initialise import Samples
from replication.training.layer_noise import UnitNoise
from replication.training.lean import LeanUnits
from replication.training.lean_balanced import BalancedUnits
from replication.training.loop import train_unit
from replication.training.run import Run, bind_runs
from replication.training.schedule import SIDES, objective_at
from replication.training.state import State, bind, initial_state
from replication.training.trainer import Trainer
from replication.training.units import Units, prepare_units
from tests.in_small import plain_recipe

SHAPE, CLASSES, LATENT = (1, 2, 2), 3, 3
ONES, ZEROS = torch.ones(6), torch.zeros(6)
# Moves within few units, so that masked updates of both sides, and changes of the threshold, occur.
LIVELY = recipes.Balance(0.7, 0.8, 0.6, 1, 0.02, -1, 0.03)
SINKING = replace(LIVELY, floor_count=0, floor_by=0.01, floor_least=0.5)  # its floor moves too
PLAIN = plain_recipe(updates=8, batch=6, latent_dim=LATENT, noise=recipes.Noise("normal"), adam=recipes.Adam(1e-2, 0.5))
MIXTURE = recipes.Prior(components=6, component="sampled", sigma_init=0.2, regulariser=0.1)
# Changes of a recipe that together reach every part of a unit.
CASES: dict[str, dict[str, Any]] = {
    "alternate": {"inner_steps": 2, "generator_steps": 2, "prior": MIXTURE, "linear_decay": recipes.LinearDecay(3, 50)},
    "semi-supervised": {
        "objective": "feature-matching",
        "feature_matching": recipes.FeatureMatching("squared-norm", (0, -1)),
        "generator_minibatch": "own",
        "real_target": 0.9,
        "historical_averaging": 0.1,
        "parameter_average": 0.1,
        "labels": recipes.Labels(2),
    },
    "simultaneous": {
        "schedule": "simultaneous",
        "adam": None,
        "sgd": recipes.Sgd(0.1, 0.5, 0.7, 20),
        "geometric_decay": recipes.GeometricDecay(1.01, 0.01),
        "objective": "saturating",
        "early": recipes.Early("non-saturating", 20),
    },
    "balanced with labels": {
        "schedule": "balanced",
        "inner_steps": 4,
        "balance": replace(SINKING, threshold=0.25, ceiling=0.35, floor=0.15, floor_least=0.1, in_a_row=True),
        "prior": MIXTURE,
        "historical_averaging": 0.1,
        "parameter_average": 0.1,
        "labels": recipes.Labels(2),
    },
    "balanced": {
        "schedule": "balanced",
        "inner_steps": 3,
        "noise_of_step": "own",
        "balance": replace(SINKING, judged_with="batch", extra_rate=0.5, raise_count=0),
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

    recipe: recipes.Recipe
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

    def units(self, count: int, labelled: Tensor | None = None) -> Units:
        """What seed 3 draws, with the schedule."""
        return prepare_units(self.recipe, self.data, 3, 0, count, None if labelled is None else labelled.numpy())

    def train(self, state: State, units: Units, lean: bool = False) -> Run:
        """A run of the units, from `state`, which stays as it is: by the reference, or in few kernels."""
        (run,) = bind_runs(self.build, {name: tensor.clone() for name, tensor in state.items()})
        data, layers = self.data, self.noise(run, units.draws.labelled.numel() > 0)
        layers.manual_seed(0)
        kind = BalancedUnits if self.recipe.balance else LeanUnits
        units_of_run = kind(run, self.recipe, data, layers) if lean else None
        for place in range(len(units.draws.noise)):
            objective = objective_at(self.recipe, place)
            if units_of_run is None:
                train_unit(run, self.recipe, data, units.at(place), objective, layers)
            else:
                units_of_run.train(units.at(place), objective)
        return run

    def noise(self, run: Run, labelled: bool) -> UnitNoise:
        """A unit's noise of layers, for both ways."""
        return UnitNoise(run.networks.discriminator, self.recipe, labelled, torch.device("cpu"))

    def play(self, units: int, labelled: Tensor | None = None) -> tuple[Run, Game]:
        """The units trained, and the game before them, to be played again by hand."""
        state, drawn = self.start(), self.units(units, labelled)
        return self.train(state, drawn), Game(self, state, drawn.draws)


def small(
    outputs: int | None = None, normalised: bool = True, noisy: bool = False, of: recipes.Recipe = PLAIN, **changes: Any
) -> Small:
    """The plainest case with keys of its recipe changed; where it learns labels, its logits are those of classes."""
    recipe = replace(of, **changes)
    return Small(recipe, outputs or (CLASSES if recipe.labels else 1), normalised, noisy)


class Game:
    """A case's networks at a state, to be trained by torch's own modules and optimisers on what was drawn."""

    def __init__(self, case: Small, state: State, draws: Draws) -> None:
        self.networks, self.draws, self.samples = case.build(), draws, case.data.values.float() / 127.5 - 1
        bind(self.networks, state, 0)

    def adams(self, l2: float = 0.0) -> list[torch.optim.Optimizer]:
        """An optimiser of the generator and one of the discriminator."""
        options = {"lr": 1e-2, "betas": (0.5, 0.999), "weight_decay": l2}
        return [torch.optim.Adam(network.parameters(), **options) for network in self.networks]

    def real(self, unit: int, minibatch: int = 0) -> Tensor:
        return self.samples[self.draws.rows[unit, minibatch]]

    def fake(self, unit: int, draw: int = 0) -> Tensor:
        return self.networks.generator(self.draws.noise[unit, draw], self.draws.component[unit, draw])

    def discriminator_loss(self, unit: int, step: int = 0, target: float = 1.0) -> Tensor:
        """Half the sum of both sides' cross-entropies."""
        answers = self.networks.discriminator(self.real(unit, step)).logits
        of_fake = self.networks.discriminator(self.fake(unit, step).detach()).logits
        return 0.5 * (cross_entropy(answers, target * ONES) + cross_entropy(of_fake, ZEROS))

    def generator_loss(self, unit: int, draw: int = 1) -> Tensor:
        """The non-saturating one."""
        return cross_entropy(self.networks.discriminator(self.fake(unit, draw)).logits, ONES)

    def assert_ends_as(self, run: Run) -> None:
        """Weights and running statistics, which see the batches in the same order."""
        for side, network in zip(SIDES, self.networks, strict=True):
            for name, tensor in network.state_dict().items():
                torch.testing.assert_close(run.tensors[f"{side}.{name}"], tensor, rtol=1e-5, atol=5e-6, msg=name)


def assert_same(first: State, other: State, atol: float = 0.0) -> None:
    """Every tensor of `first` is in `other` too, what is no number included."""
    for name, tensor in first.items():
        torch.testing.assert_close(other[name], tensor, rtol=0, atol=atol, equal_nan=True, msg=name)


def stop_at(monkeypatch: pytest.MonkeyPatch, call: int) -> list[int]:
    """Make the trainer raise at its `call`-th stretch; the list counts calls."""
    calls, real = [0], Trainer.advance

    def advance(*arguments: Any) -> np.ndarray:
        calls[0] += 1
        if calls[0] == call:
            raise KeyboardInterrupt
        return real(*arguments)

    monkeypatch.setattr(Trainer, "advance", advance)
    return calls


def descend(optimiser: torch.optim.Optimizer, loss: Tensor) -> None:
    """One step of one of torch's optimisers."""
    optimiser.zero_grad()
    loss.backward()
    optimiser.step()
