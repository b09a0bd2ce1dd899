"""What a training step draws at random, made ahead of it: noise, components and the rows of each minibatch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from replication.errors import InputError
from replication.recipes import Labels, Noise, Recipe
from replication.seeding import generator
from replication.training.schedule import turns


class Draws(NamedTuple):
    """Draws of consecutive units for S seeds, as the turns of a unit number them."""

    noise: np.ndarray  # float32 [S, units, draws, batch, latent_dim]
    component: np.ndarray  # int64 [S, units, draws, batch]
    rows: np.ndarray  # int64 [S, units, minibatches, batch]
    labelled: np.ndarray  # int64 [S, units, minibatches of D, batch]; the last two are 0 where no labels are learnt


def draw_units(
    recipe: Recipe,
    seeds: Sequence[int],
    n_rows: int,
    first: int,
    count: int,
    labelled: Sequence[np.ndarray] | None = None,
) -> Draws:
    """The draws of units `first` … `first + count − 1`: a function of seed and unit alone, in whole chunks.

    `labelled` holds the rows of each seed's labelled samples (`labelled_rows`).
    """
    subsets = labelled or [np.empty(0, np.int64)] * len(seeds)
    parts = [_draw_seed(recipe, seed, n_rows, first, count, own) for seed, own in zip(seeds, subsets, strict=True)]
    return Draws(*(np.stack(arrays) for arrays in zip(*parts, strict=True)))


def draw_noise(noise: Noise, stream: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """float32 noise of `shape` from U(−scale, scale), U(0, scale) or N(0, scale²)."""
    if noise.distribution == "normal":
        return stream.standard_normal(shape, np.float32) * np.float32(noise.scale)
    uniform = stream.random(shape, np.float32)
    if noise.distribution == "uniform":
        uniform = uniform * np.float32(2) - np.float32(1)
    return uniform * np.float32(noise.scale)


def draw_components(recipe: Recipe, stream: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """int64 component of each sample of `shape` (…, batch): its row's own, or one drawn uniformly."""
    prior = recipe.prior
    if prior.components and prior.component == "sampled":
        return stream.integers(prior.components, size=shape)
    rows = np.arange(shape[-1]) % max(prior.components, 1)
    return np.broadcast_to(rows, shape).copy()


def labelled_rows(options: Labels, labels: np.ndarray, seed: int) -> np.ndarray:
    """Rows int64 [K · per_class] of the samples whose labels a seed may see; `per_class` 0 is all of them.

    Raises:
        InputError: a class has fewer samples than asked for.
    """
    if options.per_class == 0:
        return np.arange(len(labels))
    stream = generator(seed // options.trainings_per_draw, "labels")
    order = stream.permutation(len(labels))
    chosen = [order[labels[order] == label][: options.per_class] for label in np.unique(labels)]
    fewest = min(len(rows) for rows in chosen)
    if fewest < options.per_class:
        raise InputError(
            f"A recipe asks for {options.per_class} labels of each class, but one class has {fewest}: ask for fewer."
        )
    return np.concatenate(chosen)


def _draw_seed(
    recipe: Recipe, seed: int, n_rows: int, first: int, count: int, subset: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    steps, batch = turns(recipe), recipe.batch
    shape = (count, 1 + max(turn.noise for turn in steps), batch)
    noise = draw_noise(recipe.noise, generator(seed, "noise", first), (*shape, recipe.latent_dim))
    component = draw_components(recipe, generator(seed, "component", first), shape)
    rows = _real_rows(recipe, seed, n_rows, first, count)
    if not len(subset):
        return noise, component, rows, np.zeros((count, 0, 0), np.int64)
    many = len({turn.rows for turn in steps if "discriminator" in turn.sides})
    order = _minibatches(recipe, seed, "labelled order", len(subset), first * many, count * many)
    return noise, component, rows, subset[order].reshape(count, many, batch)


def _real_rows(recipe: Recipe, seed: int, n_rows: int, first: int, count: int) -> np.ndarray:
    """Rows [count, minibatches, batch] of each unit: those of D, then those that G sees."""
    seen = sorted({turn.rows for turn in turns(recipe) if turn.rows is not None})
    together = len(seen) - (recipe.generator_steps if recipe.generator_minibatch == "own" else 0)
    orders = [("order", together), ("generator order", len(seen) - together)]
    parts = [
        _minibatches(recipe, seed, purpose, n_rows, first * many, count * many).reshape(count, many, recipe.batch)
        for purpose, many in orders
        if many
    ]
    return np.concatenate(parts, axis=1)


def _minibatches(recipe: Recipe, seed: int, purpose: str, n_rows: int, first: int, count: int) -> np.ndarray:
    """Rows [count, batch] of minibatches `first` …: each epoch in its own order, its last incomplete one left out.

    Of fewer rows than a batch an epoch is as many orders as fill one batch. `fixed` minibatches have one order for all.
    """
    batch, repeats = recipe.batch, -(-recipe.batch // n_rows)
    per_epoch = n_rows * repeats // batch
    together = 1 if recipe.minibatches == "fixed" else max(1, 20_000 // (n_rows * repeats))  # epochs sharing a stream
    per_stream = per_epoch * together
    streams = range(first // per_stream, (first + count - 1) // per_stream + 1)
    ordered = [
        generator(seed, purpose, 0 if recipe.minibatches == "fixed" else stream)
        .permuted(np.tile(np.arange(n_rows), (together * repeats, 1)), axis=1)
        .reshape(together, repeats * n_rows)
        for stream in streams
    ]
    rows = np.concatenate(ordered)[:, : per_epoch * batch].reshape(-1, batch)
    at = first - streams.start * per_stream
    return rows[at : at + count]
