"""The judge's network: sizes by hand, that it learns, and that it repeats."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from replication.scoring import classifier
from replication.scoring.classifier import augmented, build_classifier, classify, train_classifier


def bright_and_dark(count: int) -> tuple[torch.Tensor, torch.Tensor]:
    labels = np.arange(count) % 2
    grey = np.random.default_rng(0).integers(0, 100, (count, 1, 4, 4)) + 150 * labels[:, None, None, None]
    return torch.from_numpy(grey.astype(np.uint8)), torch.from_numpy(labels)


def train(images: torch.Tensor, labels: torch.Tensor, seed: int = 0, batch: int = 8) -> torch.nn.Sequential:
    return train_classifier(images, labels, (4,), 2, epochs=4, batch=batch, learning_rate=1e-2, seed=seed)


@pytest.mark.parametrize(
    ("shape", "channels", "parameters"),
    [
        ((1, 8, 8), (32, 64), 9 * 32 + 2 * 32 + 9 * 32 * 64 + 2 * 64 + (64 * 2 * 2 + 1) * 10),
        ((3, 4, 4), (2, 3, 5, 7), 9 * (6 + 6 + 15 + 35) + 2 * (2 + 3 + 5 + 7) + (7 + 1) * 10),  # one pixel stays one
    ],
)
def test_sizes_by_hand(shape: tuple[int, int, int], channels: tuple[int, ...], parameters: int) -> None:
    network = build_classifier(shape, channels, 10)
    assert sum(p.numel() for p in network.parameters()) == parameters
    assert network(torch.zeros(3, *shape)).shape == (3, 10)


def test_it_learns_to_tell_bright_from_dark() -> None:
    images, labels = bright_and_dark(64)
    network = train(images, labels)
    assert (classify(network, images).argmax(1) == labels).all()
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
    network = train_classifier(images[:3, :, :1, :1], labels[:3], (4,), 2, 1, 2, 1e-2, seed=0)
    assert torch.isfinite(classify(network, images[:, :, :1, :1])).all()


def test_logits_do_not_depend_on_the_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    images, labels = bright_and_dark(11)
    network = train(images, labels).eval()
    with torch.no_grad():
        expected = network(images.float() / 127.5 - 1)
    monkeypatch.setattr(classifier, "BATCH", 4)
    found = classify(network.train(), images)
    torch.testing.assert_close(found, expected)
    assert (found.dtype, found.device.type, found.requires_grad) == (torch.float32, "cpu", False)


def test_convolutions_of_each_width_by_hand() -> None:
    network = build_classifier((1, 8, 8), (4, 6), 10, convolutions=2)
    expected = 9 * (4 + 16 + 24 + 36) + 2 * (4 + 4 + 6 + 6) + (6 * 2 * 2 + 1) * 10
    assert sum(p.numel() for p in network.parameters()) == expected
    assert network(torch.zeros(3, 1, 8, 8)).shape == (3, 10)


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


def test_images_need_not_be_square() -> None:
    network = build_classifier((3, 8, 12), (4, 5), 2, convolutions=2)
    assert network(torch.zeros(6, 3, 8, 12)).shape == (6, 2)
    assert network[-1].in_features == 5 * 2 * 3
