"""Whether samples are nearer to training images than to held-out ones: after one pass over the data, and at the end
(DCGAN §4.1)."""

from __future__ import annotations

import numpy as np

from replication.config.recipes import Recipe
from replication.data.reading import PreparedImages
from replication.foundation.seeding import generator
from replication.metrics.neighbours import memorisation_share, memorised
from replication.scoring.image_cell import ImageCell
from replication.scoring.rows import Rows

FEWEST = 100  # images that a split leaves out for them to serve as held-out ones


def measure(cell: ImageCell) -> dict[str, np.ndarray]:
    """Add the share of samples at both steps, and two controls at the last: held-out images and a memoriser's copies.

    Held-out images are the training images that the split leaves out, which are of the same population where it draws
    at random, and the test images where it leaves out fewer than FEWEST. Half of them, other ones for each seed, stand
    in for samples in the control; the other half is held out there.
    """
    held_out, training, last = held_out_images(cell.data, cell.chosen), cell.seen, cell.trained.steps[-1]
    size = cell.options.memorisation.samples
    after_one = one_pass(cell.recipe, len(training), cell.trained.steps)

    def measure_seed(_: int, index: int) -> None:
        seed = cell.seeds[index]
        if after_one != last:
            samples = cell.sample(after_one, index, "memorisation", size)
            measured = memorisation_share(samples, training, held_out, cell.device)
            cell.rows.add(seed, after_one, "memorisation_share", *measured, metric_variant="samples")
        samples = cell.sample(last, index, "memorisation", size)
        add_shares(cell.rows, seed, last, samples, training, held_out, size, cell.device)

    cell.each(measure_seed, [last], "memorisation")
    return {}


def add_shares(
    rows: Rows,
    seed: int,
    step: int,
    samples: np.ndarray,
    training: np.ndarray,
    held_out: np.ndarray,
    size: int,
    device: str = "cpu",
) -> None:
    """The share of samples nearer to training than to held-out images, and both controls, of `size` images at most."""
    stream = generator(seed, "memorisation")
    order = stream.permutation(len(held_out))
    probes, others = held_out[order[: len(order) // 2]], held_out[order[len(order) // 2 :]]
    for variant, images, against in (
        ("samples", samples, held_out),
        ("held-out", probes[:size], others),
        ("memoriser", memorised(training, size, stream), held_out),
    ):
        measured = memorisation_share(images, training, against, device)
        rows.add(seed, step, "memorisation_share", *measured, metric_variant=variant)


def held_out_images(data: PreparedImages, chosen: np.ndarray) -> np.ndarray:
    """uint8 [m, C, H, W]: training images that the split `chosen` leaves out, or else the test images."""
    left_out = np.setdiff1d(np.arange(len(data.train_images)), chosen)
    return data.train_images[left_out] if len(left_out) >= FEWEST else data.test_images


def one_pass(recipe: Recipe, n_train: int, steps: tuple[int, ...]) -> int:
    """The scored step after the first that is nearest to one pass over the training images."""
    minibatches = recipe.inner_steps + (recipe.generator_minibatch == "next") if recipe.schedule == "alternate" else 1
    shared = recipe.inner_steps if recipe.schedule == "balanced" else 1  # updates on one minibatch
    updates = n_train / recipe.batch / minibatches * shared
    return min(steps[1:] or steps, key=lambda step: abs(step - updates))
