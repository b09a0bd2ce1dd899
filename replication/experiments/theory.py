"""GAN 2014's theory on known densities: D against p/(p+q), the value against −log 4, the generator's early gradient.

No GAN is trained. A discriminator stands between the toy mixture p and a q whose density is known too, so that its
optimum is a formula.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from replication.config.experiments import Theory
from replication.config.recipes import Recipe
from replication.foundation.seeding import generator, torch_seed
from replication.metrics.toy import Mixture
from replication.models.layers.dense import DenseDiscriminator
from replication.models.layers.networks import Networks
from replication.scoring.game import (
    Weights,
    gradient_norm,
    logits_of,
    optimal_probability,
    train_alone,
    value_and_hits,
)
from replication.scoring.rows import Rows
from replication.training.draws import draw_noise
from replication.training.sampling import draw_samples
from replication.training.state import bind, initial_state
from replication.training.streams import host_stream


class Shortfall(NamedTuple):
    """How far a discriminator is from D* by value, nats [S], and by hit rate, [S]."""

    value_shortfall: Tensor
    hit_rate_error: Tensor


def score_theory(rows: Rows, mixture: Mixture, theory: Theory, build: Callable[[], Networks], recipe: Recipe) -> None:
    """Add the rows of the experiment; `build` and `recipe` are of the GAN whose early generator is looked at."""
    fixed, equal = score_fixed(rows, mixture, theory), score_equal(rows, mixture, theory)
    add_worse_case(rows, theory, fixed, equal)
    score_gradient(rows, mixture, theory, build, recipe)


def score_fixed(rows: Rows, mixture: Mixture, theory: Theory) -> Shortfall:
    """D between p and a fixed Gaussian q: its mean distance from D*, trained and untrained."""
    seeds = rows.cell.seed_numbers
    fixed = Mixture(np.zeros((1, mixture.means.shape[1])), theory.q_standard_deviation, np.ones(1))
    network, start = initial_discriminators(theory, seeds)
    sides = _fresh(mixture, theory, seeds, "fixed p"), _fresh(fixed, theory, seeds, "fixed q")
    trained = _trained(network, start, theory, *sides)
    for variant, weights in (("fixed-q", trained), ("fixed-q-untrained", start)):
        errors = discriminator_error(network, weights, mixture, fixed, seeds, theory.fresh)
        for seed, error in zip(seeds, errors.tolist(), strict=True):
            rows.add(seed, theory.updates, "discriminator_error", error, 2 * theory.fresh, metric_variant=variant)
    return judge_discriminators(rows, theory, network, trained, (mixture, fixed), "fixed-q")


def discriminator_error(
    network: nn.Module, weights: Weights, p: Mixture, q: Mixture, seeds: Sequence[int], count: int
) -> Tensor:
    """Mean |D(x) − p(x)/(p(x) + q(x))| of each seed, [S], over fresh x: `count` from p and as many from q."""
    sides = [[side.draw(count, generator(s, f"error {name}")) for name, side in (("p", p), ("q", q))] for s in seeds]
    points = np.stack([np.concatenate(both) for both in sides])  # [S, 2·count, 2]
    log_p, log_q = (torch.from_numpy(np.stack([side.log_density(x) for x in points])) for side in (p, q))
    with torch.no_grad():
        logits = logits_of(network, weights, torch.from_numpy(points.astype(np.float32)))
    return (torch.sigmoid(logits.double()) - optimal_probability(log_p, log_q)).abs().mean(1)


def score_equal(rows: Rows, mixture: Mixture, theory: Theory) -> Shortfall:
    """D where q = p: the value on fresh draws, and the share it tells apart."""
    seeds = rows.cell.seed_numbers
    network, start = initial_discriminators(theory, seeds)
    sides = (_fresh(mixture, theory, seeds, f"equal {side}") for side in "pq")
    trained = _trained(network, start, theory, *sides)
    return judge_discriminators(rows, theory, network, trained, (mixture, mixture), "p=q")


def add_worse_case(rows: Rows, theory: Theory, fixed: Shortfall, equal: Shortfall) -> None:
    """The worse of both cases for each seed: what always says one half is at its best where q = p, and only there."""
    for metric, first, second in zip(Shortfall._fields, fixed, equal, strict=True):
        for seed, worse in zip(rows.cell.seed_numbers, torch.maximum(first, second).tolist(), strict=True):
            rows.add(seed, theory.updates, metric, worse, 2 * theory.fresh)


def judge_discriminators(
    rows: Rows, theory: Theory, network: nn.Module, trained: Weights, sides: tuple[Mixture, Mixture], variant: str
) -> Shortfall:
    """Rows of the value and the hit rate on fresh draws of both sides, and how far they are from those of D*."""
    seeds, count = rows.cell.seed_numbers, theory.fresh
    real, other = (
        torch.stack([_points(side, seed, f"judged {name}", count) for seed in seeds])
        for side, name in zip(sides, "pq", strict=True)
    )
    values, hits = value_and_hits(network, trained, real, other)
    best_values, best_hits = (torch.tensor(best) for best in zip(*map(partial(_best, sides), real, other), strict=True))
    for index, seed in enumerate(seeds):
        where = {"n_samples": 2 * count, "metric_variant": variant}
        rows.add(seed, theory.updates, "value_function", values[index].item(), **where)
        rows.add(seed, theory.updates, "hit_rate", hits[index].item(), **where)
    return Shortfall(best_values - values, (best_hits - hits).abs())


def _best(sides: tuple[Mixture, Mixture], real: Tensor, other: Tensor) -> tuple[float, float]:
    """Value and hit rate of D* on points [n, 2] of each side."""
    logits = [
        sides[0].log_density(x) - sides[1].log_density(x) for x in (real.double().numpy(), other.double().numpy())
    ]
    value = -np.logaddexp(0, -logits[0]).mean() - np.logaddexp(0, logits[1]).mean()
    return float(value), float(((logits[0] > 0).mean() + (logits[1] <= 0).mean()) / 2)


def score_gradient(rows: Rows, mixture: Mixture, theory: Theory, build: Callable[[], Networks], recipe: Recipe) -> None:
    """The gradient of an untrained generator under both losses, against a discriminator trained on it."""
    seeds = rows.cell.seed_numbers
    network, start = initial_discriminators(theory, seeds)
    state, runs = initial_state(build, recipe, seeds), [build() for _ in seeds]
    for index, networks in enumerate(runs):
        bind(networks, state, index)
    count = theory.updates * theory.batch
    generated = [
        draw_samples(networks.generator, recipe, recipe.noise, seed, "early generator", count)[0]
        for seed, networks in zip(seeds, runs, strict=True)
    ]
    real = _fresh(mixture, theory, seeds, "early truth")
    trained = _trained(network, start, theory, real, torch.stack(generated))
    for index, seed in enumerate(seeds):
        network.load_state_dict({name: tensor[index] for name, tensor in trained.items()})
        noise = draw_noise(recipe.noise, host_stream(seed, "gradient"), (theory.fresh, recipe.latent_dim))
        inputs = noise, torch.zeros(theory.fresh, dtype=torch.int64)
        norms = {}
        for objective in ("saturating", "non-saturating"):
            norms[objective] = gradient_norm(runs[index].generator, network, objective, *inputs)
            rows.add(seed, theory.updates, "gradient_norm", norms[objective], theory.fresh, metric_variant=objective)
        ratio = float(np.log(norms["non-saturating"] / norms["saturating"]))
        rows.add(seed, theory.updates, "gradient_log_ratio", ratio, theory.fresh)


def initial_discriminators(theory: Theory, seeds: Sequence[int]) -> tuple[nn.Module, Weights]:
    """An untrained dense discriminator of points, and stacked weights of one for each seed."""
    networks = []
    for seed in seeds:
        with torch_seed(seed, "theory"):
            networks.append(DenseDiscriminator(2, theory.hidden, "tanh"))
    states = [network.state_dict() for network in networks]
    return networks[0], {name: torch.stack([state[name] for state in states]) for name in states[0]}


def _trained(network: nn.Module, start: Weights, theory: Theory, real: Tensor, other: Tensor) -> Weights:
    """The discriminators after the experiment's budget, on minibatches [S, batch, 2] that are never seen twice."""

    def draw(update: int) -> tuple[Tensor, Tensor]:
        part = slice(update * theory.batch, (update + 1) * theory.batch)
        return real[:, part], other[:, part]

    return train_alone(network, start, draw, theory.updates, theory.learning_rate)


def _fresh(mixture: Mixture, theory: Theory, seeds: Sequence[int], purpose: str) -> Tensor:
    """All the points that a whole training needs, [S, updates · batch, 2]."""
    return torch.stack([_points(mixture, seed, purpose, theory.updates * theory.batch) for seed in seeds])


def _points(mixture: Mixture, seed: int, purpose: str, count: int) -> Tensor:
    return torch.from_numpy(mixture.draw(count, generator(seed, purpose)).astype(np.float32))
