"""How much arithmetic a recipe's training is, counted on networks without values, and how long it is assumed to take.

A unit is one turn of the recipe's schedule for one seed. Floating-point operations are those of matrix products and
convolutions, a multiplication and an addition counting two; what is done element by element is left out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import torch

from replication.flops import FlopCounterMode
from replication.models import load
from replication.models.layers.networks import LayerNoise, Networks
from replication.recipes import Recipe
from replication.training.schedule import SIDES, turns, unit_steps

Kind = Literal["toy", "dense", "convolutional"]
# Assumptions, which no run has measured: what a GPU of 67 TFLOP/s in float32 sustains on small networks, what an update
# costs beside arithmetic with five seeds side by side, and what the rest of a brief run takes on 16 cores.
RATES: Mapping[Kind, float] = {"dense": 5e12, "convolutional": 25e12}  # operations a second
PER_UPDATE = 2e-3  # seconds
ELSEWHERE: Mapping[str, float] = {  # seconds
    "toy trainings on the processor": 210,
    "classifiers that judge MNIST and CIFAR-10": 80,
    "scores of the image cells, Inception and Parzen windows among them": 465,
    "L2-SVM on features": 100,
    "1-NN on generated samples": 60,
    "experiments and real images": 60,
    "reading data, starting the stages and the report": 120,
}


@dataclass(frozen=True)
class Workload:
    kind: Kind
    flops: float  # of one unit of one seed
    updates: int  # of one network, in one unit of one seed; a look at G's loss that decides whose turn it is counts one
    units: int  # of the whole run


def workload(model: str, recipe: Recipe, shape: Sequence[int], classes: int) -> Workload:
    """The arithmetic of a recipe on samples of `shape`, as a GPU does it: where a loss decides, both updates.

    A backward pass is counted as two forward ones, or one where it only goes through a network to the other.
    """
    with torch.device("meta"):
        networks = load(model).build(recipe.network, recipe.prior, recipe.latent_dim, shape, classes)
    generator, discriminator, kind = _forward(networks, recipe, shape, classes)
    sees = 3 if recipe.labels else 2  # batches: real, generated, labelled
    matched = discriminator if recipe.feature_matching else 0.0  # real features
    cost = {
        SIDES[0]: 3 * generator + 2 * discriminator + matched,
        SIDES[1]: generator + 3 * sees * discriminator,
    }
    flops, updates = 0.0, 0
    for turn in turns(recipe):
        flops += sum(cost[side] for side in turn.sides)
        updates += len(turn.sides)
        if recipe.balance:
            flops += generator + discriminator + matched
            updates += 1
    if recipe.balance and recipe.balance.extra_rate:
        flops, updates = flops + cost[SIDES[1]], updates + 1
    kind = "toy" if recipe.engine == "kernel" else kind
    return Workload(kind, flops, updates, recipe.updates // unit_steps(recipe))


def assumed_seconds(work: Workload, seeds: int) -> float | None:
    """Seconds of a training on one large GPU, by RATES and PER_UPDATE; None for toys, which run on the processor."""
    if work.kind == "toy":
        return None
    arithmetic = seeds * work.flops / RATES[work.kind]
    return work.units * (arithmetic + seeds / 5 * work.updates * PER_UPDATE)


def _forward(networks: Networks, recipe: Recipe, shape: Sequence[int], classes: int) -> tuple[float, float, Kind]:
    """Operations of one forward pass of each network on a batch, and which kind most of them are of."""
    batch, whole = recipe.batch, {"dtype": torch.int64, "device": "meta"}
    labels = torch.zeros(batch, **whole) if classes else None
    noisy = [module for module in networks.discriminator.modules() if isinstance(module, LayerNoise)]
    noise = [torch.zeros(batch, *layer.shape, device="meta") for layer in noisy]
    with torch.no_grad():
        with FlopCounterMode(display=False) as first:
            latent = torch.zeros(batch, recipe.latent_dim, device="meta")
            networks.generator(latent, torch.zeros(batch, **whole), labels)
        with FlopCounterMode(display=False) as second:
            networks.discriminator(torch.zeros(batch, *shape, device="meta"), labels, noise)
    counts = [counter.get_flop_counts()["Global"] for counter in (first, second)]
    convolved = sum(_convolutions(count) for count in counts)
    total = [float(sum(count.values())) for count in counts]
    return total[0], total[1], "convolutional" if convolved > sum(total) / 2 else "dense"


def _convolutions(counts: Mapping[Any, int]) -> int:
    return sum(count for operation, count in counts.items() if "convolution" in str(operation))
