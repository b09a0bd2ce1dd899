"""Samples are drawn as in training: of which noise, in which batches, under which statistics, of which classes."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from replication.config.recipes import Prior
from replication.models.layers.networks import Conditional, Generator
from replication.training.draws import draw_components, draw_noise
from replication.training.sampling import draw_samples
from replication.training.streams import host_stream
from tests.training.small import PLAIN, small


@pytest.mark.parametrize("normalised", [False, True], ids=["plain", "batch normalisation"])
def test_samples_are_a_function_of_seed_and_purpose_and_fewer_the_first_of_whole_batches(normalised: bool) -> None:
    def draw(seed: int, purpose: str, count: int = 12) -> Tensor:
        torch.rand(1)  # torch's own stream must not count
        return draw_samples(generator, PLAIN, PLAIN.noise, seed, purpose, count)[0]

    generator = small(normalised=normalised).build().generator
    assert torch.equal(draw(3, "samples"), draw(3, "samples"))
    assert not torch.equal(draw(3, "samples"), draw(4, "samples"))
    assert not torch.equal(draw(3, "samples"), draw(3, "others"))
    part = draw(3, "samples", 7)
    assert part.shape == (7, 1, 2, 2) and not part.requires_grad
    assert torch.equal(part, draw(3, "samples")[:7])


@torch.no_grad()
@pytest.mark.parametrize("statistics", ["batch", "running"])
def test_batch_normalisation_takes_each_batchs_own_statistics_or_the_running_ones(statistics: Any) -> None:
    generator, changed = small().build().generator, replace(PLAIN, sampled_with=statistics)
    generator.get_buffer("body.1.running_mean").fill_(0.5)
    generator.get_buffer("body.1.running_var").fill_(4.0)
    first, norm, rest = generator.body[0], generator.body[1], generator.body[2:]  # pyright: ignore[reportIndexIssue]
    norm.weight.fill_(1.5)
    expected = []
    for batch in draw_noise(PLAIN.noise, host_stream(2, "samples"), (2, 6, 3)):
        units = first(batch)
        of_batch = units.mean(0), units.var(0, correction=0)
        mean, variance = of_batch if statistics == "batch" else (torch.tensor(0.5), torch.tensor(4.0))
        expected.append(rest(1.5 * (units - mean) / (variance + 1e-5).sqrt() + norm.bias))
    # Whatever mode the generator was in, and with its running statistics left out of it.
    for mode in (True, False):
        norm.running_mean.fill_(0.5)
        norm.running_var.fill_(4.0)
        samples = draw_samples(generator.train(mode), changed, PLAIN.noise, 2, "samples", 12)[0]
        torch.testing.assert_close(samples, torch.cat(expected), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("component", ["row", "sampled"])
def test_the_components_returned_are_those_of_the_samples(component: Any) -> None:
    """With σ = 0 a sample depends on its component alone, so equal components have equal samples and no others."""
    torch.manual_seed(0)  # weights under which no two components lie where every unit is at rest
    case = small(normalised=False, prior=Prior(components=6, component=component, sigma_init=0.0))
    arguments = (case.build().generator, case.recipe, PLAIN.noise, 3, "samples", 16)
    samples, components = draw_samples(*arguments)
    assert (components.shape, components.dtype) == ((16,), np.int64)
    assert torch.equal(samples, draw_samples(*arguments)[0])
    by_sample = np.unique(samples.flatten(1).numpy().round(4), axis=0, return_inverse=True)[1]
    assert ((by_sample[:, None] == by_sample) == (components[:, None] == components)).all()
    if component == "row":  # component i is row i of every batch
        assert components.tolist() == [*range(6), *range(6), *range(4)]
    stream = host_stream(3, "samples")
    draw_noise(PLAIN.noise, stream, (3, 6, 3))
    np.testing.assert_array_equal(components, draw_components(case.recipe, stream, (3, 6)).flatten()[:16])


class LabelBody(Conditional):
    """Gives the labels back."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(1))

    def forward(self, latent: Tensor, labels: Tensor) -> Tensor:
        return labels.unsqueeze(1) + 0 * latent


def test_a_conditional_generator_makes_every_class_in_turn() -> None:
    samples = draw_samples(Generator(None, LabelBody()), PLAIN, PLAIN.noise, 0, "samples", 13, classes=4)[0]
    assert samples[:, 0].tolist() == [0, 1, 2, 3] * 3 + [0]
