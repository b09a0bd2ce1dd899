"""Protocol `components`: whether each component of a prior owns a part of the distribution, and how varied it is."""

from __future__ import annotations

import numpy as np

from replication.config.protocols import Components
from replication.config.recipes import Noise, Recipe
from replication.foundation.seeding import generator as stream_of
from replication.metrics.components import component_information, duplicates_within, variance_share
from replication.metrics.neighbours import duplicate_threshold
from replication.scoring.classifier import judged
from replication.scoring.image_cell import ImageCell, pictures
from replication.scoring.rows import Rows
from replication.training.sampling import draw_samples

SHEET = "components"
TRAINING = "training-noise"  # variant of a metric
SHOWN = 10  # components on the sheet, and samples of each
SHARES = ("measured", "above-chance")  # variants that are given as shares of the classes' entropy too


def measure(cell: ImageCell) -> dict[str, np.ndarray]:
    """Rows of every seed, trained and untrained; a sheet with a line of samples for each of some components.

    Samples are drawn with the noise of training; their class is the judge's. Diversity within components is measured
    under the noise of display too, where that is another.
    """
    judge = cell.judge
    assert judge is not None  # `requirements` holds what the protocol needs
    options, steps = cell.options.components, [cell.trained.steps[-1], *{0}.intersection(cell.trained.steps)]
    threshold = duplicate_threshold(cell.data.train_images, min(options.samples, len(cell.data.train_images)))

    def score_seed(step: int, index: int) -> tuple[np.ndarray, np.ndarray]:
        generator = cell.networks(step, index).generator
        place = cell.seeds[index], "components", options.samples, cell.classes
        drawn = {
            variant: draw_samples(generator, cell.recipe, noise, *place)
            for variant, noise in noises_of(cell.recipe).items()
        }
        drawn = {variant: (pictures(images, cell.recipe), of) for variant, (images, of) in drawn.items()}
        for variant, samples in drawn.items():
            add_diversity(cell.rows, cell.seeds[index], step, variant, *samples, threshold)
        images, components = drawn[TRAINING]
        classes = judged(judge, images).classes
        add_information(cell.rows, cell.seeds[index], step, components, classes, options, cell.judge_name)
        return images, components

    images, components = cell.each(score_seed, steps, "components")[0]  # of the first seed, trained
    return {SHEET: sheet_of(images, components, cell.recipe.prior.components)}


def add_information(
    rows: Rows, seed: int, step: int, components: np.ndarray, classes: np.ndarray, options: Components, judge: str = ""
) -> None:
    """Rows of one seed at one step, from components and classes int [n] of its samples."""
    stream = stream_of(seed, "permuted classes", step)
    result = component_information(components, classes, options.permutations, stream)
    values = {
        "measured": result.information,
        "chance": result.chance,
        "chance-95": result.chance_beyond,
        "above-chance": result.above_chance,
    }
    for variant, nats in values.items():
        where = {"metric_variant": variant, "judge": judge}
        rows.add(seed, step, "component_information", nats, len(classes), **where)
        if variant in SHARES:
            rows.add(seed, step, "component_class_share", result.of_entropy(nats), len(classes), **where)
    rows.add(seed, step, "component_p_value", result.p_value, len(classes), judge=judge)


def add_diversity(
    rows: Rows, seed: int, step: int, variant: str, images: np.ndarray, components: np.ndarray, threshold: float
) -> None:
    """Rows of one seed: how varied uint8 images [n, C, H, W] of one component are, and how many of them repeat."""
    share = variance_share(images, components)
    rows.add(seed, step, "component_variance_share", share, len(images), metric_variant=variant)
    repeated = duplicates_within(images, components, threshold)
    rows.add(seed, step, "component_duplicate_rate", repeated, len(images), metric_variant=variant)


def noises_of(recipe: Recipe) -> dict[str, Noise]:
    """The noise of training, and that of display where it is another, by the variant of a metric."""
    display = recipe.display_noise if recipe.display_noise != recipe.noise else None
    return {TRAINING: recipe.noise, **({"display-noise": display} if display else {})}


def sheet_of(images: np.ndarray, components: np.ndarray, of: int) -> np.ndarray:
    """uint8 [rows, columns, C, H, W]: samples of some of the `of` components, evenly chosen, a row each; else black."""
    chosen = np.unique(np.linspace(0, of - 1, min(of, SHOWN)).round().astype(int))
    sheet = np.zeros((len(chosen), SHOWN, *images.shape[1:]), np.uint8)
    for line, component in zip(sheet, chosen, strict=True):
        of_component = images[components == component][:SHOWN]
        line[: len(of_component)] = of_component
    return sheet
