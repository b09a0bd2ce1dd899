"""An L2-SVM on discriminator features: how useful unsupervised features are for classification (DCGAN §5)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import adaptive_max_pool2d
from torch.nn.modules.batchnorm import _BatchNorm

from replication.config.params import Probe
from replication.foundation.errors import InputError
from replication.foundation.runtime import side_by_side
from replication.foundation.seeding import generator
from replication.metrics.svm.fit import Machines, accuracies, fit
from replication.models.layers.convolutional import ConvolutionalDiscriminator
from replication.models.layers.samples import as_samples

GRID = 4
Pool = Callable[[Sequence[Tensor]], Tensor]  # maps [B, C, H, W] of every convolution → features [B, F]
BATCH = 250  # images whose features are made at once
STATISTICS_BATCH = 128  # images of one batch of statistics (DCGAN's released code)
HALF_FROM = 1 << 31  # values: 60 000 images of DCGAN's 28 672 features are below it, 7 GB in float32


@dataclass(frozen=True)
class LimitedResult:
    """Test accuracy of every draw of a few labels per class, and the C that validation chose for that many."""

    accuracies: tuple[float, ...]
    cost: float


@dataclass(frozen=True)
class ProbeResult:
    """Test accuracy with all labels and its C (None where it was left out); the rest by labels per class."""

    all_labels: float | None
    cost: float | None
    limited: dict[int, LimitedResult]


def max_pooled(maps: Sequence[Tensor]) -> Tensor:
    """Maps [B, C, H, W] of every convolution → their maxima on a grid of 4×4: [B, 16·ΣC]."""
    return torch.cat([adaptive_max_pool2d(each, GRID).flatten(1) for each in maps], dim=1)


def discriminator_features(
    discriminator: ConvolutionalDiscriminator,
    images: Tensor,
    calibration: Tensor | None,
    threads: int = 1,
    pool: Pool = max_pooled,
    batch: int = BATCH,
) -> Tensor:
    """LeakyReLU output of every convolution, max-pooled to 4×4, flattened and concatenated: [n, 16·ΣC] on the CPU.

    Batch normalisation is frozen to the mean of per-batch statistics over the `calibration` images, or stays as it is
    (None). Both inputs are uint8 [n, C, H, W]. Features are not standardised (DCGAN's released code). They are float32,
    or float16 where they are more than HALF_FROM values. Another `pool` makes other features of the maps.
    """
    if calibration is not None:
        freeze_batch_statistics(discriminator, calibration)
    first = _pooled(discriminator, images[:1], pool)
    dtype = torch.float16 if len(images) * first.shape[1] > HALF_FROM else torch.float32
    features = torch.empty(len(images), first.shape[1], dtype=dtype)

    def fill(start: int) -> None:
        features[start : start + batch] = _pooled(discriminator, images[start : start + batch], pool)

    side_by_side(fill, range(0, len(images), batch), threads)
    return features


def freeze_batch_statistics(discriminator: ConvolutionalDiscriminator, images: Tensor) -> None:
    """Set running statistics to the mean over batches of `images`, and the network to use them."""
    whole = images[: max(len(images) // STATISTICS_BATCH, 1) * STATISTICS_BATCH]

    def show() -> None:
        for batch in whole.split(STATISTICS_BATCH):
            discriminator.features(_seen(discriminator, batch))

    freeze_to_mean(discriminator, show)


@torch.no_grad()
def freeze_to_mean(network: nn.Module, show: Callable[[], object]) -> None:
    """Set running statistics, kept or not so far, to their mean over the batches that `show` passes, and use them."""
    for norm in (module for module in network.modules() if isinstance(module, _BatchNorm)):
        norm.running_mean = torch.zeros(norm.num_features, device=next(network.parameters()).device)
        norm.running_var = torch.ones_like(norm.running_mean)
        norm.num_batches_tracked = torch.zeros((), dtype=torch.int64, device=norm.running_mean.device)
        norm.track_running_stats, norm.momentum = True, None  # a cumulative mean in place of a moving one
    network.train()
    show()
    network.eval()


def linear_probe(
    train: tuple[Tensor, Tensor],
    test: tuple[Tensor, Tensor],
    probe: Probe,
    limited_labels: Sequence[int],
    seed: int,
    device: str = "cpu",
    all_labels: bool = True,
    threads: int = 1,
) -> ProbeResult:
    """Fit the L2-SVM on all labels and on draws of a few per class, each at a C chosen on held-out images.

    `train` and `test` are (features float16 or float32 [n, F], labels int64 [n]); the work is done on `device`. A
    `validation_share` of the training images is held out to choose C. With all labels, C has the best accuracy on them
    after a fit on the others, and the machine that is tested is fitted to all. With few labels per class, C has the
    best mean accuracy on them over `selection_draws` draws of the others (the smaller C of two as good), and
    `limited_draws` further draws are tested at it (DCGAN's released SVHN script; deviation dcgan-9).

    Raises:
        InputError: what an L2-SVM cannot be fitted to, a share that leaves nothing, or too few images of a class.
    """
    examples = _split(train[0].to(device), train[1].to(device), probe.validation_share, seed)
    test = test[0].to(device), test[1].to(device)
    cost, whole, limited = None, None, {}
    if all_labels:
        cost = _chosen(examples, examples.pool[None], probe.costs, threads)
        whole = accuracies(examples.fit([cost], None, threads), *test, threads).item()
    for size in limited_labels:
        best = _chosen(examples, _draws(examples, size, range(probe.selection_draws), seed), probe.costs, threads)
        machines = examples.fit([best], _draws(examples, size, _tested(probe), seed), threads)
        limited[size] = LimitedResult(tuple(accuracies(machines, *test, threads)[:, 0].tolist()), best)
    return ProbeResult(whole, cost, limited)


def accuracies_by_cost(
    train: tuple[Tensor, Tensor],
    test: tuple[Tensor, Tensor],
    probe: Probe,
    per_class: int | None,
    seed: int,
    device: str = "cpu",
    threads: int = 1,
) -> Tensor:
    """Test accuracy at every C, float64 [D, C], on the draws of `linear_probe`, or of all labels (`per_class` None)."""
    examples = _split(train[0].to(device), train[1].to(device), probe.validation_share, seed)
    rows = None if per_class is None else _draws(examples, per_class, _tested(probe), seed)
    return accuracies(examples.fit(probe.costs, rows, threads), test[0].to(device), test[1].to(device), threads)


def _tested(probe: Probe) -> range:
    """The numbers of the draws that are tested: those after the ones that chose C."""
    return range(probe.selection_draws, probe.selection_draws + probe.limited_draws)


@dataclass(frozen=True)
class _Examples:
    """Training examples, and which of them are fitted (`pool`) or held out for the choice of C."""

    features: Tensor
    labels: Tensor
    pool: Tensor
    held: Tensor

    def fit(self, costs: Sequence[float], rows: Tensor | None, threads: int) -> Machines:
        """The L2-SVM at every C, on each draw of `rows` int64 [D, n], or once on all examples."""
        return fit(self.features, self.labels, costs, rows, threads)


def _split(features: Tensor, labels: Tensor, share: float, seed: int) -> _Examples:
    count = round(share * len(labels))
    if not 0 < count < len(labels):
        raise InputError(
            f"A validation share of {share} holds out {count} of {len(labels)} images; it must hold out at least one "
            "and leave one."
        )
    order = torch.from_numpy(generator(seed, "validation split").permutation(len(labels)))
    return _Examples(features, labels, order[count:].sort().values, order[:count].sort().values)


def _draws(examples: _Examples, size: int, numbers: range, seed: int) -> Tensor:
    """Rows int64 [D, n] of the draws of these numbers."""
    labels = examples.labels.cpu()[examples.pool].numpy()
    streams = [generator(seed, "label draw", size, number) for number in numbers]
    return torch.stack([examples.pool[balanced_rows(labels, size, stream)] for stream in streams])


def _chosen(examples: _Examples, rows: Tensor, costs: Sequence[float], threads: int) -> float:
    """The C of the best mean accuracy on held-out examples over draws `rows` [D, n]; of two as good the first."""
    held = examples.held.to(examples.labels.device)
    machines = examples.fit(costs, rows, threads)
    means = accuracies(machines, examples.features[held], examples.labels[held], threads).mean(0)
    return costs[int(means.argmax())]


def balanced_rows(labels: np.ndarray, per_class: int, stream: np.random.Generator) -> np.ndarray:
    """Sorted rows of `per_class` random examples of each class; InputError: a class has fewer."""
    kinds, counts = np.unique(labels, return_counts=True)
    if per_class < 1 or counts.min() < per_class:
        raise InputError(
            f"A draw of {per_class} labels per class was asked for, and class {kinds[counts.argmin()]} has "
            f"{counts.min()} images that are not held out: ask for 1 to {counts.min()} (limited_labels in params.yaml)."
        )
    drawn = [stream.choice(np.flatnonzero(labels == k), per_class, replace=False) for k in kinds]
    return np.sort(np.concatenate(drawn))


def _seen(discriminator: ConvolutionalDiscriminator, images: Tensor) -> Tensor:
    return as_samples(images.to(next(discriminator.parameters()).device))


@torch.no_grad()
def _pooled(discriminator: ConvolutionalDiscriminator, images: Tensor, pool: Pool) -> Tensor:
    return pool(discriminator.features(_seen(discriminator, images)))
