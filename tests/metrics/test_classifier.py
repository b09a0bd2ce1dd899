"""The judge's network: sizes by hand, that it learns, and that it repeats."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from replication.config.params import Judge
from replication.scoring import classifier
from replication.scoring.classifier import augmented, build_classifier, judged, train_classifier


def bright_and_dark(count: int) -> tuple[torch.Tensor, torch.Tensor]:
    labels = np.arange(count) % 2
    grey = np.random.default_rng(0).integers(0, 100, (count, 1, 4, 4)) + 150 * labels[:, None, None, None]
    return torch.from_numpy(grey.astype(np.uint8)), torch.from_numpy(labels)


def train(images: torch.Tensor, labels: torch.Tensor, seed: int = 0, batch: int = 8) -> nn.Sequential:
    return train_classifier(images, labels, Judge("judge", (4,), 4, batch, 1e-2, seed), 2)


@pytest.mark.parametrize(
    ("shape", "channels", "convolutions", "parameters"),
    [
        ((1, 8, 8), (32, 64), 1, 9 * 32 + 2 * 32 + 9 * 32 * 64 + 2 * 64 + (64 * 2 * 2 + 1) * 10),
        ((3, 4, 4), (2, 3, 5, 7), 1, 9 * (6 + 6 + 15 + 35) + 2 * (2 + 3 + 5 + 7) + (7 + 1) * 10),  # one pixel stays one
        ((3, 8, 12), (4, 5), 1, 9 * (12 + 20) + 2 * (4 + 5) + (5 * 2 * 3 + 1) * 10),
        ((1, 8, 8), (4, 6), 2, 9 * (4 + 16 + 24 + 36) + 2 * (4 + 4 + 6 + 6) + (6 * 2 * 2 + 1) * 10),
    ],
)
def test_sizes_by_hand(
    shape: tuple[int, int, int], channels: tuple[int, ...], convolutions: int, parameters: int
) -> None:
    network = build_classifier(shape, channels, 10, convolutions)
    assert sum(p.numel() for p in network.parameters()) == parameters
    assert network(torch.zeros(3, *shape)).shape == (3, 10)


def test_it_learns_to_tell_bright_from_dark() -> None:
    images, labels = bright_and_dark(64)
    network = train(images, labels)
    assert (judged(network, images.numpy()).classes == labels.numpy()).all()
    assert not network.training


def test_the_same_seed_gives_the_same_network_whatever_was_drawn_before() -> None:
    images, labels = bright_and_dark(24)
    first = train(images, labels)
    torch.rand(3)
    before = torch.get_rng_state()
    second, other = train(images, labels), train(images, labels, seed=1)
    assert torch.equal(torch.get_rng_state(), before)
    assert all(torch.equal(a, b) for a, b in zip(first.parameters(), second.parameters(), strict=True))
    assert not torch.equal(next(other.parameters()), next(first.parameters()))


def test_a_last_minibatch_of_one_image_is_left_out() -> None:
    images, labels = bright_and_dark(4)  # batch normalisation to one pixel cannot take a single image
    network = train(images[:3, :, :1, :1], labels[:3], batch=2)
    assert np.isfinite(judged(network, images[:, :, :1, :1].numpy()).logits).all()


@pytest.mark.parametrize("convolutions", [1, 2])
def test_features_are_the_mean_maps_and_logits_the_judges(convolutions: int, monkeypatch: pytest.MonkeyPatch) -> None:
    images = bright_and_dark(11)[0]
    network = build_classifier((1, 4, 4), (4, 6), 5, convolutions).eval()
    seen: list[torch.Tensor] = []
    handle = network[-2].register_forward_hook(lambda _, maps, __: seen.append(maps[0]))
    with torch.no_grad():
        logits = network(images.float() / 127.5 - 1).numpy()
    handle.remove()
    monkeypatch.setattr(classifier, "BATCH", 4)
    result = judged(network.train(), images.numpy())
    assert result.features.shape == (11, 6) and not network.training
    np.testing.assert_allclose(result.features, seen[0].mean((2, 3)).numpy(), atol=1e-6)
    np.testing.assert_allclose(result.logits, logits, rtol=1e-4, atol=1e-5)
    some = result[np.array([4, 4, 0])]
    assert (len(some), some.classes.tolist()) == (3, logits.argmax(1)[[4, 4, 0]].tolist())


def test_an_augmented_image_is_a_window_of_the_padded_one_or_of_its_mirror() -> None:
    images = torch.from_numpy(np.random.default_rng(0).integers(1, 256, (40, 3, 5, 6)).astype(np.uint8))
    seen = augmented(images, 2, True, np.random.default_rng(1))
    mirrored = []
    for before, after in zip(images, seen, strict=True):
        padded = torch.zeros(3, 9, 10, dtype=torch.uint8)
        padded[:, 2:7, 2:8] = before
        windows = [padded[:, y : y + 5, x : x + 6] for y in range(5) for x in range(5)]
        plain, flipped = (any(torch.equal(w, a) for w in windows) for a in (after, after.flip(2)))
        assert plain != flipped
        mirrored.append(flipped)
    assert 10 < sum(mirrored) < 30
    assert torch.equal(augmented(images, 0, False, np.random.default_rng(1)), images)
