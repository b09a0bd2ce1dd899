"""What a training step draws at random, made ahead of it: noise, components and the rows of each minibatch."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from replication.config.recipes import Labels, Noise, Recipe
from replication.foundation.errors import InputError, chosen
from replication.foundation.seeding import generator
from replication.training.schedule import turns
from replication.training.streams import Stream, training_stream

Streams = Callable[..., Stream]  # by purpose and position, of one seed
LabelledRows = np.ndarray | None  # int64: of the samples whose labels a seed learns (`labelled_rows`); None without
# Noise of scale 1, from a stream and a shape.
DISTRIBUTIONS: Mapping[str, Callable[[Stream, Sequence[int]], Tensor]] = {
    "uniform": lambda stream, shape: stream.uniform(shape) * 2 - 1,
    "positive": lambda stream, shape: stream.uniform(shape),
    "normal": lambda stream, shape: stream.normal(shape),
}


class Draws(NamedTuple):
    """Draws of consecutive units for one seed, as the turns of a unit number them; on the device that trains."""

    noise: Tensor  # float32 [units, draws, batch, latent_dim]
    component: Tensor  # int64 [units, draws, batch]
    rows: Tensor  # int64 [units, minibatches, batch]
    labelled: Tensor  # int64 [units, minibatches of D, batch]; the last two are 0 where no labels are learnt


def draw_units(
    recipe: Recipe, seed: int, n_rows: int, first: int, count: int, labelled: LabelledRows = None, device: str = "cpu"
) -> Draws:
    """The draws of units `first` … `first + count − 1`: a function of seed and unit alone, in whole chunks."""
    streams: Streams = partial(training_stream, device, seed)
    steps, batch = turns(recipe), recipe.batch
    shape = (count, 1 + max(turn.noise for turn in steps), batch)
    noise = draw_noise(recipe.noise, streams("noise", first), (*shape, recipe.latent_dim))
    component = draw_components(recipe, streams("component", first), shape, device, training=True)
    rows = _real_rows(recipe, streams, n_rows, first, count)
    if labelled is None or not len(labelled):
        return Draws(noise, component, rows, torch.zeros(count, 0, 0, dtype=torch.int64, device=device))
    many = len({turn.rows for turn in steps if "discriminator" in turn.sides})
    order = _minibatches(recipe, streams, "labelled order", len(labelled), first * many, count * many)
    subset = torch.from_numpy(labelled).to(device)
    return Draws(noise, component, rows, subset[order].view(count, many, batch))


def draw_noise(noise: Noise, stream: Stream, shape: Sequence[int]) -> Tensor:
    """float32 noise of `shape` from U(−scale, scale), U(0, scale) or N(0, scale²)."""
    return chosen(DISTRIBUTIONS, noise.distribution, "distribution of noise")(stream, shape) * noise.scale


def draw_components(
    recipe: Recipe, stream: Stream, shape: Sequence[int], device: str = "cpu", training: bool = False
) -> Tensor:
    """int64 component of each sample of `shape` (…, batch): its row's own or drawn, in training one for a batch."""
    prior = recipe.prior
    if prior.component == "row":
        rows = torch.arange(shape[-1], device=device).remainder(max(prior.components, 1))
        return rows.expand(*shape).contiguous()
    if prior.component == "batch" and training:
        return stream.integers(prior.components, shape[:-1]).unsqueeze(-1).expand(*shape).contiguous()
    return stream.integers(prior.components, shape)


def labelled_rows(options: Labels, labels: np.ndarray, seed: int) -> np.ndarray:
    """Rows int64 [K · per_class] (0: all) of the samples whose labels a seed may see; InputError: a class has fewer."""
    if options.per_class == 0:
        return np.arange(len(labels))
    order = generator(seed // options.trainings_per_draw, "labels").permutation(len(labels))
    chosen = [order[labels[order] == label][: options.per_class] for label in np.unique(labels)]
    fewest = min(len(rows) for rows in chosen)
    if fewest < options.per_class:
        raise InputError(
            f"A recipe asks for {options.per_class} labels of each class, but one class has {fewest}: ask for fewer."
        )
    return np.concatenate(chosen)


def _real_rows(recipe: Recipe, streams: Streams, n_rows: int, first: int, count: int) -> Tensor:
    """Rows [count, minibatches, batch] of each unit: those of D, then those that G sees."""
    seen = sorted({turn.rows for turn in turns(recipe) if turn.rows is not None})
    together = len(seen) - (recipe.generator_steps if recipe.generator_minibatch == "own" else 0)
    orders = [("order", together), ("generator order", len(seen) - together)]
    parts = [
        _minibatches(recipe, streams, purpose, n_rows, first * many, count * many).view(count, many, recipe.batch)
        for purpose, many in orders
        if many
    ]
    return torch.cat(parts, dim=1)


def _minibatches(recipe: Recipe, streams: Streams, purpose: str, n_rows: int, first: int, count: int) -> Tensor:
    """Rows [count, batch] of minibatches `first` …: each epoch in its own order, its last incomplete one left out.

    Of fewer rows than a batch an epoch is as many orders as fill one batch. `fixed` minibatches have one order for all.
    """
    batch, repeats = recipe.batch, -(-recipe.batch // n_rows)
    per_epoch = n_rows * repeats // batch
    together = 1 if recipe.minibatches == "fixed" else max(1, 20_000 // (n_rows * repeats))  # epochs sharing a stream
    per_stream = per_epoch * together
    needed = range(first // per_stream, (first + count - 1) // per_stream + 1)
    ordered = [
        streams(purpose, 0 if recipe.minibatches == "fixed" else stream)
        .orders(n_rows, together * repeats)
        .view(together, repeats * n_rows)
        for stream in needed
    ]
    rows = torch.cat(ordered)[:, : per_epoch * batch].reshape(-1, batch)
    at = first - needed.start * per_stream
    return rows[at : at + count]
