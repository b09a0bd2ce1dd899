"""Quick forms of a generator against the generator: batches at once, and patches in place of convolutions."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import nn

from replication.config.recipes import Recipe
from replication.models import load
from replication.models.layers.networks import Generator
from replication.scoring.quick_generators import BatchwiseNorm, FoldedTransposition, batch_by_batch, folded
from replication.training.sampling import draw_samples
from tests.in_small import own_params

pytestmark = pytest.mark.integration

SHAPES = {"mnist-conditional": (1, 28, 28), "mnist-gan": (1, 28, 28), "digits": (1, 8, 8)}


def recipe_of(name: str) -> Recipe:
    return replace(own_params().recipe("dcgan", name, "code"), batch=8)


def generator_of(name: str) -> Generator:
    recipe = recipe_of(name)
    return load("dcgan").build(recipe.network, recipe.prior, recipe.latent_dim, SHAPES[name], 10).generator


@pytest.mark.parametrize("statistics", ["batch", "running"])
@pytest.mark.parametrize("name", SHAPES)
def test_batches_together_are_those_apart(name: str, statistics: str) -> None:
    recipe, generator = replace(recipe_of(name), sampled_with=statistics), generator_of(name)
    before = {key: value.clone() for key, value in generator.state_dict().items()}
    together = batch_by_batch(generator, recipe.batch)
    assert any(isinstance(module, BatchwiseNorm) for module in together.modules())
    drawn = draw_samples(together, recipe, recipe.noise, 0, "test", 45, 10, together=4)  # 6 batches: 4 and 2
    assert all(torch.equal(value, before[key]) for key, value in generator.state_dict().items())
    torch.testing.assert_close(
        drawn, draw_samples(generator, recipe, recipe.noise, 0, "test", 45, 10), rtol=1e-5, atol=1e-5
    )
    if statistics == "batch":  # which do matter here
        mixed = draw_samples(generator, recipe, recipe.noise, 0, "test", 45, 10, together=4)
        assert (mixed - drawn).abs().max() > 1e-3


@pytest.mark.parametrize(
    ("kernel", "stride", "crop", "extra"), [(5, 2, 2, 1), (3, 1, 1, 0), (4, 3, 1, 2), (1, 1, 0, 0)]
)
def test_patches_add_up_to_a_transposed_convolution(kernel: int, stride: int, crop: int, extra: int) -> None:
    layer = nn.ConvTranspose2d(6, 2, (kernel, kernel + 1), stride, crop, extra)
    for layout in (torch.contiguous_format, torch.channels_last):
        values = torch.randn(3, 6, 5, 7).to(memory_format=layout)
        torch.testing.assert_close(FoldedTransposition(layer)(values), layer(values), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("name", SHAPES)
def test_a_folded_generator_draws_the_same(name: str) -> None:
    recipe, generator = recipe_of(name), generator_of(name)
    other = folded(generator)
    convolves = any(isinstance(module, nn.ConvTranspose2d) for module in generator.modules())
    assert any(isinstance(module, FoldedTransposition) for module in other.modules()) == convolves
    drawn = draw_samples(other, recipe, recipe.noise, 0, "test", 45, 10)
    torch.testing.assert_close(
        drawn, draw_samples(generator, recipe, recipe.noise, 0, "test", 45, 10), rtol=1e-5, atol=1e-5
    )
    assert not any(isinstance(module, FoldedTransposition) for module in generator.modules())
