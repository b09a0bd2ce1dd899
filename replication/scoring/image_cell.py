"""A trained cell of images as the protocols that score it see it."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import torch
from torch import Tensor, nn
from tqdm import tqdm

from replication.config.protocols import ProtocolOptions
from replication.config.recipes import Noise, Recipe
from replication.data.reading import PreparedImages
from replication.foundation.runtime import side_by_side
from replication.models.layers.networks import Generator, Networks
from replication.models.layers.samples import as_images
from replication.scoring.rows import Rows
from replication.scoring.trained import TrainedCell
from replication.training.sampling import draw_samples

_Result = TypeVar("_Result")


@dataclass(frozen=True)
class ImageCell:
    """What every protocol may read of a cell, and the rows that it adds to."""

    rows: Rows
    trained: TrainedCell
    build: Callable[[], Networks]
    recipe: Recipe
    data: PreparedImages
    chosen: np.ndarray  # rows of the training images that were trained on
    judge: nn.Module | None  # None where no classifier knows the data set
    judge_name: str
    options: ProtocolOptions
    threads: int
    device: str = "cpu"
    judge_tested: tuple[float, int] = (float("nan"), 0)  # its accuracy on its own data set's test images; how many

    @property
    def seeds(self) -> tuple[int, ...]:
        return self.rows.cell.seed_numbers

    @property
    def seen(self) -> np.ndarray:
        """uint8 [n, C, H, W]: the images trained on."""
        return self.data.train_images[self.chosen]

    @property
    def classes(self) -> int:
        return len(self.data.class_names)

    def each(
        self, measure: Callable[[int, int], _Result], steps: Collection[int], what: str, at_once: int = 0
    ) -> list[_Result]:
        """`measure(step, place)` of every step with the place of every seed in the block, in order, side by side."""
        places = [(step, index) for step in steps for index in range(len(self.seeds))]
        with tqdm(total=len(places), desc=f"{self.rows.cell.key}: {what}", unit="network") as progress:

            def measured(place: tuple[int, int]) -> _Result:
                result = measure(*place)
                progress.update()
                return result

            return side_by_side(measured, places, at_once or self.threads)

    def networks(self, step: int, index: int) -> Networks:
        """The networks of the seed at `index` of the block, at one scored step, on the cell's device."""
        networks = self.trained.networks(self.build, step, index)
        return Networks(networks.generator.to(self.device), networks.discriminator.to(self.device))

    def sample(self, step: int, index: int, purpose: str, count: int, noise: Noise | None = None) -> np.ndarray:
        """uint8 [count, C, H, W] drawn as for display or from `noise`, by a stream of the seed's own for `purpose`."""
        generator = self.networks(step, index).generator
        return draw_images(generator, self.recipe, self.seeds[index], purpose, count, self.classes, noise)


def draw_images(
    generator: Generator, recipe: Recipe, seed: int, purpose: str, count: int, classes: int, noise: Noise | None = None
) -> np.ndarray:
    """uint8 [count, C, H, W] of a trained generator, as `ImageCell.sample` has them."""
    noise = noise or recipe.display_noise or recipe.noise
    return pictures(draw_samples(generator, recipe, noise, seed, purpose, count, classes)[0], recipe)


def pictures(samples: Tensor, recipe: Recipe) -> np.ndarray:
    """uint8 [n, C, H, W] of samples as a network draws them.

    What is not finite becomes a number: the rows of a run that diverged read NaN whatever is computed.
    """
    return as_images(torch.nan_to_num(samples), recipe.pixels).cpu().numpy()
