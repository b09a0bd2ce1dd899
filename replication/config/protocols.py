"""How large each evaluation protocol is in a profile; which cells it is run on stands with the cell."""

from __future__ import annotations

from dataclasses import field

from pydantic.dataclasses import dataclass

from replication.config.strict import CLOSED
from replication.foundation.errors import InputError


@dataclass(frozen=True, config=CLOSED)
class NearestGenerated:
    """1-NN trained on generated samples (DCGAN, Table 3)."""

    counts: tuple[int, ...] = (50_000, 100_000, 1_000_000, 10_000_000)  # scored in one pass over the largest

    def __post_init__(self) -> None:
        if not self.counts or min(self.counts) < 1 or list(self.counts) != sorted(set(self.counts)):
            raise InputError(
                f"protocols.nearest_generated has counts {list(self.counts)}; accepted: numbers of samples of at least "
                "1, each larger than the one before."
            )


@dataclass(frozen=True, config=CLOSED)
class RealNeighbours:
    """Training images themselves in place of samples: what 1-NN and a Parzen window make of them."""

    window: int = 10_000  # images that the Parzen window stands on, at most
    per_class: tuple[int, ...] = (2, 5, 10, 20, 100, 200, 400, 800)  # labels, where 1-NN is given a few alone

    def __post_init__(self) -> None:
        if min(self.window, *self.per_class, 1) < 1 or len(set(self.per_class)) != len(self.per_class):
            raise InputError(
                f"real_neighbours has window {self.window} and per_class {list(self.per_class)}; accepted: "
                "numbers of at least 1, those of per_class different."
            )


@dataclass(frozen=True, config=CLOSED)
class Inception:
    """Scores under the original Inception network (Improved GAN §4, DeLiGAN §5)."""

    weights: str = ""  # a local file; where it is empty the published address is used, and its hash is checked
    splits: int = 10
    n_samples: int = 50_000
    modified_samples: int = 5000  # of these, the first, for the modified score
    manifold_samples: int = 10_000  # of either side at most, for precision, recall and the kernel distance
    kernel_subsets: int = 100  # of 1000 samples each, over which the kernel distance is averaged

    def __post_init__(self) -> None:
        fewest = min(self.n_samples, self.modified_samples, self.manifold_samples)
        if min(self.splits, self.kernel_subsets) < 1 or fewest < max(10, self.splits):
            raise InputError(
                f"protocols.inception has {self.splits} splits, {self.kernel_subsets} kernel_subsets and {fewest} "
                "samples at the least; accepted: one split and subset or more, and as many samples as splits and ten "
                "at the least."
            )


@dataclass(frozen=True, config=CLOSED)
class ReferencePoints:
    """Scores of real images and of a generator that repeats its training images, beside which any score is read."""

    limited: tuple[int, ...] = (250, 500, 1000, 2000, 5000)  # training images; as far as a split has so many
    samples: int = 5000  # of the generator that repeats, drawn with replacement

    def __post_init__(self) -> None:
        if min((self.samples, *self.limited)) < 10 or len(set(self.limited)) != len(self.limited):
            raise InputError(
                f"protocols.reference_points has limited {list(self.limited)} and {self.samples} samples; accepted: "
                "different numbers, each ten or more."
            )


@dataclass(frozen=True, config=CLOSED)
class LatentWalk:
    """Walks between random latent points (DCGAN §6.1), which go straight from each point to the next."""

    points: int = 9
    steps: int = 16  # from a point to the next
    walks: int = 100

    def __post_init__(self) -> None:
        if self.points < 2 or self.walks < 1 or self.steps < 2 or self.steps % 2:
            raise InputError(
                f"protocols.latent_walk has {self.points} points, {self.steps} steps and {self.walks} walks; accepted: "
                "two points or more, an even number of steps (one image lies half-way), one walk or more."
            )


@dataclass(frozen=True, config=CLOSED)
class LatentArithmetic:
    """Sums and differences of exemplars' latent vectors, and a turn vector (DCGAN §6.3.2)."""

    pool: int = 2000  # samples that exemplars are chosen from
    trials: int = 100
    exemplars: int = 3  # of each concept
    results: int = 9  # of each sum: the first without noise
    noise: float = 0.25  # of the others, uniform between ± this where latents are U(−1, 1)
    turn_exemplars: int = 4  # of each side
    shares: int = 9  # of the turn vector, from none to all of it

    def __post_init__(self) -> None:
        fewest = min(self.trials, self.exemplars, self.results, self.turn_exemplars)
        if self.pool < 9 * self.exemplars or fewest < 1 or self.shares < 3 or self.noise < 0:
            raise InputError(
                f"protocols.latent_arithmetic has pool {self.pool}, exemplars {self.exemplars}, trials {self.trials}, "
                f"results {self.results}, noise {self.noise}, turn_exemplars {self.turn_exemplars} and shares "
                f"{self.shares}; accepted: a pool of nine times the exemplars, three shares, noise of 0 and one of "
                "each other at the least."
            )


@dataclass(frozen=True, config=CLOSED)
class Filters:
    """Guided backpropagation of filters of the discriminator's last convolution (DCGAN §6.2)."""

    filters: int = 6
    images: int = 2000

    def __post_init__(self) -> None:
        if self.filters < 1 or self.images < 20:
            raise InputError(
                f"protocols.filters has filters {self.filters} and images {self.images}: give at least 1 filter, and "
                "20 images, for a twentieth of them is looked at."
            )


@dataclass(frozen=True, config=CLOSED)
class Forgetting:
    """Dropping the feature maps that mark a planted object (DCGAN §6.3.1)."""

    samples: int = 1000
    boxes: int = 150  # samples with an object that the maps are chosen by
    draws: int = 5  # of random maps, as many as are dropped

    def __post_init__(self) -> None:
        if min(self.samples, self.boxes, self.draws) < 1:
            raise InputError(
                f"protocols.forgetting has samples {self.samples}, boxes {self.boxes} and draws {self.draws}: give at "
                "least 1 of each."
            )


@dataclass(frozen=True, config=CLOSED)
class Memorisation:
    """Nearest training neighbours of samples against nearest held-out neighbours (DCGAN §4.1)."""

    samples: int = 1000

    def __post_init__(self) -> None:
        if self.samples < 1:
            raise InputError(f"protocols.memorisation has samples {self.samples}: give at least 1.")


@dataclass(frozen=True, config=CLOSED)
class Components:
    """Mutual information between a prior's component and the class of its samples (DeLiGAN)."""

    samples: int = 5000
    permutations: int = 200

    def __post_init__(self) -> None:
        if min(self.samples, self.permutations) < 1:
            raise InputError(
                f"params.yaml: samples and permutations of protocol components are at least 1, not {self.samples} and "
                f"{self.permutations}."
            )


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
