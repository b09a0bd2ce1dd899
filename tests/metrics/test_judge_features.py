"""A judge's features: what its last layer is fed, averaged over the image."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from replication.foundation.errors import InputError
from replication.models.layers.samples import as_samples
from replication.scoring import judge_features
from replication.scoring.classifier import build_classifier, classify
from replication.scoring.judge_features import judged


def some_images(count: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (count, 3, 8, 8)).astype(np.uint8)


@pytest.mark.parametrize("convolutions", [1, 2])
def test_features_are_the_mean_maps_and_logits_the_judges(convolutions: int, monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(0)
    network, images = build_classifier((3, 8, 8), (4, 6), 5, convolutions), some_images(11)
    monkeypatch.setattr(judge_features, "BATCH", 4)
    seen: list[torch.Tensor] = []
    found = judged(network, images)
    handle = network[-2].register_forward_hook(lambda _, given, __: seen.append(given[0]))
    network(as_samples(torch.from_numpy(images)))
    handle.remove()
    assert found.features.shape == (11, 6) and not network.training
    np.testing.assert_allclose(found.features, seen[0].detach().mean((2, 3)).numpy(), atol=1e-6)
    np.testing.assert_allclose(found.logits, classify(network, torch.from_numpy(images)).numpy(), atol=1e-5)


def test_rows_are_chosen_of_both() -> None:
    torch.manual_seed(0)
    found, rows = judged(build_classifier((3, 8, 8), (4,), 5), some_images(6)), np.array([4, 4, 0])
    assert len(found[rows]) == 3
    np.testing.assert_array_equal(found[rows].features, found.features[rows])
    np.testing.assert_array_equal(found[rows].logits, found.logits[rows])


def test_another_network_is_refused() -> None:
    with pytest.raises(InputError, match="has no features to compare"):
        judged(nn.Sequential(nn.Linear(3, 2), nn.Linear(2, 2)), some_images(2))
