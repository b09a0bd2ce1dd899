"""PCA against an autoencoder: what each reconstructs and draws over the latent dimensions, which images it finds odd.

PCA draws nothing at random: its numbers stand beside every seed, so that the two can be compared within a seed.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from sklearn.metrics import roc_auc_score

from replication.config.background import Autoencoder, LatentDimension, Outliers
from replication.data.reading import PreparedImages
from replication.experiments.autoencoder import Weights, decode, encode, reconstruct, train_autoencoders
from replication.foundation.runtime import side_by_side
from replication.foundation.seeding import generator
from replication.metrics.reconstruction import (
    PrincipalComponents,
    draw_codes,
    image_distance,
    log_density,
    principal_components,
    squared_errors,
)
from replication.scoring.rows import Rows

Numbers = dict[tuple[str, str], np.ndarray]  # (model, metric variant) → one array for all seeds


def flat_pixels(images: np.ndarray) -> np.ndarray:
    """Images uint8 [n, C, H, W] as float64 [n, C·H·W] in [0, 1]."""
    return images.reshape(len(images), -1) / 255.0


def score_latent_dimension(
    rows: Rows, data: PreparedImages, chosen: np.ndarray, options: LatentDimension, threads: int
) -> None:
    """Add both models' numbers at every width, fitted to the `chosen` images.

    Errors on held-out images and on those fitted to, the one over the other, and the distance of samples.
    """
    train, test = flat_pixels(data.train_images[chosen]), flat_pixels(data.test_images)
    seeds, network = rows.cell.seed_numbers, options.autoencoder
    counts = {"held-out": len(test), "training": len(train)}

    def measure(width: int) -> tuple[Numbers, dict[str, np.ndarray]]:
        components, weights = principal_components(train, width), train_autoencoders(train, width, network, seeds)
        errors = reconstruction_errors(components, weights, train, test, len(seeds))
        return errors, sample_distances(components, weights, train, test, options.samples, seeds)

    measured = side_by_side(measure, options.widths, threads)
    for width, (errors, distances) in zip(options.widths, measured, strict=True):
        for place, seed in enumerate(seeds):
            for model in distances:
                where, step = {"model": model, "recipe": f"latent-{width}"}, _updates(model, network)
                held_out, training = (errors[model, images][place] for images in counts)
                for images, error in zip(counts, (held_out, training), strict=True):
                    rows.add(seed, step, "reconstruction_error", error, counts[images], metric_variant=images, **where)
                rows.add(seed, step, "reconstruction_ratio", held_out / training, len(test), **where)
                rows.add(seed, step, "sample_distance", distances[model][place], options.samples, **where)


def reconstruction_errors(
    components: PrincipalComponents, weights: Weights, train: np.ndarray, test: np.ndarray, seeds: int
) -> Numbers:
    """Mean squared errors [S] a pixel by model and images, both models fitted to `train` [n, D]."""
    errors: Numbers = {}
    for name, images in (("held-out", test), ("training", train)):
        alone = squared_errors(images, components.reconstruct(images)).mean()
        errors["pca", name] = np.full(seeds, alone)
        errors["autoencoder", name] = squared_errors(images, reconstruct(weights, images)).mean(axis=1)
    return errors


def sample_distances(
    components: PrincipalComponents,
    weights: Weights,
    train: np.ndarray,
    test: np.ndarray,
    count: int,
    seeds: Sequence[int],
) -> dict[str, np.ndarray]:
    """Energy distances [S] by model of held-out images and what the density of the codes of `train` gives, decoded."""
    streams = [generator(seed, "latent density") for seed in seeds]
    linear = [components.decode(draw_codes(components.encode(train), count, stream)) for stream in streams]
    encoded = zip(encode(weights, train), streams, strict=True)
    codes = [draw_codes(of_seed, count, stream) for of_seed, stream in encoded]
    drawn = {"pca": linear, "autoencoder": decode(weights, np.stack(codes))}
    return {model: np.array([image_distance(images, test) for images in by]) for model, by in drawn.items()}


def score_outliers(rows: Rows, data: PreparedImages, chosen: np.ndarray, options: Outliers, threads: int) -> None:
    """Add the areas under the ROC curve with each class left out in turn, and their mean over the classes."""
    train, labels, test = flat_pixels(data.train_images[chosen]), data.train_labels[chosen], data.test_images
    seeds = rows.cell.seed_numbers

    def areas(left_out: int) -> Numbers:
        odd = data.test_labels == left_out
        known = train[labels != left_out]
        scores = outlier_scores(known, flat_pixels(test), options.width, options.autoencoder, seeds)
        return {key: np.array([roc_auc_score(odd, of_seed) for of_seed in by]) for key, by in scores.items()}

    areas_by_class = side_by_side(areas, range(len(data.class_names)), threads)
    counts = [int((labels != left_out).sum()) for left_out in range(len(areas_by_class))]
    for model, score in areas_by_class[0]:
        step = _updates(model, options.autoencoder)
        where = {"model": model, "recipe": f"latent-{options.width}", "metric_variant": score}
        by_class = np.stack([by_score[model, score] for by_score in areas_by_class])  # [classes, seeds]
        for seed, column in zip(seeds, by_class.T, strict=True):
            for name, area, count in zip(data.class_names, column, counts, strict=True):
                rows.add(seed, step, "auc", area, len(test), class_=name, n_train=count, **where)
            rows.add(seed, step, "auc", column.mean(), len(test), n_train=round(np.mean(counts)), **where)


def outlier_scores(
    train: np.ndarray, test: np.ndarray, width: int, network: Autoencoder, seeds: Sequence[int]
) -> Numbers:
    """Scores [S, m] of images `test` [m, D] by model and score: the higher, the odder beside `train` [n, D]."""
    components, weights = principal_components(train, width), train_autoencoders(train, width, network, seeds)
    codes = zip(encode(weights, train), encode(weights, test), strict=True)
    error = squared_errors(test, components.reconstruct(test))
    rarity = -log_density(components.encode(train), components.encode(test))
    return {
        ("pca", "reconstruction-error"): np.tile(error, (len(seeds), 1)),
        ("pca", "latent-density"): np.tile(rarity, (len(seeds), 1)),
        ("autoencoder", "reconstruction-error"): squared_errors(test, reconstruct(weights, test)),
        ("autoencoder", "latent-density"): np.stack([-log_density(known, new) for known, new in codes]),
    }


def _updates(model: str, network: Autoencoder) -> int:
    return network.updates if model == "autoencoder" else 0
