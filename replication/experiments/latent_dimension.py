"""PCA against an autoencoder: what each reconstructs and draws over the latent dimensions, which images it finds odd.

PCA draws nothing at random: its numbers stand beside every seed, so that the two can be compared within a seed. The
autoencoders are small and dense; those of several seeds are stacked and trained together, each with its own numbers.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from sklearn.metrics import roc_auc_score
from torch import Tensor

from replication.config.experiments import Autoencoder, LatentDimension, Outliers
from replication.data.reading import PreparedImages
from replication.foundation.runtime import side_by_side
from replication.foundation.seeding import generator
from replication.metrics import reconstruction
from replication.scoring.rows import Rows
from replication.training.optimisers import fused_adam_update

Numbers = dict[tuple[str, str], np.ndarray]  # (model, metric variant) → one array for all seeds
# A matrix [S, in, out] and a bias [S, 1, out] for each of four layers: image → hidden → code → hidden → image.
Weights = list[Tensor]


def flat_pixels(images: np.ndarray) -> np.ndarray:
    """Images uint8 [n, C, H, W] as float64 [n, C·H·W] in [0, 1]."""
    return images.reshape(len(images), -1) / 255.0


def score_latent_dimension(
    rows: Rows, data: PreparedImages, chosen: np.ndarray, options: LatentDimension, threads: int
) -> None:
    """Both models' errors, their ratio and samples' distance at every width, fitted to the `chosen` images."""
    train, test = flat_pixels(data.train_images[chosen]), flat_pixels(data.test_images)
    seeds, network = rows.cell.seed_numbers, options.autoencoder
    counts = {"held-out": len(test), "training": len(train)}

    def measure(width: int) -> tuple[Numbers, dict[str, np.ndarray]]:
        components = reconstruction.principal_components(train, width)
        weights = train_autoencoders(train, width, network, seeds)
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
    components: reconstruction.PrincipalComponents, weights: Weights, train: np.ndarray, test: np.ndarray, seeds: int
) -> Numbers:
    """Mean squared errors [S] a pixel by model and images, both models fitted to `train` [n, D]."""
    errors: Numbers = {}
    for name, images in (("held-out", test), ("training", train)):
        alone = reconstruction.squared_errors(images, components.reconstruct(images)).mean()
        errors["pca", name] = np.full(seeds, alone)
        errors["autoencoder", name] = reconstruction.squared_errors(images, reconstruct(weights, images)).mean(axis=1)
    return errors


def sample_distances(
    components: reconstruction.PrincipalComponents,
    weights: Weights,
    train: np.ndarray,
    test: np.ndarray,
    count: int,
    seeds: Sequence[int],
) -> dict[str, np.ndarray]:
    """Energy distances [S] by model of held-out images and what the density of the codes of `train` gives, decoded."""
    streams = [generator(seed, "latent density") for seed in seeds]
    draw, distance = reconstruction.draw_codes, reconstruction.image_distance
    linear = [components.decode(draw(components.encode(train), count, stream)) for stream in streams]
    encoded = zip(encode(weights, train), streams, strict=True)
    codes = [draw(of_seed, count, stream) for of_seed, stream in encoded]
    drawn = {"pca": linear, "autoencoder": decode(weights, np.stack(codes))}
    return {model: np.array([distance(images, test) for images in by_seed]) for model, by_seed in drawn.items()}


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
    components = reconstruction.principal_components(train, width)
    weights = train_autoencoders(train, width, network, seeds)
    codes = zip(encode(weights, train), encode(weights, test), strict=True)
    error = reconstruction.squared_errors(test, components.reconstruct(test))
    rarity = -reconstruction.log_density(components.encode(train), components.encode(test))
    return {
        ("pca", "reconstruction-error"): np.tile(error, (len(seeds), 1)),
        ("pca", "latent-density"): np.tile(rarity, (len(seeds), 1)),
        ("autoencoder", "reconstruction-error"): reconstruction.squared_errors(test, reconstruct(weights, test)),
        ("autoencoder", "latent-density"): np.stack([-reconstruction.log_density(known, new) for known, new in codes]),
    }


def _updates(model: str, network: Autoencoder) -> int:
    return network.updates if model == "autoencoder" else 0


def initial_weights(dimensions: int, width: int, hidden: int, seeds: Sequence[int]) -> Weights:
    """Drawn for each seed from U(−1/√in, 1/√in), matrices and biases, as PyTorch's dense layers are."""
    places = [(dimensions, hidden), (hidden, width), (width, hidden), (hidden, dimensions)]
    runs = []
    for seed in seeds:
        # Not from PyTorch's stream, which is one for all threads: several widths are trained at once.
        stream = generator(seed, "autoencoder")
        shapes = [(inputs, shape) for inputs, outputs in places for shape in ((inputs, outputs), (1, outputs))]
        runs.append([stream.uniform(-(inputs**-0.5), inputs**-0.5, shape) for inputs, shape in shapes])
    return [torch.from_numpy(np.stack(drawn).astype(np.float32)) for drawn in zip(*runs, strict=True)]


def train_autoencoders(images: np.ndarray, width: int, options: Autoencoder, seeds: Sequence[int]) -> Weights:
    """Least squares on images [n, D] by Adam, whose rate falls linearly to zero; minibatches by epochs."""
    data = torch.from_numpy(np.ascontiguousarray(images, dtype=np.float32))
    weights = initial_weights(data.shape[1], width, options.hidden, seeds)
    # Adam goes seed by seed: where its vectors end decides how it rounds, and that is not to depend on the block.
    parameters = _by_seed(weights)
    first, second = ([torch.zeros_like(tensor) for tensor in parameters] for _ in range(2))
    size = min(options.batch, len(data))
    order, used = _orders(seeds, 0, len(data)), 0
    for update in range(options.updates):
        if used + size > len(data):
            order, used = _orders(seeds, update, len(data)), 0
        samples = data[order[:, used : used + size]]  # [S, B, D]
        used += size
        rate = torch.tensor(options.learning_rate * (1.0 - update / options.updates))
        gradients = _by_seed(error_gradients(weights, samples))
        fused_adam_update(parameters, gradients, first, second, torch.tensor(update + 1), rate)
    return weights


@torch.no_grad()
def error_gradients(weights: Weights, samples: Tensor) -> list[Tensor]:
    """Gradients of each seed's mean squared error a pixel on samples [S, B, D], by the chain rule.

    Written out, they take half the time that automatic differentiation takes for networks this small.
    """
    inner = torch.relu(torch.baddbmm(weights[1], samples, weights[0]))
    codes = torch.baddbmm(weights[3], inner, weights[2])
    outer = torch.relu(torch.baddbmm(weights[5], codes, weights[4]))
    back = torch.baddbmm(weights[7], outer, weights[6]).sub_(samples).mul_(2.0 / samples[0].numel())
    gradients: list[Tensor] = []
    for place, entering in ((6, outer), (4, codes), (2, inner), (0, samples)):
        gradients = [torch.bmm(entering.mT, back), back.sum(1, keepdim=True), *gradients]
        if place:
            back = torch.bmm(back, weights[place].mT)
            if place != 4:  # behind the codes there is no ReLU
                back = torch.ops.aten.threshold_backward(back, entering, 0)
    return gradients


@torch.no_grad()
def encode(weights: Weights, images: np.ndarray) -> np.ndarray:
    """Codes float64 [S, n, width] of images [n, D] under each seed's weights."""
    return _encoded(weights, _repeated(weights, images)).double().numpy()


@torch.no_grad()
def reconstruct(weights: Weights, images: np.ndarray) -> np.ndarray:
    """Images [n, D] as each seed's autoencoder gives them back: float64 [S, n, D]."""
    return _decoded(weights, _encoded(weights, _repeated(weights, images))).double().numpy()


@torch.no_grad()
def decode(weights: Weights, codes: np.ndarray) -> np.ndarray:
    """Images float64 [S, n, D] of codes [S, n, width]."""
    return _decoded(weights, torch.from_numpy(codes.astype(np.float32))).double().numpy()


def _encoded(weights: Weights, samples: Tensor) -> Tensor:
    matrix, bias, code_matrix, code_bias = weights[:4]
    hidden = torch.relu(torch.baddbmm(bias, samples, matrix))
    return torch.baddbmm(code_bias, hidden, code_matrix)


def _decoded(weights: Weights, codes: Tensor) -> Tensor:
    matrix, bias, image_matrix, image_bias = weights[4:]
    hidden = torch.relu(torch.baddbmm(bias, codes, matrix))
    return torch.baddbmm(image_bias, hidden, image_matrix)


def _repeated(weights: Weights, images: np.ndarray) -> Tensor:
    samples = torch.from_numpy(np.ascontiguousarray(images, dtype=np.float32))
    return samples.expand(len(weights[0]), *samples.shape)


def _by_seed(tensors: Sequence[Tensor]) -> list[Tensor]:
    """The part of every seed as a view of its own."""
    return [part for tensor in tensors for part in tensor.unbind()]


def _orders(seeds: Sequence[int], update: int, count: int) -> Tensor:
    """Orders of the images, [S, n], for the epoch that begins at `update`."""
    drawn = [generator(seed, "autoencoder order", update).permutation(count) for seed in seeds]
    return torch.from_numpy(np.stack(drawn))
