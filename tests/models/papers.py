"""Recipes of the papers by name, their networks without values, and both in small."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from replication.config.recipes import Recipe
from replication.models.layers.networks import Networks
from replication.training.initialise import Samples
from tests.in_small import builder, own_params

SHAPES = {"toy": (2,), "digits": (1, 8, 8), "mnist": (1, 28, 28), "sketches": (1, 32, 32), "celeba": (3, 64, 64),
          "lsun": (3, 64, 64)}  # fmt: skip

# Small networks of images of 8×8 and of points, as a recipe writes them.
DCGAN: dict[str, Any] = {"kernel": 3, "init_std": 0.02, "generator": [[4, 0], [3, 2], [1, 1]],
                         "discriminator": [[2, 1], [3, 2]]}  # fmt: skip
CONDITIONAL: dict[str, Any] = {"kind": "conditional", "kernel": 3, "init_std": 0.3, "dense": [6],
                               "generator": [[4, 0], [3, 2], [1, 2]], "discriminator": [[2, 2], [3, 2]]}  # fmt: skip
IMPROVED = {"generator": [4], "discriminator": [5], "input_noise": 0.3, "hidden_noise": 0.5}
LAYERS: dict[str, Any] = {"generator": [4, 3], "discriminator": [{"channels": 4, "kernel": 3, "padding": 1}]}
MINIBATCH = {"kernels": 3, "dimensions": 2, "form": "paper"}
POINTS: dict[str, Any] = {"hidden": [4], "nonlinearity": "tanh", "minibatch": MINIBATCH}


def recipe_of(model: str, name: str, variant: str = "code", **changes: Any) -> Recipe:
    return replace(own_params().recipe(model, name, variant), **changes)


def shape_of(name: str) -> tuple[int, ...]:
    """Of a sample of the data set that a recipe's name begins with."""
    return SHAPES.get(name.split("-")[0], (3, 32, 32))


def networks_of(model: str, name: str, variant: str = "code", device: str = "meta") -> Networks:
    """A recipe's networks, on the device "meta" without any values in them."""
    torch.manual_seed(0)
    with torch.device(device):
        return builder(model, recipe_of(model, name, variant), shape_of(name), 10)()


def narrow(options: Any) -> Any:
    """Options of networks with 6 in the place of every larger width; no kernel or stride is above 8."""
    if isinstance(options, dict):
        return {key: narrow(value) for key, value in options.items()}
    if isinstance(options, list):
        return [narrow(value) for value in options]
    return 6 if isinstance(options, int) and options > 8 else options


def in_small(model: str, name: str, variant: str = "code", **changes: Any) -> Recipe:
    """A recipe with narrow networks and few components, labels and initial images, in batches of six."""
    recipe = recipe_of(model, name, variant)
    network = narrow(recipe.network)
    if "transposed" in network.get("generator", ()):
        network["generator"]["hidden"][-1][0] = 6 * 10 * 10  # units that fill the maps
    few = {
        "prior": replace(recipe.prior, components=min(recipe.prior.components, 6)),
        "labels": recipe.labels and replace(recipe.labels, per_class=2),
        "inner_steps": min(recipe.inner_steps, 2),
        "initial_images": min(recipe.initial_images, 12),
        "precision": "float32",  # in bfloat16 a processor takes long
        "threads": 1,
    }
    return replace(recipe, engine="eager", network=network, batch=6, **{**few, **changes})


def samples_of(name: str) -> Samples:
    """Forty points or images, four of each class."""
    shape, stream = shape_of(name), torch.Generator().manual_seed(0)
    if len(shape) == 1:
        return Samples(torch.randn(40, *shape, generator=stream) * 0.5)
    return Samples(torch.randint(0, 256, (40, *shape), dtype=torch.uint8, generator=stream), torch.arange(40) % 10)


def size(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


def dense(inputs: int, outputs: int) -> int:
    """Parameters of a layer of weights and biases."""
    return inputs * outputs + outputs


def conv(kernel: int, inputs: int, outputs: int) -> int:
    return kernel**2 * inputs * outputs + outputs


def rows(count: int) -> Tensor:
    """Components or labels of a batch, all 0."""
    return torch.zeros(count, dtype=torch.int64)
