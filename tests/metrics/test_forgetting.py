"""A hand-built generator of which one map paints the object: it alone is found, and dropping it removes the object."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from replication.data.planted import object_scores, pattern
from replication.foundation.errors import InputError
from replication.metrics import forgetting
from replication.metrics.forgetting import change_outside, dropped, inside_boxes, map_weights, takes_second_highest

SIDE, SIZE, MAPS, PAINTER = 12, 3, 5, 2


class Painter(nn.Module):
    """Latents [B, 3] → images: map PAINTER is 1 where the object goes, the others light what is away from it."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.ConvTranspose2d(MAPS, MAPS, 1, bias=False)
        self.first.weight.data = torch.eye(MAPS)[:, :, None, None]
        self.last = nn.ConvTranspose2d(MAPS, 1, SIZE, padding=1, bias=False)
        self.last.weight.data = torch.zeros(MAPS, 1, SIZE, SIZE)
        self.last.weight.data[:, 0, 1, 1] = 0.3
        self.last.weight.data[PAINTER, 0] = torch.from_numpy(pattern(SIZE)).float()

    def forward(self, latent: Tensor) -> Tensor:
        maps = torch.zeros(len(latent), MAPS, SIDE, SIDE)
        for each, (row, column, level) in enumerate(latent.tolist()):
            middle = (int(row) + 1, int(column) + 1)
            maps[each, PAINTER, middle[0], middle[1]] = 1.0
            others = [index for index in range(MAPS) if index != PAINTER]
            maps[each, others] = level
            maps[each, :, middle[0] - 1 : middle[0] + 2, middle[1] - 1 : middle[1] + 2] *= torch.eye(MAPS)[PAINTER][
                :, None, None
            ]
        return self.last(torch.relu(self.first(maps)))


def drawn(network: Painter, count: int = 40) -> tuple[Tensor, np.ndarray]:
    """Latents and the objects' corners."""
    stream = np.random.default_rng(0)
    places = stream.integers(0, SIDE - SIZE + 1, (count, 2))
    latent = np.concatenate([places, stream.uniform(0.1, 1, (count, 1))], axis=1)
    return torch.from_numpy(latent).float(), places


def images(samples: Tensor) -> np.ndarray:
    return (255 * samples.detach().clamp(0, 1)).round().to(torch.uint8).numpy()


def test_the_one_map_that_paints_is_found_and_dropping_it_removes_the_object() -> None:
    network = Painter()
    latent, places = drawn(network)
    layer = takes_second_highest(network)
    assert layer is network.first
    with forgetting.recorded(layer) as seen:
        whole = images(network(latent))
    assert np.array_equal(object_scores(whole, SIZE)[1], places)
    assert object_scores(whole, SIZE)[0] == pytest.approx(np.ones(40))
    inside = inside_boxes(places, SIZE, SIDE, SIDE)
    weights = map_weights(torch.cat(seen).numpy(), inside, np.random.default_rng(1))
    assert np.flatnonzero(weights > 0).tolist() == [PAINTER]
    with dropped(layer, [PAINTER]):
        without = images(network(latent))
    assert object_scores(without, SIZE)[0].max() < 0.7
    assert change_outside(whole, without, places, SIZE) == 0.0
    with dropped(layer, []):
        assert np.array_equal(images(network(latent)), whole)
    assert np.array_equal(images(network(latent)), whole)  # the hooks are gone


def test_boxes_on_maps_of_other_sides() -> None:
    """A box of 3 of 8 pixels from (2, 5): of four cells with middles 1, 3, 5, 7 it covers row 3, 5 and column 5, 7."""
    inside = inside_boxes(np.array([[2, 5], [0, 0]]), 3, 8, 4)
    assert inside[0].astype(int).tolist() == [[0, 0, 0, 0], [0, 0, 1, 1], [0, 0, 1, 1], [0, 0, 0, 0]]
    assert np.argwhere(inside[1]).tolist() == [[0, 0], [0, 1], [1, 0], [1, 1]]
    assert np.argwhere(inside_boxes(np.array([[9, 4]]), 3, 24, 2)[0]).tolist() == [[0, 0]]  # none of middles 6, 18


def test_a_map_that_never_changes_has_no_weight() -> None:
    activations = np.zeros((6, 2, 4, 4), np.float32)
    inside = inside_boxes(np.array([[0, 0]] * 6), 3, 8, 4)
    activations[:, 1][inside] = 1.0
    weights = map_weights(activations, inside, np.random.default_rng(0))
    assert weights[0] == 0 and weights[1] > 0
    assert map_weights(np.ones_like(activations), inside, np.random.default_rng(0)).tolist() == [0.0, 0.0]


def test_change_is_that_of_the_pixels_outside() -> None:
    before, after = np.zeros((2, 1, 4, 4), np.uint8), np.zeros((2, 1, 4, 4), np.uint8)
    after[0, 0, :2, :2] = 200  # inside
    after[1, 0, 3, 3] = 51
    assert change_outside(before, after, np.array([[0, 0], [0, 0]]), 2) == pytest.approx((0.2**2 / 24) ** 0.5)


def test_a_generator_without_second_highest_maps_is_refused() -> None:
    with pytest.raises(InputError, match="has 1 transposed convolutions"):
        takes_second_highest(nn.Sequential(nn.Linear(2, 4), nn.ConvTranspose2d(4, 1, 3)))
