"""Convolutional networks lie in memory channels last; their updates are those of torch's own optimiser all the same."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import pytest
import torch

from replication.config.recipes import Recipe
from replication.models import load
from replication.training.run import bind_runs, memory_format
from replication.training.state import initial_state
from tests.in_small import own_params


@pytest.fixture(scope="module")
def recipe() -> Recipe:
    return replace(own_params().recipe("dcgan", "digits", "paper"), batch=16)


@pytest.mark.parametrize(
    ("device", "precision", "last"),
    [("cpu", "float32", True), ("cuda", "tf32", True), ("cuda:0", "bfloat16", True), ("cuda:0", "float32", False)],
)
def test_channels_come_first_in_float32_on_a_gpu_alone(device: str, precision: str, last: bool) -> None:
    assert memory_format(device, precision) == (torch.channels_last if last else torch.contiguous_format)


def test_what_is_beside_a_weight_lies_in_memory_as_it_does(recipe: Recipe) -> None:
    build = partial(load("dcgan").build, recipe.network, recipe.prior, recipe.latent_dim, (1, 8, 8), 10)
    (run,) = bind_runs(build, initial_state(build, recipe, (0,)))
    weight = run.tensors["discriminator.blocks.1.0.weight"]
    assert weight.is_contiguous(memory_format=torch.channels_last) and not weight.is_contiguous()
    for prefix in ("first.", "second."):
        for name in run.names["generator"] + run.names["discriminator"]:
            assert run.tensors[prefix + name].stride() == run.tensors[name].stride()
