"""GAN 2014's theory on known densities: D against p/(p+q), the value against −log 4, the generator's early gradient.

No GAN is trained. A discriminator stands between the toy mixture p and a q whose density is known too, so that its
optimum is a formula. The network and the budget below are this experiment's recipe.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor, nn

from replication.metrics.game import (
    Weights,
    game_value,
    gradient_norm,
    hit_rate,
    logits_of,
    optimal_probability,
    train_alone,
)
from replication.metrics.toy import Mixture
from replication.models.layers import DenseDiscriminator, Networks
from replication.recipes import Recipe
from replication.scoring.rows import Rows
from replication.scoring.trained import draw_samples
from replication.seeding import generator, torch_seed
from replication.training.state import bind, initial_state

HIDDEN = (32, 32)
UPDATES, BATCH, RATE = 3000, 128, 3e-3
FRESH = 10_000  # draws of each side for every number
FIXED_Q = Mixture(np.zeros((1, 2)), 0.6, np.ones(1))  # overlaps both modes, and differs from p nearly everywhere


def score_theory(rows: Rows, mixture: Mixture, build: Callable[[], Networks], recipe: Recipe) -> None:
    """Add the rows of the experiment; `build` and `recipe` are of the GAN whose early generator is looked at."""
    seeds = rows.cell.seed_numbers
    _score_fixed(rows, mixture, seeds)
    _score_equal(rows, mixture, seeds)
    _score_gradient(rows, mixture, seeds, build, recipe)


def _score_fixed(rows: Rows, mixture: Mixture, seeds: Sequence[int]) -> None:
    """D between p and a fixed Gaussian q: its mean distance from D*, trained and untrained."""
    network, start = initial_discriminators(seeds)
    trained = train_alone(network, start, _drawn(mixture, FIXED_Q, seeds, "fixed q"), UPDATES, RATE)
    for variant, weights, step in (("fixed-q", trained, UPDATES), ("fixed-q-untrained", start, UPDATES)):
        errors = discriminator_error(network, weights, mixture, FIXED_Q, seeds)
        for index, seed in enumerate(seeds):
            rows.add(seed, step, "discriminator_error", errors[index].item(), 2 * FRESH, metric_variant=variant)


def discriminator_error(network: nn.Module, weights: Weights, p: Mixture, q: Mixture, seeds: Sequence[int]) -> Tensor:
    """Mean |D(x) − p(x)/(p(x) + q(x))| of each seed, [S], over fresh x drawn half from p and half from q."""
    points = np.stack(
        [np.concatenate([side.draw(FRESH, generator(s, "fresh", i)) for i, side in enumerate((p, q))]) for s in seeds]
    )  # [S, 2·FRESH, 2]
    log_p, log_q = (torch.from_numpy(np.stack([side.log_density(x) for x in points])) for side in (p, q))
    with torch.no_grad():
        logits = logits_of(network, weights, torch.from_numpy(points.astype(np.float32)))
    return (torch.sigmoid(logits.double()) - optimal_probability(log_p, log_q)).abs().mean(1)


def _score_equal(rows: Rows, mixture: Mixture, seeds: Sequence[int]) -> None:
    """D where q = p: the value on fresh draws, and the share it tells apart."""
    network, start = initial_discriminators(seeds)
    trained = train_alone(network, start, _drawn(mixture, mixture, seeds, "q is p"), UPDATES, RATE)
    real, other = (torch.stack([_points(mixture, s, f"fresh {side}", FRESH) for s in seeds]) for side in "pq")
    values, hits = game_value(network, trained, real, other), hit_rate(network, trained, real, other)
    for index, seed in enumerate(seeds):
        rows.add(seed, UPDATES, "value_function", values[index].item(), 2 * FRESH, metric_variant="p=q")
        rows.add(seed, UPDATES, "hit_rate", hits[index].item(), 2 * FRESH, metric_variant="p=q")


def _score_gradient(
    rows: Rows, mixture: Mixture, seeds: Sequence[int], build: Callable[[], Networks], recipe: Recipe
) -> None:
    """The gradient of an untrained generator under both losses, against a discriminator trained on it."""
    network, start = initial_discriminators(seeds)
    state = initial_state(build, recipe, seeds)
    runs = [build() for _ in seeds]
    for index, networks in enumerate(runs):
        bind(networks, state, index)
    generated = torch.stack(
        [
            draw_samples(networks.generator, recipe, recipe.noise, seed, "early generator", UPDATES * BATCH)
            for seed, networks in zip(seeds, runs, strict=True)
        ]
    )
    trained = train_alone(network, start, _against(mixture, generated, seeds), UPDATES, RATE)
    for index, seed in enumerate(seeds):
        network.load_state_dict({name: tensor[index] for name, tensor in trained.items()})
        noise = torch.from_numpy(generator(seed, "gradient").uniform(-1, 1, (FRESH, recipe.latent_dim)))
        inputs = noise.float() * recipe.noise.scale, torch.zeros(FRESH, dtype=torch.int64)
        for objective in ("saturating", "non-saturating"):
            norm = gradient_norm(runs[index].generator, network, objective, *inputs)
            rows.add(seed, UPDATES, "gradient_norm", norm, FRESH, metric_variant=objective)


def initial_discriminators(seeds: Sequence[int]) -> tuple[nn.Module, Weights]:
    """An untrained dense discriminator of points, and stacked weights of one for each seed."""
    networks = []
    for seed in seeds:
        with torch_seed(seed, "theory"):
            networks.append(DenseDiscriminator(2, HIDDEN, "tanh"))
    states = [network.state_dict() for network in networks]
    return networks[0], {name: torch.stack([state[name] for state in states]) for name in states[0]}


def _drawn(p: Mixture, q: Mixture, seeds: Sequence[int], purpose: str) -> Callable[[int], tuple[Tensor, Tensor]]:
    """Fresh minibatches of p and of q for every seed."""
    sides = [
        torch.stack([_points(m, s, f"{purpose} {k}", UPDATES * BATCH) for s in seeds])
        for k, m in zip("pq", (p, q), strict=True)
    ]
    return lambda update: (_minibatch(sides[0], update), _minibatch(sides[1], update))


def _against(p: Mixture, generated: Tensor, seeds: Sequence[int]) -> Callable[[int], tuple[Tensor, Tensor]]:
    real = torch.stack([_points(p, seed, "early truth", UPDATES * BATCH) for seed in seeds])
    return lambda update: (_minibatch(real, update), _minibatch(generated, update))


def _minibatch(points: Tensor, update: int) -> Tensor:
    return points[:, update * BATCH : (update + 1) * BATCH]


def _points(mixture: Mixture, seed: int, purpose: str, count: int) -> Tensor:
    return torch.from_numpy(mixture.draw(count, generator(seed, purpose)).astype(np.float32))
