"""A model's networks as a table of layers with output shapes and parameters, on the meta device without computing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.modules.module import register_module_forward_hook

from replication.models.layers.networks import LayerNoise, Networks
from replication.training.schedule import SIDES

Shape = tuple[int | str, ...]  # "B" stands for the batch


class Layer(NamedTuple):
    network: str  # generator or discriminator
    name: str  # within its network, such as body.project.0
    kind: str  # such as Linear(in_features=2, out_features=32, bias=True)
    output_shape: Shape | None  # None where the forward pass does not call it
    parameters: int  # trainable, without those of its parts


class Tables(NamedTuple):
    layers: tuple[Layer, ...]
    parameters: dict[str, int]  # of each network; the prior is part of the generator
    buffers: dict[str, int]  # values that no optimiser changes: running statistics, a reference batch


def network_tables(networks: Networks, latent_dim: int, shape: Sequence[int], classes: int, batch: int) -> Tables:
    """The tables of networks that were built under `torch.device("meta")` for samples of `shape`.

    A layer is a module without parts, or one with parameters besides those of its parts.
    """
    sides = dict(zip(SIDES, networks, strict=True))
    modules = {(side, name): module for side, network in sides.items() for name, module in network.named_modules()}
    shapes = _output_shapes(networks, modules, latent_dim, shape, classes, batch)
    layers = []
    for (side, name), module in modules.items():
        parameters = sum(parameter.numel() for parameter in module.parameters(recurse=False))
        is_leaf = not list(module.children())
        if parameters or is_leaf and not isinstance(module, nn.Identity):
            kind = str(module) if is_leaf else type(module).__name__
            layers.append(Layer(side, name or "itself", kind, shapes.get((side, name)), parameters))
    parameters = {side: sum(tensor.numel() for tensor in network.parameters()) for side, network in sides.items()}
    buffers = {side: sum(tensor.numel() for tensor in network.buffers()) for side, network in sides.items()}
    return Tables(tuple(layers), parameters, buffers)


@torch.no_grad()
def _output_shapes(
    networks: Networks,
    modules: dict[tuple[str, str], nn.Module],
    latent_dim: int,
    shape: Sequence[int],
    classes: int,
    batch: int,
) -> dict[tuple[str, str], Shape]:
    """The output shape of every module that a forward pass of a batch calls; of a tuple its first tensor's."""
    keys = {module: key for key, module in modules.items()}
    shapes: dict[tuple[str, str], Shape] = {}

    def note(module: nn.Module, _: Any, output: Any) -> None:
        if module in keys:  # a slice of a network is none of its parts
            size = tuple((output if isinstance(output, Tensor) else output[0]).shape)
            shapes[keys[module]] = ("B", *size[1:]) if size[0] == batch else size

    with torch.device("meta"), register_module_forward_hook(note):
        labels = torch.zeros(batch, dtype=torch.int64) if classes else None
        networks.generator(torch.zeros(batch, latent_dim), torch.zeros(batch, dtype=torch.int64), labels)
        noise = [torch.zeros(batch, *m.shape) for m in networks.discriminator.modules() if isinstance(m, LayerNoise)]
        networks.discriminator(torch.zeros(batch, *shape), labels, noise)
    return shapes
