"""Options of the background experiments, as `background` in `params.yaml` has them."""

from __future__ import annotations

from typing import Literal

from pydantic.dataclasses import dataclass

from replication.config.strict import CLOSED


@dataclass(frozen=True, config=CLOSED)
class Pair:
    """A naive Bayes and a logistic regression that are set side by side."""

    variance: Literal["shared", "per-class"]  # of a feature in Gaussian naive Bayes
    cost: float  # C of logistic regression: the inverse weight of its L2 penalty


@dataclass(frozen=True, config=CLOSED)
class GenerativeDiscriminative:
    """Naive Bayes against logistic regression over growing numbers of labels (Ng & Jordan 2001)."""

    datasets: tuple[str, ...]  # of replication.data.bundled
    splits: int  # random splits of each data set
    test_share: float  # of each class
    per_class: int  # labels a class in the smallest training set
    sizes: int  # training sizes from there to all labels, evenly spaced in their logarithm
    pseudo_examples: float  # of a feature's overall variance, added to a shared one
    max_iterations: int  # of logistic regression, which must converge before
    pairs: dict[str, Pair]


@dataclass(frozen=True, config=CLOSED)
class Autoencoder:
    """Image → hidden → code → hidden → image, dense: ReLU in the hidden layers, code and image linear."""

    hidden: int
    updates: int
    batch: int
    learning_rate: float  # of Adam; falls linearly to zero


@dataclass(frozen=True, config=CLOSED)
class LatentDimension:
    """PCA against an autoencoder over the number of latent dimensions."""

    widths: tuple[int, ...]
    samples: int  # drawn from the density of the codes and decoded
    autoencoder: Autoencoder


@dataclass(frozen=True, config=CLOSED)
class Outliers:
    """A class left out of training is told from the others by PCA and by an autoencoder."""

    width: int  # latent dimensions of both
    autoencoder: Autoencoder


@dataclass(frozen=True, config=CLOSED)
class Background:
    generative_discriminative: GenerativeDiscriminative
    latent_dimension: LatentDimension
    outliers: Outliers
