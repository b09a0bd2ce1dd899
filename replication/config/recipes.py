"""How one GAN is trained: the keys that a recipe in `params.yaml` may have."""

from __future__ import annotations

from dataclasses import field
from typing import Annotated, Any, Literal

from pydantic import Field
from pydantic.dataclasses import dataclass

from replication.config.recipe_rules import conflicts
from replication.config.strict import (
    CLOSED,
    BelowOne,
    Count,
    Kept,
    Level,
    Natural,
    Rate,
    Samples,
    SamplesOrZero,
    Scale,
    ScaleOrZero,
    Share,
    Size,
    SizeOrZero,
    Threads,
    Tiny,
)

Pixels = Literal["signed", "unit", "contrast"]
Below = Annotated[int, Field(ge=-(10**9), le=0)]  # a difference of counts that D leads; as a count, to a billion
Place = Annotated[int, Field(ge=-1000, le=1000)]  # no network has so many layers


@dataclass(frozen=True, config=CLOSED)
class Noise:
    """uniform: U(−scale, scale); positive: U(0, scale); normal: N(0, scale²)."""

    distribution: Literal["uniform", "positive", "normal"]
    scale: Scale = 1.0


@dataclass(frozen=True, config=CLOSED)
class Prior:
    """A plain prior (no components), DeLiGAN's mixture z = μ_i + σ_i ε, or what its paper compares that with."""

    components: SizeOrZero = 0  # 0: a plain prior
    # mixture: a Gaussian for each component; one-hot: its code beside ε (MoE-GAN); ensemble: a generator for each.
    form: Literal["mixture", "one-hot", "ensemble"] = "mixture"
    # Component i is row i of the batch, or drawn uniformly for each sample, or in training for a whole batch at once.
    component: Literal["row", "sampled", "batch"] = "row"
    mean_range: Scale = 1.0  # μ starts U(−range, range)
    sigma_init: ScaleOrZero = 0.0  # 0: every component starts as a point
    sigma_start: Literal["constant", "signed"] = "constant"  # σ starts at sigma_init, or U(−sigma_init, sigma_init)
    regulariser: ScaleOrZero = 0.0  # λ of λ·mean((1 − σ)²); 0: none
    learnt: Literal["both", "mean", "sigma", "none"] = "both"  # of μ and σ; the other stays as it starts

    def __post_init__(self) -> None:
        of_mixture = (self.mean_range, self.sigma_init, self.sigma_start, self.regulariser, self.learnt)
        if of_mixture != (1.0, 0.0, "constant", 0.0, "both") and not (self.components and self.form == "mixture"):
            raise ValueError(
                "mean_range, sigma_init, sigma_start, regulariser and learnt are of a prior of form mixture, with "
                "components; leave them out"
            )
        if self.regulariser and self.learnt in ("mean", "none"):
            raise ValueError("regulariser has no effect on a σ that is not learnt; leave it out")
        if self.component != "row" and not self.components:
            raise ValueError(f"component: {self.component} is of a prior with components; leave it out")
        if self.sigma_start == "signed" and not self.sigma_init:
            raise ValueError("sigma_start: signed needs a sigma_init other than 0, the range that σ starts in")
        if self.form != "mixture" and not self.components:
            raise ValueError(f"a prior of form {self.form} has components, as many as the batch")


@dataclass(frozen=True, config=CLOSED)
class Balance:
    """DeLiGAN's loss threshold: an inner step updates G if its loss exceeds it, else D.

    A loss may be 0 or negative, as that of objective saturating is, and so may the threshold and its limits. A count is
    that of G's updates less that of D's, so negative where D has had more.
    """

    threshold: Level  # 0 or negative where the losses are
    ceiling: Level  # 0 or negative where the losses are
    floor: Level  # 0 or negative where the losses are
    raise_count: Natural  # 0: after the first update of G
    raise_by: ScaleOrZero  # 0: it never rises
    lower_count: Below  # 0: after the first update of D; negative: after as many more
    lower_by: ScaleOrZero  # 0: it never falls
    floor_count: Below = -(10**9)  # 0: after the first update of D; negative: after as many more
    floor_by: ScaleOrZero = 0.0  # 0: the floor stays
    floor_least: Level = 0.0  # 0 or negative where the losses are
    in_a_row: bool = False  # count G's updates since D's last one and D's since G's, not their difference
    judged_with: Literal["running", "batch"] = "running"  # statistics and layer noise of the loss that decides
    extra_rate: Share = 0.0  # where the threshold rises: one more D update at this share of the rate; 0: none

    def __post_init__(self) -> None:
        if not self.floor <= self.threshold <= self.ceiling:
            limits = f"floor {self.floor} and ceiling {self.ceiling}"
            raise ValueError(f"threshold starts at {self.threshold}, outside its limits, {limits}")
        if self.floor_by and self.floor_least > self.floor:
            raise ValueError(f"floor_least is {self.floor_least}, above the floor, which falls from {self.floor}")


@dataclass(frozen=True, config=CLOSED)
class Adam:
    learning_rate: Rate
    beta1: BelowOne  # 0: no momentum
    beta2: BelowOne = 0.999  # 0: the last gradient alone
    epsilon: Tiny = 1e-8
    epsilon_inside: bool = False  # √(v + ε) in place of √v + ε
    l2: ScaleOrZero = 0.0  # 0: none


@dataclass(frozen=True, config=CLOSED)
class Sgd:
    """Momentum rises linearly from `momentum` to `final_momentum` over `momentum_updates`, changing each `every`."""

    learning_rate: Rate
    momentum: BelowOne  # 0: none
    final_momentum: BelowOne  # 0: none
    momentum_updates: Count
    every: Count = 1


@dataclass(frozen=True, config=CLOSED)
class Registered:
    """An optimiser of a model file, by the name that it is registered under; `options` are its further keys."""

    name: str
    learning_rate: Rate
    options: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, config=CLOSED)
class LinearDecay:
    """The rate stays until update `begin`, then falls linearly to 0 at `end`; it changes each `every` updates."""

    begin: Natural  # 0: from the start
    end: Count
    every: Count = 1


@dataclass(frozen=True, config=CLOSED)
class GeometricDecay:
    """The rate is divided by `factor` at each update, down to `floor`."""

    factor: Annotated[float, Field(gt=1, le=10)]  # by more than ten the rate is gone at once
    floor: Rate


@dataclass(frozen=True, config=CLOSED)
class Early:
    """Another objective for the generator's first `updates` iterations (GAN §3)."""

    objective: str
    updates: Count


@dataclass(frozen=True, config=CLOSED)
class FeatureMatching:
    """Distance between the batch means of features of real and generated samples, summed over `layers`."""

    distance: Literal["squared-norm", "squared-mean", "absolute-mean"]
    # Places in the discriminator's features, 0 the first; negative: from the end.
    layers: Annotated[tuple[Place, ...], Field(min_length=1)] = (-1,)


@dataclass(frozen=True, config=CLOSED)
class Labels:
    """Labels that the discriminator learns as classes: `per_class` of each (0: all), drawn anew every so many seeds."""

    per_class: SamplesOrZero  # 0: all
    trainings_per_draw: Count = 1


@dataclass(frozen=True, config=CLOSED)
class Stopping:
    """Keep the generator of the best validation Parzen log-likelihood, measured every so many updates."""

    every: Count
    samples: Samples
    sigma_points: Samples  # validation images that choose the bandwidth


@dataclass(frozen=True, config=CLOSED)
class Recipe:
    """How one GAN is trained. `updates` counts iterations, or balanced inner steps (`training.schedule`)."""

    engine: Literal["eager", "kernel"]
    objective: str  # registered: in training/objectives.py, or in the model's file
    discriminator_scale: Scale  # D's loss is this × that of the objective
    schedule: Literal["alternate", "simultaneous", "balanced"]
    inner_steps: Size  # alternate: k D updates, then those of G; balanced: updates on one minibatch of real samples
    updates: Count
    batch: Size
    latent_dim: Size
    noise: Noise
    network: dict[str, Any]
    adam: Adam | None = None
    sgd: Sgd | None = None
    optimiser: Registered | None = None  # any other
    display_noise: Noise | None = None  # where the original draws samples from another noise than it trains on
    sampled_with: Literal["batch", "running"] = "batch"  # statistics of batch normalisation when samples are drawn
    prior: Prior = field(default_factory=Prior)
    balance: Balance | None = None
    generator_steps: Size = 1  # alternate: G updates after the k of D
    generator_noise: Literal["own", "same"] = "own"  # alternate: G's further updates draw anew, or reuse the first's
    # What an update of G sees of the data: nothing, a minibatch of an order of its own, or the next one of D's order.
    generator_minibatch: Literal["none", "own", "next"] = "none"
    noise_of_step: Literal["shared", "own"] = "shared"  # balanced: inner steps share a draw of noise or have their own
    minibatches: Literal["shuffled", "fixed"] = "shuffled"  # anew each epoch, or once
    pixels: Pixels = "signed"  # [−1, 1], [0, 1], or each image's contrast normalised
    early: Early | None = None
    feature_matching: FeatureMatching | None = None
    real_target: Kept = 1.0  # below 1: one-sided label smoothing
    historical_averaging: ScaleOrZero = 0.0  # weight of ‖θ − mean of past θ‖²; 0: none
    parameter_average: Share = 0.0  # rate of D's moving average, which is what is tested; 0: none
    average_start: Literal["zero", "weights"] = "zero"  # where that average begins
    labels: Labels | None = None
    initial_images: SamplesOrZero = 0  # training images that the initial weights are set from; 0: none are
    linear_decay: LinearDecay | None = None
    geometric_decay: GeometricDecay | None = None
    stopping: Stopping | None = None
    # Of the networks' products: tf32 rounds their factors on a GPU, bfloat16 layers too; weights stay float32.
    precision: Literal["float32", "tf32", "bfloat16"] = "float32"
    threads: Threads = 1  # of a processor for one operation: part of the recipe, since sums round by how they are cut
    # Of the run, 0 before the first update.
    scored_shares: Annotated[tuple[Share, ...], Field(max_length=1000)] = (0.0, 0.25, 0.5, 1.0)
    n_samples: Samples = 1000

    @property
    def descent(self) -> Adam | Sgd | Registered:
        """The one of `adam`, `sgd` and `optimiser` that is set."""
        chosen = self.adam or self.sgd or self.optimiser
        assert chosen is not None  # __post_init__ has seen to it
        return chosen

    @property
    def optimiser_name(self) -> str:
        """The name that its entry is registered under."""
        return self.optimiser.name if self.optimiser else "adam" if self.adam else "sgd"

    def __post_init__(self) -> None:
        for wrong, sentence in conflicts(self):
            if wrong:
                raise ValueError(sentence)
