"""What a training step draws at random, made ahead of it: noise, components and the rows of each minibatch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from replication.recipes import Noise, Recipe
from replication.seeding import generator


class Draws(NamedTuple):
    """Draws of consecutive units for S seeds. A unit is one turn of the schedule: k D updates and one of G, or a
    balanced minibatch whose inner steps share one draw (`repeats` is 1)."""

    noise: np.ndarray  # float32 [S, units, repeats, batch, latent_dim]
    component: np.ndarray  # int64 [S, units, repeats, batch]
    rows: np.ndarray  # int64 [S, units, real repeats, batch]


def unit_steps(recipe: Recipe) -> int:
    """How many of the recipe's `updates` one unit counts for."""
    return recipe.inner_steps if recipe.schedule == "balanced" else 1


def draw_units(recipe: Recipe, seeds: Sequence[int], n_rows: int, first: int, count: int) -> Draws:
    """The draws of units `first` … `first + count − 1`: a function of seed and unit alone, in whole chunks."""
    repeats, real = (1, 1) if recipe.schedule == "balanced" else (recipe.inner_steps + 1, recipe.inner_steps)
    parts = [_draw_seed(recipe, seed, n_rows, first, count, repeats, real) for seed in seeds]
    return Draws(*(np.stack(arrays) for arrays in zip(*parts, strict=True)))


def draw_noise(noise: Noise, stream: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """float32 noise of `shape` from U(−scale, scale) or N(0, scale²)."""
    if noise.distribution == "normal":
        return stream.standard_normal(shape, np.float32) * np.float32(noise.scale)
    return (stream.random(shape, np.float32) * np.float32(2) - np.float32(1)) * np.float32(noise.scale)


def draw_components(recipe: Recipe, stream: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """int64 component of each sample of `shape` (…, batch): its row's own, or one drawn uniformly."""
    prior = recipe.prior
    if prior.components and prior.component == "sampled":
        return stream.integers(prior.components, size=shape)
    rows = np.arange(shape[-1]) % max(prior.components, 1)
    return np.broadcast_to(rows, shape).copy()


def _draw_seed(
    recipe: Recipe, seed: int, n_rows: int, first: int, count: int, repeats: int, real: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    shape = (count, repeats, recipe.batch)
    noise = draw_noise(recipe.noise, generator(seed, "noise", first), (*shape, recipe.latent_dim))
    component = draw_components(recipe, generator(seed, "component", first), shape)
    rows = _minibatches(seed, n_rows, recipe.batch, first * real, count * real)
    return noise, component, rows.reshape(count, real, recipe.batch)


def _minibatches(seed: int, n_rows: int, batch: int, first: int, count: int) -> np.ndarray:
    """Rows [count, batch] of minibatches `first` …: each epoch in its own order, its last incomplete one left out."""
    per_epoch = n_rows // batch
    together = max(1, 20_000 // n_rows)  # epochs that share a stream: a stream costs more than a short permutation
    per_stream = per_epoch * together
    streams = range(first // per_stream, (first + count - 1) // per_stream + 1)
    ordered = [
        generator(seed, "order", stream).permuted(np.tile(np.arange(n_rows), (together, 1)), axis=1)
        for stream in streams
    ]
    rows = np.concatenate(ordered)[:, : per_epoch * batch].reshape(-1, batch)
    at = first - streams.start * per_stream
    return rows[at : at + count]
