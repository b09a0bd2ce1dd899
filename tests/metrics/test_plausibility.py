"""Plausible images against plain loops, with a judge whose features are pixels."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from replication.foundation.errors import InputError
from replication.metrics import plausibility
from replication.metrics.plausibility import learn_plausibility


def judge(scale: float = 3.0) -> nn.Sequential:
    layer = nn.Linear(9, 3, bias=False)
    layer.weight.data = scale * torch.randn(3, 9, generator=torch.Generator().manual_seed(0))
    return nn.Sequential(nn.Flatten(), layer)


def some_images(count: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (count, 1, 3, 3)).astype(np.uint8)


def sureness(images: np.ndarray, network: nn.Sequential) -> list[float]:
    layer = network[1]
    assert isinstance(layer, nn.Linear)
    weights = layer.weight.detach().double().numpy()
    sure = []
    for image in images:
        odds = np.exp(weights @ (image.reshape(-1) / 127.5 - 1))
        sure.append(odds.max() / odds.sum())
    return sure


def test_plausible_by_plain_loops(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plausibility, "BATCH", 7)
    network, real, held_out, images = judge(), some_images(40, 0), some_images(30, 1), some_images(50, 2)
    least = np.percentile(sureness(held_out, network), 5)
    flat = [image.reshape(-1) / 127.5 for image in real.astype(float)]
    radii = [sorted(float(np.linalg.norm(a - b)) for b in flat)[3] for a in flat]  # the first is its own
    expected = []
    for image, sure in zip(images, sureness(images, network), strict=True):
        away = [np.linalg.norm(image.reshape(-1) / 127.5 - other) for other in flat]
        expected.append(any(a <= r for a, r in zip(away, radii, strict=True)) and sure >= least)
    found = learn_plausibility(network, real, held_out).of(images)
    assert found.tolist() == expected
    assert 0 < sum(expected) < len(expected)


def test_real_images_are_plausible_and_far_ones_are_not() -> None:
    real = (100 + some_images(60, 3) // 8).astype(np.uint8)
    known = learn_plausibility(judge(0.0), real, real)  # a judge as sure of everything
    assert known.of(real).all()
    assert not known.of(np.full((4, 1, 3, 3), 255, np.uint8)).any()
    assert known.of(real[:0]).shape == (0,)


def test_what_the_judge_is_unsure_of_is_not_plausible() -> None:
    real = some_images(60, 4)
    known = learn_plausibility(judge(), real, real)
    unsure = np.array(sureness(real, judge())) < np.percentile(sureness(real, judge()), 5)
    assert known.of(real).tolist() == (~unsure).tolist()


def test_bad_input_is_one_clear_sentence() -> None:
    real = some_images(10, 5)
    for network, known, held_out, named in (
        (judge(), real[:3], real, "3 and 10"),
        (judge(), real, real[:0], "10 and 0"),
        (judge(float("nan")), real, real, "finite"),
    ):
        with pytest.raises(InputError, match=named):
            learn_plausibility(network, known, held_out)
