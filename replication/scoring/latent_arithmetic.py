"""Sums and differences of exemplars, in the latent space and in pixels, and a turn vector (DCGAN §6.3.2).

A conditional generator's exemplars, sums and turns are within a class, each class in turn; any other one's are of all.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from replication.config.protocols import LatentArithmetic
from replication.foundation.seeding import generator as stream_of
from replication.metrics import arithmetic
from replication.metrics.plausibility import Plausibility
from replication.scoring.image_cell import ImageCell
from replication.scoring.latent_space import LatentSpace, cell_plausibility

SUMS = ("three-exemplars", "one-exemplar", "one-exemplar-shrunk", "random", "pixel")
JUDGED = ("arithmetic_success", "arithmetic_plausibility")
SHOWN = 6  # lines of the sheets
RANDOM = 2  # further lines of the turn sheet, with a random direction


@dataclass(frozen=True)
class Pool:
    """Samples that exemplars are chosen from, of one class where labels are fixed."""

    label: int
    latents: np.ndarray  # float32 [n, D]
    images: np.ndarray  # uint8 [n, 1, H, W]
    attributes: np.ndarray  # float64 [n, 2]
    cuts: np.ndarray  # float64 [2, 2]: lower and upper, of thickness and slant

    def rows(self, degrees: tuple[int, int]) -> np.ndarray:
        return np.flatnonzero(arithmetic.has(self.attributes, self.cuts, degrees))


def measure(cell: ImageCell) -> dict[str, np.ndarray]:
    """Add the rows of sums and turns of every seed's last networks; returns two sheets of the first seed."""
    plausibility = cell_plausibility(cell)
    assert plausibility is not None  # `requirements` holds that there is a judge

    def score_seed(step: int, index: int) -> dict[str, np.ndarray]:
        space = LatentSpace(cell, step, index)
        pools = _pools(space, cell.options.latent_arithmetic.pool)
        return {
            "arithmetic": _add_sums(cell, space, pools, index, plausibility),
            "turn": _add_turns(cell, space, pools, index),
        }

    sheets = cell.each(score_seed, cell.trained.steps[-1:], "latent arithmetic")[0]
    return {name: sheet for name, sheet in sheets.items() if sheet.size}


def _pools(space: LatentSpace, count: int) -> list[Pool]:
    latents, labels = space.draw("arithmetic pool", count), space.labels(count)
    images = space.images(latents, labels)
    attributes = arithmetic.stroke_attributes(images)
    pools = []
    for label in np.unique(labels):
        rows = labels == label
        pools.append(
            Pool(label, latents[rows], images[rows], attributes[rows], arithmetic.tercile_cuts(attributes[rows]))
        )
    return pools


def _add_sums(
    cell: ImageCell, space: LatentSpace, pools: list[Pool], index: int, plausibility: Plausibility
) -> np.ndarray:
    """Rows of thick slanted − thick upright + thin upright; returns lines of exemplars and their results."""
    options, stream = cell.options.latent_arithmetic, stream_of(cell.seeds[index], "arithmetic")
    plausible: dict[str, list[np.ndarray]] = {name: [] for name in SUMS}
    named: dict[str, list[np.ndarray]] = {name: [] for name in SUMS}
    spreads: dict[str, list[float]] = {name: [] for name in SUMS}
    lines = []
    for pool, trials in _shared(pools, options.trials):
        exemplars = arithmetic.draw_exemplars(
            [pool.rows(term) for term in arithmetic.TERMS], options.exemplars, trials, stream
        )
        results = _results(pool, space, options, exemplars, stream) if exemplars is not None else {}
        for name in SUMS:
            images = results[name].reshape(-1, *pool.images.shape[1:]) if results else pool.images[:0]
            attributes = arithmetic.stroke_attributes(images)
            # Where the samples hold too few exemplars of a concept, none of its results is reached.
            missed = np.zeros(0 if results else trials * (1 if name == "pixel" else options.results), bool)
            plausible[name] += [plausibility.of(images), missed]
            named[name] += [arithmetic.has(attributes, pool.cuts, arithmetic.NAMED), missed]
            spreads[name].append(arithmetic.relative_spread(attributes, pool.attributes))
        if exemplars is not None:
            lines.append(_lines(pool, exemplars, results, _lines_of(SHOWN, pools)))
    for name in SUMS:
        fair, right = np.concatenate(plausible[name]), np.concatenate(named[name])
        values = {"arithmetic_success": (fair & right).mean(), "arithmetic_plausibility": fair.mean()}
        known = np.array([spread for spread in spreads[name] if np.isfinite(spread)])
        values["arithmetic_spread"] = np.sqrt(np.mean(known**2)) if len(known) else float("nan")
        _add(cell, index, {metric: float(value) for metric, value in values.items()}, len(fair), name)
    having = np.concatenate([pool.images[pool.rows(arithmetic.NAMED)] for pool in pools])
    share = float(plausibility.of(having).mean()) if len(having) else 0.0
    _add(cell, index, dict.fromkeys(JUDGED, share), len(having), "samples-of-concept")
    return np.concatenate(lines)[:SHOWN] if lines else np.empty(0, np.uint8)


def _results(
    pool: Pool, space: LatentSpace, options: LatentArithmetic, exemplars: np.ndarray, stream: np.random.Generator
) -> dict[str, np.ndarray]:
    """uint8 [trials, results, 1, H, W] by kind of sum; the sum of pixels has one result, as it has no noise."""
    chance = stream.integers(len(pool.latents), size=exemplars.shape)
    single, middle = arithmetic.combine(pool.latents[exemplars[:, :, :1]]), pool.latents.mean(axis=0)
    centres = {
        "three-exemplars": arithmetic.combine(pool.latents[exemplars]),
        "one-exemplar": single,
        # As far from the middle as means of as many exemplars are: a control for length.
        "one-exemplar-shrunk": middle + (single - middle) / np.sqrt(options.exemplars),
        "random": arithmetic.combine(pool.latents[chance]),
    }
    # U(−1, 1) has standard deviation 1/√3: there the scale is the paper's, elsewhere it is of latents as spread out.
    scale = options.noise * np.sqrt(3.0) * float(pool.latents.std())
    labels = np.full(len(exemplars), pool.label)
    results = {
        name: space.images(arithmetic.with_noise(centre, options.results, scale, stream), labels)
        for name, centre in centres.items()
    }
    pixels = arithmetic.combine(pool.images[exemplars].astype(np.float32))
    return {**results, "pixel": np.clip(np.round(pixels), 0, 255).astype(np.uint8)[:, None]}


def _lines(pool: Pool, exemplars: np.ndarray, results: dict[str, np.ndarray], count: int) -> np.ndarray:
    """[≤ count, columns, 1, H, W] of trials: exemplars, their sum, it twice with noise, that of one, that of pixels."""
    exemplar_images = pool.images[exemplars[:count].reshape(min(count, len(exemplars)), -1)]
    sums = [results["three-exemplars"][:count, :3], results["one-exemplar"][:count, :1], results["pixel"][:count]]
    return np.concatenate([exemplar_images, *sums], axis=1)


def _add_turns(cell: ImageCell, space: LatentSpace, pools: list[Pool], index: int) -> np.ndarray:
    """Rows of a turn vector added in growing shares, and of a random one; returns lines of the images."""
    options, stream = cell.options.latent_arithmetic, stream_of(cell.seeds[index], "turn")
    shares = np.linspace(0.0, 1.0, options.shares)
    measured: dict[str, list[np.ndarray]] = {"exemplars": [], "random": []}
    lines: dict[str, list[np.ndarray]] = {"exemplars": [], "random": []}
    for pool, trials in _shared(pools, options.trials):
        sides = [
            np.flatnonzero(arithmetic.has(pool.attributes[:, 1:], pool.cuts[:, 1:], (degree,)))
            for degree in (arithmetic.HIGH, arithmetic.LOW)
        ]
        exemplars = arithmetic.draw_exemplars(sides, options.turn_exemplars, trials, stream)
        start = space.draw(f"turn start {pool.label}", trials)
        if exemplars is None:
            for name in measured:
                measured[name].append(np.zeros((trials, options.shares)))
            continue
        means = pool.latents[exemplars].mean(axis=2)
        turn = means[:, 0] - means[:, 1]  # [trials, D]
        chance = stream.standard_normal(turn.shape).astype(np.float32)
        chance *= np.linalg.norm(turn, axis=1, keepdims=True) / np.linalg.norm(chance, axis=1, keepdims=True)
        for name, vector in (("exemplars", turn), ("random", chance)):
            latents = start[:, None] + shares[:, None].astype(np.float32) * vector[:, None]
            images = space.images(latents, np.full(trials, pool.label))
            leaning = arithmetic.slant(images.reshape(-1, *images.shape[2:])).reshape(images.shape[:2])
            measured[name].append(leaning / np.nanstd(pool.attributes[:, 1]))
            lines[name].append(images[: _lines_of(SHOWN if name == "exemplars" else RANDOM, pools)])
    for name, parts in measured.items():
        leaning = np.concatenate(parts)
        values = {
            "turn_monotonicity": arithmetic.monotonicity(shares, leaning),
            "turn_slope": arithmetic.mean_slope(shares, leaning),
        }
        _add(cell, index, values, len(leaning), name)
    if not lines["random"]:
        return np.empty(0, np.uint8)
    return np.concatenate([np.concatenate(lines["exemplars"])[:SHOWN], np.concatenate(lines["random"])[:RANDOM]])


def _shared(pools: list[Pool], trials: int) -> list[tuple[Pool, int]]:
    """Each pool with its part of the trials, equal but for what does not divide."""
    parts = map(len, np.array_split(np.arange(trials), len(pools)))
    return [(pool, part) for pool, part in zip(pools, parts, strict=True) if part]


def _lines_of(lines: int, pools: list[Pool]) -> int:
    """How many of so many lines are a pool's."""
    return -(-lines // len(pools))


def _add(cell: ImageCell, index: int, values: dict[str, float], count: int, variant: str) -> None:
    for metric, value in values.items():
        judged = {"judge": cell.judge_name} if metric in JUDGED else {}
        cell.rows.add(cell.seeds[index], cell.trained.steps[-1], metric, value, count, metric_variant=variant, **judged)
