"""The losses against torch's binary cross-entropy, and the prior's penalty by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch.nn.functional import binary_cross_entropy_with_logits

from replication.config.recipes import FeatureMatching
from replication.models.layers.networks import Judged
from replication.training import objectives
from replication.training.objectives import discriminator_loss, feature_distance, generator_loss, prior_penalty

LOGITS = torch.tensor([-4.0, -0.3, 0.0, 1.5, 6.0], dtype=torch.float64)
ONES, ZEROS = torch.ones_like(LOGITS), torch.zeros_like(LOGITS)


def test_generator_losses() -> None:
    torch.testing.assert_close(generator_loss(LOGITS, "non-saturating"), binary_cross_entropy_with_logits(LOGITS, ONES))
    torch.testing.assert_close(generator_loss(LOGITS, "saturating"), -binary_cross_entropy_with_logits(LOGITS, ZEROS))


def test_extreme_logits_stay_finite() -> None:
    extreme = torch.tensor([-1e4, 1e4])
    values = [generator_loss(extreme, name) for name in ("saturating", "non-saturating")]
    values.append(discriminator_loss(extreme, extreme, 1.0))
    assert [value.item() for value in values] == [-5e3, 5e3, 1e4]


def test_the_prior_pays_for_every_sigma_away_from_one() -> None:
    sigma = torch.tensor([[1.0, 0.0], [2.0, 0.5]], requires_grad=True)
    penalty = prior_penalty(sigma, 0.1)
    assert penalty.item() == pytest.approx(0.1 * (0 + 1 + 1 + 0.25) / 4)
    penalty.backward()
    assert sigma.grad is not None
    torch.testing.assert_close(sigma.grad, 0.1 * 2 * (sigma.detach() - 1) / 4)


@pytest.mark.parametrize(("scale", "target"), [(0.5, 1.0), (1.0, 0.9), (1.0, 0.5)])
def test_smoothed_labels_are_targets_of_the_real_side_alone(scale: float, target: float) -> None:
    real, fake = LOGITS, LOGITS.flip(0) - 1
    expected = binary_cross_entropy_with_logits(real, target * ONES) + binary_cross_entropy_with_logits(fake, ZEROS)
    torch.testing.assert_close(discriminator_loss(real, fake, scale, target), scale * expected)


def test_the_source_of_class_logits_is_z_over_z_plus_one() -> None:
    logits = torch.tensor([[0.5, -1.0, 2.0], [0.0, 0.0, 0.0], [-20.0, -30.0, -10.0]])
    total, sentences = logits.double().exp().sum(1), torch.sigmoid(Judged(logits, ()).source)
    torch.testing.assert_close(sentences.double(), total / (total + 1), rtol=1e-5, atol=0)
    assert Judged(logits.bfloat16(), ()).source.dtype == torch.float32
    assert torch.equal(Judged(LOGITS, ()).source, LOGITS)


def test_the_loss_of_labels_is_their_cross_entropy() -> None:
    logits, labels = torch.tensor([[0.5, -1.0, 2.0], [1.0, 3.0, 0.0]]), torch.tensor([2, 0])
    expected = (-2.0 + math.log(sum(map(math.exp, (0.5, -1, 2)))) - 1.0 + math.log(sum(map(math.exp, (1, 3, 0))))) / 2
    assert objectives.classification_loss(logits, labels).item() == pytest.approx(expected)


@pytest.mark.parametrize("layers", [(-1,), (0, 2), (2, 1, 0)])
def test_distances_of_features(layers: tuple[int, ...]) -> None:
    stream = np.random.default_rng(0)
    real, fake = ([stream.normal(size=(n, *shape)) for shape in ((3,), (2, 4, 4), (5,))] for n in (7, 9))
    judged = [Judged(ZEROS, tuple(map(torch.from_numpy, features))) for features in (real, fake)]
    gaps = [real[layer].mean(0) - fake[layer].mean(0) for layer in layers]
    expected = {
        "squared-norm": sum((gap**2).sum() for gap in gaps),
        "squared-mean": sum((gap**2).mean() for gap in gaps),
        "absolute-mean": sum(abs(gap).mean() for gap in gaps),
    }
    each, two = judged
    result = {name: feature_distance(each, two, FeatureMatching(name, layers)).item() for name in expected}  # pyright: ignore[reportArgumentType]
    assert result == pytest.approx(expected) and len(set(result.values())) == 3
