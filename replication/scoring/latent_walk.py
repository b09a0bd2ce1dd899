"""Walks between random latent points, beside cross-fades and the walks of a memory (DCGAN §6.1)."""

from __future__ import annotations

import numpy as np

from replication.foundation.seeding import generator as stream_of
from replication.metrics.arithmetic import smoothness, straight_legs
from replication.metrics.neighbours import nearest
from replication.metrics.plausibility import Plausibility
from replication.scoring.image_cell import ImageCell
from replication.scoring.latent_space import REAL, LatentSpace, cell_plausibility

SHOWN = 9  # images of a leg in the sheet
FADES = 2  # rows of cross-fades in it
REMEMBERED = 200  # legs at most whose images are looked up among those trained on


def measure(cell: ImageCell) -> dict[str, np.ndarray]:
    """Add smoothness and, where there is a judge, plausibility of walks, untrained and trained; returns a sheet."""
    plausibility = cell_plausibility(cell)
    last = cell.trained.steps[-1]
    steps = sorted({0, last}.intersection(cell.trained.steps))

    def walk_seed(step: int, index: int) -> np.ndarray:
        space = LatentSpace(cell, step, index)
        legs = _add_latent(cell, space, step, index, plausibility)
        fades = _add_fades(cell, space, index, plausibility) if step == last else legs
        return _sheet(legs, fades)

    sheets = cell.each(walk_seed, steps, "latent walks")
    if plausibility is not None:
        held_out = cell.data.test_images[:REAL]
        share = plausibility.of(held_out).mean()
        for seed in cell.seeds:
            _add_share(cell, seed, last, float(share), len(held_out), "real")
    return {"walk": sheets[-len(cell.seeds)]}


def _add_latent(
    cell: ImageCell, space: LatentSpace, step: int, index: int, plausibility: Plausibility | None
) -> np.ndarray:
    """Rows of the latent walks of one seed; returns their images uint8 [walks, legs, steps + 1, C, H, W]."""
    options, seed = cell.options.latent_walk, cell.seeds[index]
    points = space.draw("latent walk", options.walks * options.points)
    points = points.reshape(options.walks, options.points, -1)
    walks = space.images(straight_legs(points, options.steps), space.labels(options.walks))
    legs = walks.reshape(-1, *walks.shape[2:])
    cell.rows.add(seed, step, "walk_smoothness", smoothness(legs), len(legs), metric_variant="latent")
    some = np.sort(stream_of(0, "remembered").permutation(len(cell.seen))[:REAL])
    remembered, known = legs[:REMEMBERED], cell.seen[some]
    memories = known[nearest(remembered.reshape(-1, *legs.shape[2:]), known)[1]].reshape(remembered.shape)
    cell.rows.add(seed, step, "walk_smoothness", smoothness(memories), len(memories), metric_variant="memorised")
    if plausibility is not None:
        ends = np.concatenate([walks[:, 0, 0], walks[:, :, -1].reshape(-1, *walks.shape[3:])])
        for variant, images in (("latent-endpoints", ends), ("latent-midpoints", legs[:, options.steps // 2])):
            share = float(plausibility.of(images).mean())
            _add_share(cell, seed, step, share, len(images), variant)
    return walks


def _add_fades(cell: ImageCell, space: LatentSpace, index: int, plausibility: Plausibility | None) -> np.ndarray:
    """Rows of as many cross-fades of training images, of one class where labels are fixed; returns their images."""
    options, seed, step = cell.options.latent_walk, cell.seeds[index], cell.trained.steps[-1]
    stream, labels = stream_of(seed, "pixel walk"), cell.data.train_labels[cell.chosen]
    groups = labels if space.classes else np.zeros(len(labels))
    alike = [np.flatnonzero(groups == group) for group in np.unique(groups)]
    rows = np.stack([stream.choice(alike[walk % len(alike)], options.points) for walk in range(options.walks)])
    walks = np.round(straight_legs(cell.seen[rows].astype(np.float32), options.steps)).astype(np.uint8)
    legs = walks.reshape(-1, *walks.shape[2:])
    cell.rows.add(seed, step, "walk_smoothness", smoothness(legs), len(legs), metric_variant="pixel")
    if plausibility is not None:
        images = legs[:, options.steps // 2]
        _add_share(cell, seed, step, float(plausibility.of(images).mean()), len(images), "pixel-midpoints")
    return walks


def _add_share(cell: ImageCell, seed: int, step: int, share: float, count: int, variant: str) -> None:
    cell.rows.add(seed, step, "walk_plausibility", share, count, metric_variant=variant, judge=cell.judge_name)


def _sheet(walks: np.ndarray, fades: np.ndarray) -> np.ndarray:
    """uint8 [rows, columns, C, H, W]: every leg of the first walk, then some cross-fades."""
    steps = walks.shape[2] - 1
    columns = np.unique(np.linspace(0, steps, min(SHOWN, steps + 1)).round().astype(np.int64))
    return np.concatenate([walks[0], fades[0, :FADES]])[:, columns]
