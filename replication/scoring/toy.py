"""Scores of a toy cell: modes, the distance to the true density, σ, and how far the game is from its optimum."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from scipy.spatial.distance import cdist
from torch import Tensor
from tqdm import tqdm

from replication.config.protocols import Components
from replication.config.recipes import Recipe
from replication.data.reading import ToyData
from replication.foundation.runtime import side_by_side
from replication.foundation.seeding import generator as stream_of
from replication.metrics.toy import Mixture, energy_distance, held_modes, mode_scores
from replication.models.layers.networks import Networks
from replication.scoring.components import TRAINING, add_information, noises_of
from replication.scoring.game import train_alone, value_and_hits
from replication.scoring.rows import Rows
from replication.scoring.trained import TrainedCell
from replication.training.sampling import draw_samples

GAP_UPDATES, GAP_BATCH, GAP_RATE = 500, 256, 3e-3
FRESH = 10_000  # draws of each side for the value of the game and the hit rate
LEAST_GAP = 1e-4  # nats: what FRESH draws cannot tell from no gap
TOGETHER = 10  # seeds whose discriminators train side by side
SHOWN = 500  # points a seed in the figures
FIGURED = 60  # seeds in the figures
OF_SEEDS = {"points", "early_points"}  # of what figures show: the arrays that have a row for each seed
INFORMED = 20  # seeds of a block of which it is measured what a component tells of the mode


@dataclass(frozen=True)
class ToyCell:
    """What is read of a trained toy cell, and the rows that it adds to."""

    rows: Rows
    trained: TrainedCell
    build: Callable[[], Networks]
    recipe: Recipe
    mixture: Mixture
    components: Components  # on how many samples it is measured what components tell of the mode
    first: int = 0  # place of the block's first seed among those that are planned


def score_toy(cell: ToyCell, real: np.ndarray, game: bool, threads: int) -> dict[str, np.ndarray]:
    """Add a toy cell's rows; returns the points that its figures show. `game` adds what GAN 2014 claims of D."""
    numbered = list(enumerate(cell.rows.cell.seed_numbers))
    watched = tqdm(numbered, desc=f"{cell.rows.cell.key}: scoring", unit="seed")
    points_of_seeds = side_by_side(lambda place: _score_seed(cell, *place), watched, threads)[:FIGURED]
    if game:
        blocks = [numbered[start : start + TOGETHER] for start in range(0, len(numbered), TOGETHER)]
        side_by_side(lambda block: _score_game(cell, block), blocks, threads)
    last, early = (np.stack([points[step] for points in points_of_seeds]) for step in (-1, 0))
    return {"points": last, "early_points": early, "real": real[:: max(1, len(real) // SHOWN)]}


def mixture_of(data: ToyData) -> Mixture:
    """The true density of a toy data set."""
    return Mixture(data.means, data.standard_deviation, data.weights)


def _score_seed(cell: ToyCell, index: int, seed: int) -> list[np.ndarray]:
    """Rows of one seed; its points drawn with the noise of training, of each step after the first."""
    rows, recipe, mixture = cell.rows, cell.recipe, cell.mixture
    last, points_of_steps = cell.trained.steps[-1], []
    held: dict[str, list[np.ndarray]] = {variant: [] for variant in noises_of(recipe)}
    for step in cell.trained.steps:
        networks = cell.trained.networks(cell.build, step, index)
        if recipe.prior.components > 1 and step in (0, last) and cell.first + index < INFORMED:
            _score_components(cell, networks, seed, step)
        drawn = {
            variant: draw_samples(networks.generator, recipe, noise, seed, f"samples {variant}", recipe.n_samples)[0]
            for variant, noise in noises_of(recipe).items()
        }
        for variant, samples in drawn.items():
            points = samples.double().numpy()
            scores = {**mode_scores(points, mixture), "energy_distance": energy_distance(points, mixture)}
            for metric, value in scores.items():
                rows.add(seed, step, metric, value, len(points), metric_variant=variant)
            held[variant].append(held_modes(points, mixture))
        if recipe.prior.components and recipe.prior.form == "mixture":
            sigma = networks.generator.get_parameter("prior.sigma").detach().abs()
            rows.add(seed, step, "sigma_mean", float(sigma.mean()), sigma.numel())
        if step > 0:
            points_of_steps.append(drawn[TRAINING].numpy()[:SHOWN].astype(np.float32))
    for variant, by_step in held.items():
        early, end = by_step[1], by_step[-1]
        lost = bool((early & ~end).any())
        count = {"n_samples": recipe.n_samples, "metric_variant": variant}
        rows.add(seed, last, "mode_lost", float(lost), **count)
        rows.add(seed, last, "modes_kept", float(early.any() and not lost), **count)
    return points_of_steps


def _score_components(cell: ToyCell, networks: Networks, seed: int, step: int) -> None:
    """What a sample's component tells of the mode nearest to it, samples drawn with the noise of training."""
    generator, recipe, options = networks.generator, cell.recipe, cell.components
    drawn, of_samples = draw_samples(generator, recipe, recipe.noise, seed, "components", options.samples)
    nearest = cdist(np.nan_to_num(drawn.double().numpy()), cell.mixture.means).argmin(axis=1)
    add_information(cell.rows, seed, step, of_samples, nearest, options)


def _score_game(cell: ToyCell, numbered: Sequence[tuple[int, int]]) -> None:
    """Rows of some (place, seed) of the block: D as it is, and as it becomes when it is trained on alone.

    Trained alone, D reaches its optimum against the fixed generator. Its value and hit rate there say how far the
    generator is from the data, whatever the game has left of D.
    """
    rows, trained, discriminator, logs = cell.rows, cell.trained, cell.build().discriminator, []
    for step in trained.steps[1:]:
        state = trained.states[step]
        places = [place for place, _ in numbered]
        weights = {name: state[f"discriminator.{name}"][places] for name in discriminator.state_dict()}
        sides = _both_sides(cell, step, "game", FRESH, numbered)
        values, hits = value_and_hits(discriminator, weights, *sides)
        more = _both_sides(cell, step, "gap", GAP_UPDATES * GAP_BATCH, numbered)

        def draw(update: int, more: tuple[Tensor, Tensor] = more) -> tuple[Tensor, Tensor]:
            part = slice(update * GAP_BATCH, (update + 1) * GAP_BATCH)
            return more[0][:, part], more[1][:, part]

        better = train_alone(discriminator, weights, draw, GAP_UPDATES, GAP_RATE)
        best_values, best_hits = value_and_hits(discriminator, better, *sides)
        gaps = best_values - values
        logs.append(gaps.clamp_min(LEAST_GAP).log())
        for index, (_, seed) in enumerate(numbered):
            for variant, value, hit in (("trained", values, hits), ("trained-alone", best_values, best_hits)):
                rows.add(seed, step, "value_function", value[index].item(), 2 * FRESH, metric_variant=variant)
                rows.add(seed, step, "hit_rate", hit[index].item(), 2 * FRESH, metric_variant=variant)
            rows.add(seed, step, "discriminator_gap", gaps[index].item(), 2 * FRESH)
    in_training = torch.stack(logs).mean(0)
    for index, (_, seed) in enumerate(numbered):
        rows.add(seed, trained.steps[-1], "discriminator_log_gap", in_training[index].item(), 2 * FRESH)


def _both_sides(
    cell: ToyCell, step: int, purpose: str, count: int, numbered: Sequence[tuple[int, int]]
) -> tuple[Tensor, Tensor]:
    """Fresh real and generated points of some (place, seed), float32 [S, count, 2] each."""
    real, generated, noise = [], [], cell.recipe.noise
    for place, seed in numbered:
        real.append(cell.mixture.draw(count, stream_of(seed, f"{purpose} truth", step)).astype(np.float32))
        generator = cell.trained.networks(cell.build, step, place).generator
        generated.append(draw_samples(generator, cell.recipe, noise, seed, f"{purpose} {step}", count)[0])
    return torch.from_numpy(np.stack(real)), torch.stack(generated)
