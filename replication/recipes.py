"""How one GAN is trained: the keys that a recipe in `params.yaml` may have."""

from __future__ import annotations

from dataclasses import field
from typing import Any, Literal

from pydantic.dataclasses import dataclass

from replication.strict import CLOSED


@dataclass(frozen=True, config=CLOSED)
class Noise:
    """U(−scale, scale) or N(0, scale²)."""

    distribution: Literal["uniform", "normal"]
    scale: float = 1.0


@dataclass(frozen=True, config=CLOSED)
class Prior:
    """A plain prior (no components), or DeLiGAN's mixture z = μ_i + σ_i ε."""

    components: int = 0
    component: Literal["row", "sampled"] = "row"  # component i is row i of the batch, or drawn uniformly
    mean_range: float = 1.0  # μ starts U(−range, range)
    sigma_init: float = 0.0
    regulariser: float = 0.0  # λ of λ·mean((1 − σ)²)


@dataclass(frozen=True, config=CLOSED)
class Balance:
    """DeLiGAN's loss threshold: an inner step updates G if its loss exceeds it, else D."""

    threshold: float
    ceiling: float
    floor: float
    raise_count: int
    raise_by: float
    lower_count: int
    lower_by: float
    floor_count: int = -(10**9)
    floor_by: float = 0.0
    floor_least: float = 0.0


@dataclass(frozen=True, config=CLOSED)
class Adam:
    learning_rate: float
    beta1: float
    beta2: float = 0.999
    epsilon: float = 1e-8
    l2: float = 0.0


@dataclass(frozen=True, config=CLOSED)
class Recipe:
    """How one GAN is trained. `updates` counts iterations (k D updates and one of G), or balanced inner steps."""

    engine: Literal["eager", "kernel"]
    objective: Literal["non-saturating", "saturating"]
    discriminator_scale: float  # D's loss is this × (BCE real + BCE fake)
    schedule: Literal["alternate", "balanced"]
    inner_steps: int  # alternate: k D updates, then one of G; balanced: updates that share one draw of noise
    updates: int
    batch: int
    latent_dim: int
    noise: Noise
    adam: Adam
    network: dict[str, Any]
    display_noise: Noise | None = None  # where the original draws samples from another noise than it trains on
    prior: Prior = field(default_factory=Prior)
    balance: Balance | None = None
    scored_shares: tuple[float, ...] = (0.0, 0.25, 0.5, 1.0)
    n_samples: int = 1000
