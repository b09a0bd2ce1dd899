"""The fast engine of the toy recipes: each seed of a dense GAN or DeLiGAN in compiled calls of its own, on the CPU.

A step of these networks is a few thousand multiplications, far less than the cost of calling one tensor operation, so
a whole chunk of steps runs inside one compiled function. Each seed is computed on its own, in one order: its result
does not depend on the block. `training.loop` computes the same in torch, and tests hold this file against it.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from replication.training.compiled import njit
from replication.training.kernel import (
    LANES,
    ONE,
    adam,
    backward,
    backward_each,
    forward,
    forward_each,
    logistic_loss,
    through_tanh,
)
from replication.training.toy_plan import Plan

SWITCHES = {"error_model": "numpy", "cache": True}
Array = np.ndarray


class Weights(NamedTuple):
    """One network's weights with their moments and gradient, float32 [P] each."""

    values: np.ndarray
    first: np.ndarray
    second: np.ndarray
    gradient: np.ndarray


class Rows(NamedTuple):
    """Activations and their derivatives of one seed: float32 [units, columns]."""

    fake: np.ndarray
    judged: np.ndarray
    real: np.ndarray
    g_deltas: np.ndarray
    d_deltas: np.ndarray


class Drawn(NamedTuple):
    """`draws.Draws` as arrays, for compiled code."""

    noise: np.ndarray
    component: np.ndarray
    rows: np.ndarray
    labelled: np.ndarray


@njit(nogil=True, **SWITCHES)
def train_units(
    g: Weights,
    d: Weights,
    steps: Array,
    balance: Array,
    data: Array,
    draws: Drawn,
    plan: Plan,
    first: int,
    losses: Array,
) -> None:
    noise, component, rows = draws.noise, draws.component, draws.rows
    width = (noise.shape[2] + LANES - 1) // LANES * LANES
    fake, judged = np.zeros((plan.g_sizes.sum(), width), np.float32), np.zeros((plan.d_sizes.sum(), width), np.float32)
    space = Rows(fake, judged, np.zeros_like(judged), np.zeros_like(fake), np.zeros_like(judged))
    for unit in range(noise.shape[0]):
        if plan.balanced:
            _move_threshold(balance, plan.thresholds, (first + unit) % plan.units_an_epoch == 0)
        stale = True  # whether `fake` is of another noise, or of the generator before its last update
        for turn in range(plan.inner):
            draw = turn % noise.shape[1]
            eps, parts = noise[unit, draw], component[unit, draw]
            if stale or noise.shape[1] > 1:
                _generate(g, eps, parts, plan, space)
            _judge(d, plan, space)
            updates_generator = turn == plan.inner - 1
            if plan.balanced or updates_generator:
                balance[3] = _generator_loss(eps.shape[0], plan, space)
            if plan.balanced:
                updates_generator = balance[3] > balance[0]
                balance[1] += 1.0 if updates_generator else -1.0
            if updates_generator:
                steps[0] += 1
                _update_generator(g, d, steps[0], eps, parts, plan, space)
            else:
                steps[1] += 1
                balance[4] = _update_discriminator(d, steps[1], data, rows[unit, draw % rows.shape[1]], plan, space)
            stale = updates_generator
        losses[unit, 0], losses[unit, 1] = balance[3], balance[4]


@njit(**SWITCHES)
def _generate(g: Weights, noise: Array, component: Array, plan: Plan, space: Rows) -> None:
    """Latent vectors through the generator into `fake`."""
    latent_dim = noise.shape[1]
    count = plan.components * latent_dim
    for b in range(noise.shape[0]):
        for k in range(latent_dim):
            at = component[b] * latent_dim + k
            space.fake[k, b] = g.values[at] + g.values[count + at] * noise[b, k] if count > 0 else noise[b, k]
    if plan.one_hot > 0:
        space.fake[latent_dim : latent_dim + plan.one_hot] = np.float32(0.0)
        for b in range(noise.shape[0]):
            space.fake[latent_dim + component[b], b] = ONE
    if plan.ensemble > 0:
        forward_each(g.values, plan.g_sizes, plan.ensemble, component, space.fake)
    else:
        forward(g.values[2 * count :], plan.g_sizes, space.fake, True)


@njit(**SWITCHES)
def _judge(d: Weights, plan: Plan, space: Rows) -> None:
    """The samples in `fake` through the discriminator into `judged`."""
    space.judged[: plan.d_sizes[0]] = space.fake[-plan.g_sizes[-1] :]
    forward(d.values, plan.d_sizes, space.judged, False)


@njit(**SWITCHES)
def _generator_loss(batch: int, plan: Plan, space: Rows) -> float:
    sign = -1.0 if plan.saturating else 1.0
    return sign * logistic_loss(space.judged[-1], batch, not plan.saturating, space.d_deltas[-1], sign)


@njit(**SWITCHES)
def _update_generator(
    g: Weights, d: Weights, step: int, noise: Array, component: Array, plan: Plan, space: Rows
) -> None:
    """Back through both networks to the prior, from the output delta that `_generator_loss` left."""
    latent_dim = noise.shape[1]
    count = plan.components * latent_dim
    backward(d.values, plan.d_sizes, space.judged, space.d_deltas, d.gradient, False, True)
    g.gradient[:] = np.float32(0.0)
    last = plan.g_sizes[-1]
    space.g_deltas[-last:] = space.d_deltas[:last]
    through_tanh(space.fake[-last:], space.g_deltas[-last:])
    body, gradient = g.values[2 * count :], g.gradient[2 * count :]
    if plan.ensemble > 0:
        backward_each(body, plan.g_sizes, plan.ensemble, component, space.fake, space.g_deltas, gradient)
    else:
        backward(body, plan.g_sizes, space.fake, space.g_deltas, gradient, True, count > 0)
    if count > 0:
        for b in range(noise.shape[0]):
            for k in range(latent_dim):
                at = component[b] * latent_dim + k
                g.gradient[at] += space.g_deltas[k, b]
                g.gradient[count + at] += space.g_deltas[k, b] * noise[b, k]
        for at in range(count, 2 * count):
            g.gradient[at] += np.float32(2.0 * plan.regulariser / count) * (g.values[at] - ONE)
    adam(g.values, g.gradient, g.first, g.second, step, plan.adam)


@njit(**SWITCHES)
def _update_discriminator(d: Weights, step: int, data: Array, rows: Array, plan: Plan, space: Rows) -> float:
    batch = rows.shape[0]
    for b in range(batch):
        for k in range(data.shape[1]):
            space.real[k, b] = data[rows[b], k]
    forward(d.values, plan.d_sizes, space.real, False)
    d.gradient[:] = np.float32(0.0)
    loss = logistic_loss(space.judged[-1], batch, False, space.d_deltas[-1], plan.scale)
    backward(d.values, plan.d_sizes, space.judged, space.d_deltas, d.gradient, True, False)
    loss += logistic_loss(space.real[-1], batch, True, space.d_deltas[-1], plan.scale)
    backward(d.values, plan.d_sizes, space.real, space.d_deltas, d.gradient, True, False)
    adam(d.values, d.gradient, d.first, d.second, step, plan.adam)
    return plan.scale * loss


@njit(**SWITCHES)
def _move_threshold(balance: Array, t: Array, epoch_starts: bool) -> None:
    """As `balance.move_threshold`; `t` as in Plan.thresholds."""
    if epoch_starts and balance[1] < t[5]:
        balance[2] = max(balance[2] - t[6], t[7])
    if balance[1] > t[0]:
        balance[0], balance[1] = min(balance[0] + t[1], t[2]), 0.0
    if balance[1] < t[3] and balance[0] > balance[2]:
        balance[0], balance[1] = max(balance[0] - t[4], balance[2]), 0.0
