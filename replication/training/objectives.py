"""Losses of both sides on what the discriminator says (GAN §3, Improved GAN §3 and §5), those that papers share."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import reduce

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, softplus

from replication.config.recipes import FeatureMatching, Recipe
from replication.foundation.errors import chosen
from replication.models.layers.networks import Judged, widened
from replication.models.registry import OBJECTIVES, Objective, register

Loss = Callable[[Tensor], Tensor]
# From logits of D(G(z)) [B]: mean −log D(G(z)), and mean log(1 − D(G(z))) (the minimax game), in nats.
GENERATOR_LOSSES: Mapping[str, Loss] = {
    "non-saturating": lambda source: softplus(-source).mean(),
    "saturating": lambda source: -softplus(source).mean(),
}
# From the difference of two batch means of features, with the words for it.
DISTANCES: Mapping[str, tuple[str, Loss]] = {
    "squared-norm": ("the squared norm", lambda difference: difference.square().sum()),
    "squared-mean": ("the mean square", lambda difference: difference.square().mean()),
    "absolute-mean": ("the mean absolute value", lambda difference: difference.abs().mean()),
}


def named(objective: str) -> Objective:
    """The entry of an objective; InputError where none has this name."""
    return chosen(OBJECTIVES, objective, "objective")


def of_discriminator(objective: str, real: Judged, fake: Judged, recipe: Recipe) -> Tensor:
    """The discriminator's loss under an objective, times the recipe's scale."""
    return _scaled(named(objective).discriminator(real, fake, recipe), recipe.discriminator_scale)


def generator_loss(source: Tensor, objective: str) -> Tensor:
    """The game's loss of the generator, from logits of D(G(z)) `source` [B]; InputError: it takes more, as features."""
    return chosen(GENERATOR_LOSSES, objective, "loss on what the discriminator says")(source)


def discriminator_loss(real: Tensor, fake: Tensor, scale: float, real_target: float = 1.0) -> Tensor:
    """scale × (BCE of real toward `real_target` + BCE of fake toward 0), in nats, from logits [B] of D.

    A `real_target` below 1 is one-sided label smoothing (Improved GAN §3.4).
    """
    toward = real if real_target == 1.0 else real_target * real
    return _scaled((softplus(real) - toward).mean() + softplus(fake).mean(), scale)


def _scaled(loss: Tensor, scale: float) -> Tensor:
    return loss if scale == 1.0 else scale * loss


def classification_loss(logits: Tensor, labels: Tensor) -> Tensor:
    """−l_y + LSE(l), the cross-entropy of class logits [B, K] (Improved GAN §5), in nats."""
    return cross_entropy(widened(logits), labels)


def feature_distance(real: Judged, fake: Judged, matching: FeatureMatching) -> Tensor:
    """Distance between the batch means of features (Improved GAN §3.1), summed over the layers that are matched."""
    _, distance = chosen(DISTANCES, matching.distance, "distance")
    features = [(real.features[layer], fake.features[layer]) for layer in matching.layers]
    return reduce(torch.add, [distance(widened(r).mean(0) - widened(f).mean(0)) for r, f in features])


def prior_penalty(sigma: Tensor, weight: float) -> Tensor:
    """λ·mean((1 − σ)²) over components and dimensions (DeLiGAN equation 7, as its released code averages it)."""
    return weight * (1.0 - sigma).square().mean()


def averaging_penalty(parameters: Sequence[Tensor], means: Sequence[Tensor], weight: float) -> Tensor:
    """weight × ‖θ − (1/t) Σ_i θ[i]‖² (Improved GAN §3.3)."""
    return weight * torch.stack([(p - m).square().sum() for p, m in zip(parameters, means, strict=True)]).sum()


def cross_entropies(real: Judged, fake: Judged, recipe: Recipe) -> Tensor:
    """The discriminator's loss of every objective here, in nats."""
    return discriminator_loss(real.source, fake.source, 1.0, recipe.real_target)


def _entropies_in_words(recipe: Recipe) -> str:
    smoothed = " (one-sided label smoothing)" if recipe.real_target < 1 else ""
    return f"(cross-entropy of real samples toward {recipe.real_target:g}{smoothed} + of generated ones toward 0)"


def _on_logits(name: str, words: str) -> Objective:
    return Objective(
        lambda real, fake, recipe: generator_loss(fake.source, name),
        cross_entropies,
        lambda recipe: (f"{name}, {words}", _entropies_in_words(recipe)),
        smooths=True,
    )


def _matched(real: Judged | None, fake: Judged, recipe: Recipe) -> Tensor:
    assert real is not None and recipe.feature_matching is not None
    return feature_distance(real, fake, recipe.feature_matching)


def _matching_in_words(recipe: Recipe) -> tuple[str, str]:
    assert recipe.feature_matching is not None
    places, (distance, _) = recipe.feature_matching.layers, DISTANCES[recipe.feature_matching.distance]
    words = f"feature matching by {distance} of the difference of mean features (places {', '.join(map(str, places))})"
    return words, _entropies_in_words(recipe)


register(OBJECTIVES, "non-saturating", _on_logits("non-saturating", "−log D(G(z))"))
register(OBJECTIVES, "saturating", _on_logits("saturating", "log(1 − D(G(z)))"))
MATCHING = Objective(_matched, cross_entropies, _matching_in_words, sees_real=True, smooths=True)
register(OBJECTIVES, "feature-matching", MATCHING)
