"""Options of the background experiments, as `background` in `params.yaml` has them."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field
from pydantic.dataclasses import dataclass

from replication.config.strict import CLOSED, Cost, Count, Part, Rate, Samples, Scale, Size

Bundled = Literal["iris", "wine", "breast_cancer", "diabetes", "digits"]  # classification sets inside scikit-learn


@dataclass(frozen=True, config=CLOSED)
class Pair:
    """A naive Bayes and a logistic regression that are set side by side."""

    variance: Literal["shared", "per-class"]  # of a feature in Gaussian naive Bayes
    cost: Cost  # C of logistic regression: the inverse weight of its L2 penalty


@dataclass(frozen=True, config=CLOSED)
class GenerativeDiscriminative:
    """Naive Bayes against logistic regression over growing numbers of labels (Ng & Jordan 2001)."""

    datasets: Annotated[tuple[Bundled, ...], Field(min_length=1)]
    splits: Count  # random splits of each data set
    test_share: Part  # of each class
    per_class: Samples  # labels a class in the smallest training set
    sizes: Annotated[int, Field(ge=1, le=1000)]  # from there to all labels, evenly spaced in their logarithm
    pseudo_examples: Scale  # of a feature's overall variance, added to a shared one, which may be 0
    max_iterations: Count  # of logistic regression, which must converge before
    pairs: Annotated[dict[str, Pair], Field(min_length=1)]


@dataclass(frozen=True, config=CLOSED)
class Autoencoder:
    """Image → hidden → code → hidden → image, dense: ReLU in the hidden layers, code and image linear."""

    hidden: Size
    updates: Count
    batch: Size
    learning_rate: Rate  # of Adam; falls linearly to zero


@dataclass(frozen=True, config=CLOSED)
class LatentDimension:
    """PCA against an autoencoder over the number of latent dimensions."""

    widths: Annotated[tuple[Size, ...], Field(min_length=1)]
    samples: Samples  # drawn from the density of the codes and decoded
    autoencoder: Autoencoder


@dataclass(frozen=True, config=CLOSED)
class Outliers:
    """A class left out of training is told from the others by PCA and by an autoencoder."""

    width: Size  # latent dimensions of both
    autoencoder: Autoencoder


@dataclass(frozen=True, config=CLOSED)
class Background:
    generative_discriminative: GenerativeDiscriminative
    latent_dimension: LatentDimension
    outliers: Outliers
