"""Whether samples are nearer to training images than to held-out ones: after one pass over the data, and at the end
(DCGAN §4.1)."""

from __future__ import annotations

import numpy as np

from replication.metrics.memorisation import memorisation_share, memorised
from replication.recipes import Recipe
from replication.runtime import side_by_side
from replication.scoring.image_cell import ImageCell
from replication.seeding import generator

FEWEST = 100  # images that a split leaves out for them to serve as held-out ones


def measure(cell: ImageCell) -> dict[str, np.ndarray]:
    """Add the share of samples at both steps, and two controls at the last: held-out images and a memoriser's copies.

    Held-out images are the training images that the split leaves out, which are of the same population where it draws
    at random, and the test images where it leaves out fewer than FEWEST. Half of them, other ones for each seed, stand
    in for samples in the control; the other half is held out there.
    """
    held_out, training, last = held_out_images(cell), cell.seen, cell.trained.steps[-1]
    size = cell.options.memorisation.samples
    after_one = one_pass(cell.recipe, len(training), cell.trained.steps)

    def measure_seed(index: int) -> None:
        seed = cell.seeds[index]

        def add(step: int, variant: str, samples: np.ndarray, others: np.ndarray) -> None:
            share, count = memorisation_share(samples, training, others, cell.device)
            cell.rows.add(seed, step, "memorisation_share", share, count, metric_variant=variant)

        for step in sorted({after_one, last}):
            add(step, "samples", cell.sample(step, index, "memorisation", size), held_out)
        stream = generator(seed, "memorisation")
        order = stream.permutation(len(held_out))
        probes, others = held_out[order[: len(order) // 2]], held_out[order[len(order) // 2 :]]
        add(last, "held-out", probes[:size], others)
        add(last, "memoriser", memorised(training, size, stream), held_out)

    side_by_side(measure_seed, range(len(cell.seeds)), cell.threads)
    return {}


def held_out_images(cell: ImageCell) -> np.ndarray:
    """uint8 [m, C, H, W]: training images that the split leaves out, or else the test images."""
    left_out = np.setdiff1d(np.arange(len(cell.data.train_images)), cell.chosen)
    return cell.data.train_images[left_out] if len(left_out) >= FEWEST else cell.data.test_images


def one_pass(recipe: Recipe, n_train: int, steps: tuple[int, ...]) -> int:
    """The scored step after the first that is nearest to one pass over the training images."""
    minibatches = recipe.inner_steps + (recipe.generator_minibatch == "next") if recipe.schedule == "alternate" else 1
    shared = recipe.inner_steps if recipe.schedule == "balanced" else 1  # updates on one minibatch
    updates = n_train / recipe.batch / minibatches * shared
    return min(steps[1:] or steps, key=lambda step: abs(step - updates))
