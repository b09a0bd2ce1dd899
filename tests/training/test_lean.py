"""Units in few kernels against the reference, with the networks of the papers."""

from __future__ import annotations

from functools import partial

import pytest
import torch

from replication.data.digits import read_digits
from replication.models import load
from replication.models.layers.same import Edges, SameConvolution, SameTransposed, same_padding
from replication.training.captured import CapturedSeed
from replication.training.eager import EagerSeed
from replication.training.initialise import Samples
from replication.training.layer_noise import UnitNoise
from replication.training.run import bind_runs
from replication.training.state import initial_state
from replication.training.trainer import labels_of
from tests.in_small import own_params

RECIPES = [
    ("gan", "digits", "paper"),
    ("dcgan", "digits", "paper"),
    ("dcgan", "digits-conditional", "paper"),
    ("improved_gan", "digits", "code"),
    ("deligan", "digits", "paper"),
]


@pytest.mark.integration
@pytest.mark.parametrize(("model", "name", "variant"), RECIPES)
def test_the_papers_networks_train_as_the_reference(model: str, name: str, variant: str) -> None:
    """Within 1e-4 nats for four units: weights derived once, and convolutions that pad, round otherwise."""
    recipe, read = own_params().recipe(model, name, variant), read_digits()
    data = Samples(torch.from_numpy(read.train_images), torch.from_numpy(read.train_labels).long())
    build = partial(load(model).build, recipe.network, recipe.prior, recipe.latent_dim, (1, 8, 8), 10)
    state, (labelled,) = initial_state(build, recipe, (0,), data), labels_of(recipe, (0,), data)
    (plain,), (other,) = bind_runs(build, state), bind_runs(build, state)
    eager, lean = EagerSeed(plain, recipe, data, 0, labelled), CapturedSeed(other, recipe, data, 0, labelled)
    eager._layers = UnitNoise(plain.networks.discriminator, recipe, labelled is not None, torch.device("cpu"))
    losses = lean.advance(0, 4).losses
    torch.testing.assert_close(losses, eager.advance(0, 4).losses, rtol=0, atol=1e-3)  # 1.5e-4 on an AMD EPYC
    assert losses.isfinite().any()
    counts = [key for key in plain.tensors if key.endswith(("num_batches_tracked", "steps"))]
    assert counts and all(torch.equal(plain.tensors[key], other.tensors[key]) for key in counts)


@pytest.mark.parametrize(("side", "kernel", "stride"), [(28, 5, 2), (14, 5, 2), (7, 3, 2), (9, 4, 1), (8, 2, 2)])
def test_a_convolution_that_pads_by_itself_is_the_padded_one(side: int, kernel: int, stride: int) -> None:
    torch.manual_seed(0)
    edges = same_padding(side, kernel, stride)
    small = -(-side // stride)
    down, up = SameConvolution(2, 3, kernel, stride, edges), SameTransposed(3, 2, kernel, stride, edges)
    around, cut = Edges((*edges, *edges)), Edges((-edges[0], -edges[1], -edges[0], -edges[1]))
    images, maps = torch.randn(2, 2, side, side), torch.randn(2, 3, small, small)
    apart = down(around(images)), cut(up(maps))
    for layer in (down, up, around, cut):
        layer.few_kernels = True
    for one, other in zip(apart, (down(around(images)), cut(up(maps))), strict=True):
        assert one.shape == other.shape
        torch.testing.assert_close(other, one, rtol=0, atol=2e-6)
