"""Units in few kernels against the reference, with the networks of the papers, and how networks lie in memory."""

from __future__ import annotations

import pytest
import torch

from replication.data.embedded import read_digits
from replication.models.layers.same import Edges, SameConvolution, SameTransposed, same_padding
from replication.training.captured import CapturedSeed
from replication.training.eager import EagerSeed
from replication.training.initialise import Samples
from replication.training.layer_noise import UnitNoise
from replication.training.run import bind_runs, memory_format
from replication.training.state import initial_state
from replication.training.trainer import labels_of
from tests.in_small import builder, own_params

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
    build = builder(model, recipe, (1, 8, 8), 10)
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
    for each, other in zip(apart, (down(around(images)), cut(up(maps))), strict=True):
        assert each.shape == other.shape
        torch.testing.assert_close(other, each, rtol=0, atol=2e-6)


@pytest.mark.parametrize(
    ("device", "precision", "last"),
    [("cpu", "float32", True), ("cuda", "tf32", True), ("cuda:0", "bfloat16", True), ("cuda:0", "float32", False)],
)
def test_channels_come_first_in_float32_on_a_gpu_alone(device: str, precision: str, last: bool) -> None:
    assert memory_format(device, precision) == (torch.channels_last if last else torch.contiguous_format)


def test_what_is_beside_a_weight_lies_in_memory_as_it_does() -> None:
    recipe = own_params().recipe("dcgan", "digits", "paper")
    build = builder("dcgan", recipe, (1, 8, 8), 10)
    (run,) = bind_runs(build, initial_state(build, recipe, (0,)))
    weight = run.tensors["discriminator.blocks.1.0.weight"]
    assert weight.is_contiguous(memory_format=torch.channels_last) and not weight.is_contiguous()
    for prefix in ("first.", "second."):
        for name in run.names["generator"] + run.names["discriminator"]:
            assert run.tensors[prefix + name].stride() == run.tensors[name].stride()
