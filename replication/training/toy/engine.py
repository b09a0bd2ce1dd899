"""The fast engine of the toy recipes: each seed of a dense GAN or DeLiGAN in compiled calls of its own, on the CPU.

A step of these networks takes less than the call of one tensor operation, so a whole chunk of steps runs inside one
compiled function. `training.loop` computes the same in torch, and tests hold this file against it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch

from replication.config.recipes import Recipe
from replication.foundation.compiled import njit
from replication.models.layers.networks import Networks
from replication.training.draws import draw_units
from replication.training.pieces import Trained
from replication.training.schedule import rates_at
from replication.training.state import MOMENTS, State, names_by_side
from replication.training.toy.kernel import ONE, ZERO, adam, backward, forward, layer_of, padded, through_tanh
from replication.training.toy.lanes import COUNT, load, store
from replication.training.toy.logistic import logistic_loss
from replication.training.toy.plan import Plan, plan_of

KINDS = ("", *MOMENTS[:2])  # prefixes of a network's weights and Adam's moments in the state
SWITCHES = {"error_model": "numpy", "_nrt": False, "cache": True}  # as in kernel.py
Array = np.ndarray


class Weights(NamedTuple):
    """One network's weights with their moments and gradient, float32 [P] each."""

    values: Array
    first: Array
    second: Array
    gradient: Array


class Rows(NamedTuple):
    """Activations of one seed and the derivatives by them, float32, flat, laid out as the plan's networks say."""

    fake: np.ndarray
    judged: np.ndarray
    real: np.ndarray
    g_deltas: np.ndarray
    d_deltas: np.ndarray
    judged_logits: np.ndarray  # the last parts of `judged`, `real` and `d_deltas`
    real_logits: np.ndarray
    logit_deltas: np.ndarray


class Drawn(NamedTuple):
    """`draws.Draws` as arrays, for compiled code, and each unit's rate."""

    noise: np.ndarray
    component: np.ndarray
    rows: np.ndarray
    labelled: np.ndarray
    rates: np.ndarray  # float64 [units]


class KernelSeed:
    """One seed of a block on points float32 [n, 2], its weights in the order of the compiled loops."""

    def __init__(
        self, index: int, names: list[list[str]], plan: Plan, recipe: Recipe, seed: int, data: Array, state: State
    ) -> None:
        self._index, self._names, self._plan, self._recipe, self._seed = index, names, plan, recipe, seed
        self._data, self._state, self._networks = data, state, []
        for of_side, network in zip(names, (plan.g, plan.d), strict=True):
            flat = np.zeros((4, network.weights), np.float32)  # pads are zero and stay so
            for row, kind in zip(flat, KINDS, strict=False):
                row[network.order] = torch.cat([state[kind + name][index].flatten() for name in of_side]).numpy()
            self._networks.append(Weights(*flat))
        self._steps, self._balance = (state[name][index].numpy() for name in ("steps", "balance"))  # as views

    def advance(self, first: int, count: int) -> Trained:
        """Train units `first` … `first + count − 1` in one compiled call."""
        plan, batch = self._plan, self._recipe.batch
        draws = draw_units(self._recipe, self._seed, len(self._data), first, count)
        rates = np.array([rates_at(self._recipe, unit).learning_rate for unit in range(first, first + count)])
        losses, drawn = np.empty((count, 2)), Drawn(*(part.numpy() for part in draws), rates=rates)
        fake, g_deltas = np.zeros((2, plan.g.row), np.float32)
        judged, real, d_deltas = np.zeros((3, plan.d.row), np.float32)
        logits = slice(plan.d.row - padded(batch), None)
        space = Rows(fake, judged, real, g_deltas, d_deltas, judged[logits], real[logits], d_deltas[logits])
        shared = np.zeros(batch, np.int64)  # the component of each sample to the discriminator, which is one for all
        settings = plan.adam.copy()  # the rate in it changes from unit to unit
        g, d = self._networks
        schedule = self._steps, self._balance
        train_units(g, d, schedule, self._data, drawn, settings, shared, space, plan, first, losses)
        finite = all(np.isfinite(network.values).all() for network in self._networks)
        return Trained(torch.from_numpy(losses), torch.tensor(finite))

    def keep(self) -> None:
        """Write weights and moments into the block's state; the schedule's numbers are there already."""
        for network, names, place in zip(self._networks, self._names, (self._plan.g, self._plan.d), strict=True):
            for row, kind in zip(network, KINDS, strict=False):
                tensors = [self._state[kind + name][self._index] for name in names]
                parts = torch.from_numpy(row[place.order]).split([tensor.numel() for tensor in tensors])
                for tensor, part in zip(tensors, parts, strict=True):
                    tensor.copy_(part.view_as(tensor))


def kernel_seeds(
    networks: Networks, recipe: Recipe, seeds: Sequence[int], data: Array, state: State
) -> list[KernelSeed]:
    """The seeds of `state` on points float32 [n, 2], with names and sizes of `networks`; InputError: as `plan_of`."""
    plan, names = plan_of(networks, recipe, len(data) // recipe.batch), [*names_by_side(networks).values()]
    return [KernelSeed(index, names, plan, recipe, seed, data, state) for index, seed in enumerate(seeds)]


@njit(nogil=True, **SWITCHES)
def train_units(
    g: Weights, d: Weights, schedule: tuple[Array, Array], data: Array, draws: Drawn, settings: Array, shared: Array,
    space: Rows, plan: Plan, first: int, losses: Array,
) -> None:  # fmt: skip
    """Train `draws`' units, of which the first is number `first`; losses of G and D into `losses` [units, 2].

    `schedule` is updates of G and D, int64 [2], and balance, float64 [5].
    """
    noise, component, rows, (steps, balance) = draws.noise, draws.component, draws.rows, schedule
    for unit in range(noise.shape[0]):
        if plan.balanced:
            _move_threshold(balance, plan.thresholds, (first + unit) % plan.units_an_epoch == 0)
        settings[0] = draws.rates[unit]
        stale = True  # whether `fake` is of another noise, or of the generator before its last update
        for turn in range(plan.inner):
            draw = min(turn, noise.shape[1] - 1)  # inner steps of one minibatch may share a draw
            eps, parts = noise[unit, draw], component[unit, draw]
            if stale or noise.shape[1] > 1:
                _generate(g.values, eps, parts, plan, space)
            _judge(d.values, shared, plan, space)
            updates_generator = turn >= plan.of_discriminator
            if plan.balanced or updates_generator:
                balance[3] = _generator_loss(shared.shape[0], plan, space)
            if plan.balanced:
                updates_generator = balance[3] > balance[0]
                balance[1] += 1.0 if updates_generator else -1.0
            if updates_generator:
                steps[0] += 1
                _update_generator(g, d, steps[0], eps, parts, shared, plan, settings, space)
            else:
                steps[1] += 1
                seen = rows[unit, draw % rows.shape[1]]
                balance[4] = _update_discriminator(d, steps[1], data, seen, shared, plan, settings, space)
            stale = updates_generator
        losses[unit, 0], losses[unit, 1] = balance[3], balance[4]


@njit(**SWITCHES)
def _generate(weights: Array, noise: Array, component: Array, plan: Plan, space: Rows) -> None:
    """Latent vectors through the generator into `fake`."""
    batch, latent_dim = noise.shape
    columns, sigma = padded(batch), padded(plan.components * latent_dim)
    for b in range(batch):
        for k in range(latent_dim):
            value, at = noise[b, k], component[b] * latent_dim + k
            if plan.components > 0:
                value = weights[at] + weights[sigma + at] * value
            space.fake[k * columns + b] = value
    forward(weights, plan.g.layers, component, space.fake, True)


@njit(**SWITCHES)
def _judge(weights: Array, shared: Array, plan: Plan, space: Rows) -> None:
    """The samples in `fake` through the discriminator into `judged`."""
    samples = layer_of(plan.d.layers, 0).target  # where the input ends
    start = plan.g.row - samples
    for at in range(0, samples, COUNT):
        store(space.judged, at, load(space.fake, start + at))
    forward(weights, plan.d.layers, shared, space.judged, False)


@njit(**SWITCHES)
def _generator_loss(batch: int, plan: Plan, space: Rows) -> float:
    sign = -1.0 if plan.saturating else 1.0
    return sign * logistic_loss(space.judged_logits, batch, not plan.saturating, space.logit_deltas, sign)


@njit(**SWITCHES)
def _update_generator(
    g: Weights, d: Weights, step: int, noise: Array, component: Array, shared: Array, plan: Plan, settings: Array,
    space: Rows,
) -> None:  # fmt: skip
    """Back through both networks to the prior, from the output delta that `_generator_loss` left."""
    backward(d.values, plan.d.layers, shared, space.judged, space.d_deltas, d.gradient, False, True)
    g.gradient[:] = ZERO
    samples = layer_of(plan.d.layers, 0).target
    start = plan.g.row - samples
    for at in range(0, samples, COUNT):
        store(space.g_deltas, start + at, load(space.d_deltas, at))
    through_tanh(space.fake, space.g_deltas, start, plan.g.row)
    mixture = plan.components > 0
    backward(g.values, plan.g.layers, component, space.fake, space.g_deltas, g.gradient, True, mixture)
    if mixture:
        _prior_gradient(g, noise, component, plan, space.g_deltas)
    adam(g.values, g.gradient, g.first, g.second, step, settings)


@njit(**SWITCHES)
def _prior_gradient(g: Weights, noise: Array, component: Array, plan: Plan, deltas: Array) -> None:
    batch, latent_dim = noise.shape
    columns, count = padded(batch), plan.components * latent_dim
    sigma = padded(count)
    for b in range(batch):
        for k in range(latent_dim):
            at, delta = component[b] * latent_dim + k, deltas[k * columns + b]
            g.gradient[at] += delta
            g.gradient[sigma + at] += delta * noise[b, k]
    for at in range(sigma, sigma + count):
        g.gradient[at] += np.float32(2.0 * plan.regulariser / count) * (g.values[at] - ONE)
    if not plan.learns_mean:
        g.gradient[:count] = ZERO
    if not plan.learns_sigma:
        g.gradient[sigma : sigma + count] = ZERO


@njit(**SWITCHES)
def _update_discriminator(
    d: Weights, step: int, data: Array, rows: Array, shared: Array, plan: Plan, settings: Array, space: Rows
) -> float:
    batch, layers = rows.shape[0], plan.d.layers
    columns = padded(batch)
    for b in range(batch):
        for k in range(data.shape[1]):
            space.real[k * columns + b] = data[rows[b], k]
    forward(d.values, layers, shared, space.real, False)
    d.gradient[:] = ZERO
    loss = logistic_loss(space.judged_logits, batch, False, space.logit_deltas, plan.scale)
    backward(d.values, layers, shared, space.judged, space.d_deltas, d.gradient, True, False)
    loss += logistic_loss(space.real_logits, batch, True, space.logit_deltas, plan.scale)
    backward(d.values, layers, shared, space.real, space.d_deltas, d.gradient, True, False)
    adam(d.values, d.gradient, d.first, d.second, step, settings)
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
