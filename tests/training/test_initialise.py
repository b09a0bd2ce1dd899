"""Initial weights that come from training samples, and the reference batch of virtual batch normalisation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn

from replication.config.recipes import Noise
from replication.models.layers.networks import GaussianNoise, Generator, Judged, Networks, Stack
from replication.training.initialise import initialise_networks
from replication.training.state import State, bind, initial_state
from tests.training.small import PLAIN, assert_same, small

SEEN: list[tuple[str, Tensor]] = []


class Standardise(nn.Module):
    """Takes its shift and scale from the input it starts from."""

    def __init__(self, name: str, width: int) -> None:
        super().__init__()
        self.name, self.starting = name, False
        self.shift, self.scale = nn.Parameter(torch.zeros(width)), nn.Parameter(torch.ones(width))

    def forward(self, samples: Tensor) -> Tensor:
        if self.starting:
            self.shift.copy_(-samples.mean(0))
            self.scale.copy_(1 / samples.std(0, correction=0))
            SEEN.append((self.name, samples))
        return (samples + self.shift) * self.scale


class Brightness(nn.Module):
    """Keeps the mean pixel of the samples that it starts from."""

    def __init__(self) -> None:
        super().__init__()
        self.level = nn.Parameter(torch.zeros(4))

    def start_from_samples(self, samples: Tensor) -> None:
        self.level.copy_(samples.flatten(1).mean(0))
        SEEN.append(("brightness", samples))

    def forward(self, samples: Tensor) -> Tensor:
        return samples + self.level


class Judge(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.body = Stack(nn.Flatten(), GaussianNoise(0.3, (4,)), nn.Linear(4, 3), Standardise("judge", 3))

    def forward(self, samples: Tensor, labels: Tensor | None = None, noise: Sequence[Tensor] | None = None) -> Judged:
        hidden = self.body(samples, noise)
        return Judged(hidden.sum(1), (hidden,))


def build() -> Networks:
    body = nn.Sequential(nn.Linear(3, 4), Standardise("body", 4), Brightness(), nn.Unflatten(1, (1, 2, 2)))
    return Networks(Generator(None, body), Judge())


def build_with_reference() -> Networks:
    return Networks(Generator(None, nn.Sequential(nn.Linear(3, 4), nn.Unflatten(1, (1, 2, 2))), (50, 3)), Judge())


@pytest.fixture(autouse=True)
def nothing_seen() -> None:
    SEEN.clear()


DATA = small().data


def started(*seeds: int, images: int = 8) -> State:
    return initial_state(build, replace(PLAIN, initial_images=images), seeds, DATA)


def test_layers_start_from_their_input() -> None:
    state = started(3)
    inputs = dict(SEEN)
    assert [(name, len(samples)) for name, samples in SEEN] == [("brightness", 8), ("body", 6), ("judge", 8)]
    for side, layer in (("generator.body.1", "body"), ("discriminator.body.3", "judge")):
        shift, scale = state[f"{side}.shift"][0], state[f"{side}.scale"][0]
        out = (inputs[layer] + shift) * scale
        torch.testing.assert_close(out.mean(0), torch.zeros_like(shift), atol=1e-6, rtol=0)
        torch.testing.assert_close(out.var(0, correction=0), torch.ones_like(shift), atol=1e-5, rtol=0)
    networks = build()
    bind(networks, state, 0)
    assert not any(getattr(module, "starting", False) for network in networks for module in network.modules())


def test_what_they_start_from_are_different_training_images_with_layer_noise() -> None:
    state = started(3)
    inputs, every = dict(SEEN), DATA.values.flatten(1).float() / 127.5 - 1
    rows = torch.cdist(inputs["brightness"].flatten(1), every).argmin(1)
    assert len(set(rows.tolist())) == 8 and rows.tolist() != list(range(8))
    torch.testing.assert_close(every[rows].view(8, 1, 2, 2), inputs["brightness"])
    torch.testing.assert_close(state["generator.body.2.level"][0], every[rows].mean(0))
    linear = nn.Linear(4, 3)
    linear.load_state_dict({key: state[f"discriminator.body.2.{key}"][0] for key in ("weight", "bias")})
    added = inputs["judge"] - linear(every[rows])
    noise = added.detach() @ torch.linalg.pinv(linear.weight.detach().T)  # [8, 4], its part that the layer keeps
    assert 0.1 < noise.std() < 0.5


def test_a_seed_starts_the_same_in_every_block_and_unlike_another() -> None:
    block = started(5, 3)
    assert_same(started(3), {name: tensor[1:] for name, tensor in block.items()})
    for name in ("generator.body.1.shift", "discriminator.body.3.shift", "generator.body.2.level"):
        assert not torch.equal(block[name][0], block[name][1])


def test_without_initial_images_nothing_is_touched() -> None:
    state = started(3, images=0)
    assert not SEEN
    assert not state["generator.body.1.shift"].any() and not state["generator.body.2.level"].any()
    assert torch.equal(state["discriminator.body.3.scale"], torch.ones(1, 3))
    alone = initial_state(build, PLAIN, (3,))
    assert all(torch.equal(state[name], alone[name]) for name in state if name.startswith(("gen", "disc")))


@pytest.mark.parametrize("noise", [Noise("normal", 2.0), Noise("positive")])
def test_the_reference_batch_is_noise_that_a_seed_keeps(noise: Noise) -> None:
    changed = replace(PLAIN, noise=noise)
    state = initial_state(build_with_reference, changed, (3, 4), DATA)
    reference = state["generator.reference"]
    assert reference.shape == (2, 50, 3) and not torch.equal(reference[0], reference[1])
    assert torch.equal(initial_state(build_with_reference, changed, (4,), DATA)["generator.reference"][0], reference[1])
    expected = (0.0, 2.0) if noise.distribution == "normal" else (0.5, 12**-0.5)
    assert (reference.mean().item(), reference.std().item()) == pytest.approx(expected, abs=0.35 * noise.scale)
    networks = build_with_reference()
    before = networks.generator.reference.clone()
    initialise_networks(networks, changed, 3, DATA)
    assert not before.any() and torch.equal(networks.generator.reference, reference[0])
