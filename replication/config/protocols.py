"""How large each evaluation protocol is in a profile; which cells it is run on stands with the cell."""

from __future__ import annotations

from dataclasses import field
from typing import Annotated

from pydantic import Field
from pydantic.dataclasses import dataclass

from replication.config.strict import (
    CLOSED,
    DIFFERENT,
    Cost,
    Count,
    Name,
    Part,
    Rate,
    Samples,
    ScaleOrZero,
    Seed,
    Share,
    Size,
    SizeOrZero,
)

Ten = Annotated[int, Field(ge=10, le=10**7)]  # samples, of which a score needs some
MOST_STEPS = 1000  # of a walk or a turn at most: every step is an image of each


@dataclass(frozen=True, config=CLOSED)
class Probe:
    """The L2-SVM on discriminator features (DCGAN §5.1; C grid and draws from the released code)."""

    costs: Annotated[tuple[Cost, ...], Field(min_length=1)]
    validation_share: Part
    selection_draws: Count
    limited_labels: Annotated[tuple[Samples, ...], DIFFERENT]  # labels per class of each limited column
    limited_draws: Count
    # Of the run, at which features are probed; 0: before the first update.
    shares: Annotated[tuple[Share, ...], DIFFERENT] = (0.0, 1.0)
    # Of data sets whose papers have others.
    limited_labels_of: dict[str, Annotated[tuple[Samples, ...], DIFFERENT]] = field(default_factory=dict)


@dataclass(frozen=True, config=CLOSED)
class Judge:
    """The classifier that stands in for Inception, trained on a data set's full training split."""

    name: Name
    channels: Annotated[tuple[Size, ...], Field(min_length=1)]
    epochs: Annotated[int, Field(ge=1, le=10_000)]  # a classifier of small images has learnt all it can long before
    batch: Annotated[int, Field(ge=2, le=2**16)]  # batch normalisation needs two
    learning_rate: Rate
    seed: Seed  # 0: a seed as any other
    convolutions: Annotated[int, Field(ge=1, le=100)] = 1  # of each width
    shift: SizeOrZero = 0  # pixels by which a training image is moved at most, each time it is seen; 0: none
    flip: bool = False  # whether it is mirrored half of the time


@dataclass(frozen=True, config=CLOSED)
class NearestGenerated:
    """1-NN trained on generated samples (DCGAN, Table 3)."""

    # Numbers of samples, scored in one pass over the largest.
    counts: Annotated[tuple[Count, ...], Field(min_length=1)] = (50_000, 100_000, 1_000_000, 10_000_000)

    def __post_init__(self) -> None:
        if list(self.counts) != sorted(set(self.counts)):
            raise ValueError(f"counts are {list(self.counts)}; accepted: each larger than the one before")


@dataclass(frozen=True, config=CLOSED)
class RealNeighbours:
    """Training images themselves in place of samples: what 1-NN and a Parzen window make of them."""

    window: Samples = 10_000  # images that the Parzen window stands on, at most
    # Labels, where 1-NN has a few alone.
    per_class: Annotated[tuple[Samples, ...], DIFFERENT] = (2, 5, 10, 20, 100, 200, 400, 800)


@dataclass(frozen=True, config=CLOSED)
class Inception:
    """Scores under the original Inception network (Improved GAN §4, DeLiGAN §5)."""

    weights: str = ""  # a local file; where it is empty the published address is used, and its hash is checked
    splits: Count = 10
    n_samples: Ten = 50_000
    modified_samples: Ten = 5000  # of these, the first, for the modified score
    manifold_samples: Ten = 10_000  # of either side at most, for precision, recall and the kernel distance
    kernel_subsets: Count = 100  # of 1000 samples each, over which the kernel distance is averaged

    def __post_init__(self) -> None:
        fewest = min(self.n_samples, self.modified_samples, self.manifold_samples)
        if fewest < self.splits:
            raise ValueError(f"there are {self.splits} splits and {fewest} samples; give at least as many samples")


@dataclass(frozen=True, config=CLOSED)
class ReferencePoints:
    """Scores of real images and of a generator that repeats its training images, beside which any score is read."""

    # Training images; as far as a split has so many.
    limited: Annotated[tuple[Ten, ...], DIFFERENT] = (250, 500, 1000, 2000, 5000)
    samples: Ten = 5000  # of the generator that repeats, drawn with replacement


@dataclass(frozen=True, config=CLOSED)
class LatentWalk:
    """Walks between random latent points (DCGAN §6.1), which go straight from each point to the next."""

    points: Annotated[int, Field(ge=2, le=MOST_STEPS)] = 9
    # From a point to the next: one image lies half-way.
    steps: Annotated[int, Field(ge=2, le=MOST_STEPS, multiple_of=2)] = 16
    walks: Count = 100


@dataclass(frozen=True, config=CLOSED)
class LatentArithmetic:
    """Sums and differences of exemplars' latent vectors, and a turn vector (DCGAN §6.3.2)."""

    pool: Samples = 2000  # samples that exemplars are chosen from
    trials: Count = 100
    exemplars: Size = 3  # of each concept
    results: Size = 9  # of each sum: the first without noise
    # Of the others, uniform between ± this where latents are U(−1, 1); 0: none.
    noise: ScaleOrZero = 0.25
    turn_exemplars: Size = 4  # of each side
    shares: Annotated[int, Field(ge=3, le=MOST_STEPS)] = 9  # of the turn vector, from none to all of it

    def __post_init__(self) -> None:
        if self.pool < 9 * self.exemplars:
            raise ValueError(f"pool is {self.pool}; give at least nine times the exemplars, {9 * self.exemplars}")


@dataclass(frozen=True, config=CLOSED)
class Filters:
    """Guided backpropagation of filters of the discriminator's last convolution (DCGAN §6.2)."""

    filters: Size = 6
    images: Annotated[int, Field(ge=20, le=10**7)] = 2000  # a twentieth of them is looked at


@dataclass(frozen=True, config=CLOSED)
class Forgetting:
    """Dropping the feature maps that mark a planted object (DCGAN §6.3.1)."""

    samples: Samples = 1000
    boxes: Samples = 150  # samples with an object that the maps are chosen by
    draws: Count = 5  # of random maps, as many as are dropped


@dataclass(frozen=True, config=CLOSED)
class Memorisation:
    """Nearest training neighbours of samples against nearest held-out neighbours (DCGAN §4.1)."""

    samples: Ten = 1000


@dataclass(frozen=True, config=CLOSED)
class Components:
    """Mutual information between a prior's component and the class of its samples (DeLiGAN)."""

    samples: Samples = 5000
    permutations: Count = 200


@dataclass(frozen=True, config=CLOSED)
class ProtocolOptions:
    nearest_generated: NearestGenerated = field(default_factory=NearestGenerated)
    inception: Inception = field(default_factory=Inception)
    reference_points: ReferencePoints = field(default_factory=ReferencePoints)
    latent_walk: LatentWalk = field(default_factory=LatentWalk)
    latent_arithmetic: LatentArithmetic = field(default_factory=LatentArithmetic)
    filters: Filters = field(default_factory=Filters)
    forgetting: Forgetting = field(default_factory=Forgetting)
    memorisation: Memorisation = field(default_factory=Memorisation)
    components: Components = field(default_factory=Components)
