"""Did an image cell's trainings hold together? Rows of `replication.metrics.stability`, which names the thresholds."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import nn

from replication.config.recipes import Recipe
from replication.foundation.runtime import side_by_side
from replication.metrics import stability
from replication.metrics.forgetting import recorded
from replication.models.layers.networks import Generator, Networks
from replication.scoring.rows import Rows
from replication.scoring.trained import TrainedCell
from replication.training.objectives import cross_entropies, named
from replication.training.sampling import draw_samples
from replication.training.schedule import SIDES

FILTER_SAMPLES = 256  # draws of noise that a filter is judged on


def add_spread(rows: Rows, seed: int, step: int, samples: np.ndarray, real: np.ndarray) -> None:
    """How far samples lie apart and whether they have the colours of the data; uint8 [n, C, H, W] both."""
    rows.add(seed, step, "sample_diversity", stability.sample_diversity(samples, real), len(samples))
    rows.add(seed, step, "colour_distance", stability.colour_distance(samples, real), len(samples))


def add_stability(
    rows: Rows, trained: TrainedCell, build: Callable[[], Networks], recipe: Recipe, classes: int, threads: int
) -> None:
    """Coverage, filters and losses of every seed, and whether the run was stable.

    The judge's shares and the diversity of samples are read from the rows collected before. No row says whether a run
    was stable where there is no judge, and so no coverage, or where the history is too short to show an oscillation.
    """

    def add_filters(place: tuple[int, int, int]) -> None:
        step, index, seed = place
        activations = hidden_activations(trained.networks(build, step, index).generator, recipe, seed, classes)
        if activations is not None:
            rows.add(seed, step, "collapsed_filters", stability.collapsed_filters(activations), len(activations))

    seeds = list(enumerate(rows.cell.seed_numbers))
    side_by_side(add_filters, [(step, index, seed) for step in trained.steps for index, seed in seeds], threads)
    for index, seed in seeds:
        shares, judge = judged_shares(rows, seed)
        for step, of_step in shares.items():
            rows.add(seed, step, "mode_coverage", stability.mode_coverage(of_step), recipe.n_samples, judge=judge)
        losses = since_both_moved(trained.history[index])
        if len(losses) < stability.MIN_POINTS:
            continue
        last = trained.steps[-1]
        for column, side in enumerate(SIDES):
            oscillation = stability.loss_oscillation(losses[:, column])
            rows.add(seed, last, "loss_oscillation", oscillation, len(losses), metric_variant=side)
        # An untrained generator's classes mean nothing.
        course = [of_step for step, of_step in shares.items() if step > 0]
        if course and named(recipe.objective).discriminator is cross_entropies:  # another's loss has other units
            holds = stability.stable(
                diverged=seed in rows.diverged,
                generator_losses=losses[:, 0],
                discriminator_losses=losses[:, 1],
                discriminator_scale=recipe.discriminator_scale,
                diversity=collected(rows, seed, last, "sample_diversity"),
                coverage=stability.coverage_course(np.stack(course)),
            )
            rows.add(seed, last, "stable", float(holds), 1)


def judged_shares(rows: Rows, seed: int) -> tuple[dict[int, np.ndarray], str]:
    """Share of each class [K] in a seed's samples by step, in the order of training, and the judge that said so."""
    of_seed = [row for row in rows.collected if (row.metric, row.seed) == ("judge_share", seed) and row.class_ != "all"]
    by_step: dict[int, dict[int, float]] = {step: {} for step in sorted({row.step for row in of_seed})}
    for row in of_seed:
        by_step[row.step][int(row.class_)] = row.value
    shares = {step: np.array([of[label] for label in sorted(of)]) for step, of in by_step.items()}
    return shares, of_seed[0].judge if of_seed else ""


def collected(rows: Rows, seed: int, step: int, metric: str) -> float:
    """A value that stands in the rows already."""
    return next(r.value for r in rows.collected if (r.seed, r.step, r.metric) == (seed, step, metric))


def since_both_moved(history: np.ndarray) -> np.ndarray:
    """Losses [T, 2] from the first point at which both sides have one: a balanced schedule may begin with one side."""
    both = np.isfinite(history).all(axis=1)
    return history[int(both.argmax()) if both.any() else 0 :]


def hidden_activations(generator: Generator, recipe: Recipe, seed: int, classes: int) -> np.ndarray | None:
    """What the generator's last convolution is fed: [256, filters, …] of as many draws of noise; None without one."""
    layer = last_hidden(generator)
    if layer is None:
        return None
    with recorded(layer, output=True) as seen:
        draw_samples(generator, recipe, recipe.noise, seed, "filters", FILTER_SAMPLES, classes)[0]
    return torch.cat(seen)[:FILTER_SAMPLES].numpy()


def last_hidden(generator: nn.Module) -> nn.Module | None:
    """The layer whose output the last convolution sees, unpooling apart; layers run in the order of `modules()`."""
    leaves = [module for module in generator.modules() if not list(module.children())]
    leaves = [leaf for leaf in leaves if not isinstance(leaf, nn.Upsample | nn.Sequential)]
    convolves = [any(parameter.dim() == 4 for parameter in leaf.parameters(recurse=False)) for leaf in leaves]
    before = [leaf for leaf, convolves_next in zip(leaves, convolves[1:], strict=False) if convolves_next]
    return before[-1] if before else None
