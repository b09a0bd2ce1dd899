"""Options of the experiments, which train no GAN."""

from __future__ import annotations

from dataclasses import field
from typing import Annotated, Literal

from pydantic import Field
from pydantic.dataclasses import dataclass

from replication.config.strict import (
    CLOSED,
    DIFFERENT,
    Cost,
    Count,
    Kept,
    Part,
    Rate,
    Samples,
    Scale,
    ScaleOrZero,
    Size,
)

Bundled = Literal["iris", "wine", "breast_cancer", "diabetes", "digits"]  # classification sets inside scikit-learn


@dataclass(frozen=True, config=CLOSED)
class Pair:
    """A naive Bayes and a logistic regression that are set side by side."""

    variance: Literal["shared", "per-class"]  # of a feature in Gaussian naive Bayes
    cost: Cost  # C of logistic regression: the inverse weight of its L2 penalty


@dataclass(frozen=True, config=CLOSED)
class GenerativeDiscriminative:
    """Naive Bayes against logistic regression over growing numbers of labels (Ng & Jordan 2001)."""

    datasets: Annotated[tuple[Bundled, ...], Field(min_length=1), DIFFERENT]
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

    widths: Annotated[tuple[Size, ...], Field(min_length=1), DIFFERENT]
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


@dataclass(frozen=True, config=CLOSED)
class Theory:
    """GAN 2014's theory on known densities: one discriminator between the data's mixture and a known q."""

    hidden: tuple[Size, ...]
    updates: Count
    batch: Size
    learning_rate: Rate  # falls linearly to zero
    q_standard_deviation: Scale  # of the fixed q, a Gaussian around the origin
    fresh: Samples  # draws of each side that a number is taken on
    generator: str  # the recipe of `gan` whose untrained generator's gradient is measured


@dataclass(frozen=True, config=CLOSED)
class FeatureControls:
    """K-means features (Coates, Ng & Lee 2011) of the experiment `feature-controls`."""

    units: Annotated[tuple[Samples, ...], DIFFERENT] = (1600, 4800)  # of K-means
    patch: Size = 6
    patches: Samples = 400_000
    iterations: Count = 50
    # C of the L2-SVM on K-means features. The released code's 100 multiplies a mean over images where C multiplies a
    # sum: it is 2e-3 for 50 000 images, and 2.5e-2 for 4000.
    costs: Annotated[tuple[Cost, ...], Field(min_length=1)] = (2e-4, 5e-4, 1e-3, 2e-3, 5e-3, 1e-2, 2e-2, 5e-2)
    storage: Literal["float16", "float32"] = "float16"

    def __post_init__(self) -> None:
        if max(self.units, default=0) > self.patches:
            raise ValueError(f"units are {list(self.units)}: each is at most patches ({self.patches})")


Kind = Literal["shift", "brightness", "noise", "jpeg"]
STRENGTHS: dict[Kind, float] = {"shift": 1.0, "brightness": 8.0, "noise": 4.0, "jpeg": 75.0}


@dataclass(frozen=True, config=CLOSED)
class NearDuplicates:
    """A denoising autoencoder's binarised codes find planted near-duplicates (DCGAN §4.1.1)."""

    autoencoder: Autoencoder = Autoencoder(hidden=128, updates=8000, batch=128, learning_rate=1e-3)
    noise: ScaleOrZero = 0.2  # standard deviation on the input, pixels in [-1, 1]; 0: none
    keep: Kept = 0.8  # of the code's units, by dropout
    pairs: Samples = 1000  # near-duplicates planted of each kind
    # By kind: shift in pixels, brightness and noise in levels, jpeg as its quality.
    strengths: Annotated[dict[Kind, Scale], Field(min_length=1)] = field(default_factory=STRENGTHS.copy)

    def __post_init__(self) -> None:
        quality = self.strengths.get("jpeg", 1.0)
        if not 1 <= quality <= 95:
            raise ValueError(f"strengths: jpeg is {quality}; accepted: a quality from 1 to 95")


@dataclass(frozen=True, config=CLOSED)
class Released:
    """Where the weights of the experiment `released-probe` lie, and with how many labels its probe is varied."""

    directory: str  # of the released arrays, *.npy
    per_class: Samples  # labels of each class, where one part of the probe is another
    selection_draws: Count  # of so many labels that choose C
    draws: Count  # of so many labels that are tested
    further_costs: tuple[Cost, ...]  # beside the grid, with so many labels; scikit-learn's default C is 1
