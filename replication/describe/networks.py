"""A model's networks as a table of layers: output shapes and parameters, found on the meta device without computing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from replication.models.layers.networks import LayerNoise, Networks
from replication.training.schedule import SIDES

Size = int | str  # a number, or one that grows with the batch: "B", "B + 50"
SETTINGS = ("kernel_size", "stride", "negative_slope", "std", "keep")


@dataclass(frozen=True)
class Layer:
    network: str  # generator or discriminator
    name: str  # within its network, such as body.project.0
    type: str
    settings: str  # such as "kernel 5×5, stride 2×2"
    output_shape: tuple[Size, ...] | None  # None where the forward pass does not call it
    parameters: int  # trainable, its own


@dataclass(frozen=True)
class Tables:
    layers: tuple[Layer, ...]  # in the order of the forward pass
    parameters: Mapping[str, int]  # of each network, the prior being part of the generator
    buffers: Mapping[str, int]  # values that no optimiser changes: running statistics, a reference batch
    conditional: bool  # whether the generator is given labels


def network_tables(networks: Networks, latent_dim: int, shape: Sequence[int], classes: int, batch: int) -> Tables:
    """The tables of networks that were built under `torch.device("meta")` for samples of `shape`.

    A shape is taken at batches of `batch` and of one more, which tells the sizes that grow with the batch.
    """
    runs = [_output_shapes(networks, latent_dim, shape, classes, size) for size in (batch, batch + 1)]
    layers = [
        layer for side, network in zip(SIDES, networks, strict=True) for layer in _layers(side, network, runs, batch)
    ]
    counted = {side: list(network.parameters()) for side, network in zip(SIDES, networks, strict=True)}
    kept = {side: list(network.buffers()) for side, network in zip(SIDES, networks, strict=True)}
    return Tables(tuple(layers), _totals(counted), _totals(kept), networks.generator.conditional)


def _totals(tensors: Mapping[str, Iterable[Tensor]]) -> dict[str, int]:
    return {side: sum(tensor.numel() for tensor in found) for side, found in tensors.items()}


def _layers(side: str, network: nn.Module, runs: Sequence[Mapping[str, Any]], batch: int) -> list[Layer]:
    """Those that were called, in their order, then those that only hold parameters."""
    one, two = runs
    modules, counted, layers = dict(network.named_modules()), set[int](), []
    called = [key.removeprefix(f"{side}.") for key in one if key.startswith(f"{side}.")]
    for name in dict.fromkeys((*called, *(name for name, module in modules.items() if _owned(module)))):
        module, key = modules[name], f"{side}.{name}"
        own = {id(parameter): parameter.numel() for parameter in _owned(module) if id(parameter) not in counted}
        counted |= own.keys()
        pairs = zip(one[key], two[key], strict=True) if key in one else ()
        shape = tuple(_in_batches(*pair, batch) for pair in pairs) or None
        kind = type(module).__name__
        layers.append(Layer(side, name or "itself", kind, _settings(module), shape, sum(own.values())))
    return layers


def _owned(module: nn.Module) -> list[nn.Parameter]:
    """Parameters of a module itself, without those of its parts."""
    return list(module.parameters(recurse=False))


def _in_batches(one: int, two: int, batch: int) -> Size:
    """A size seen at `batch` and at one more: 7, "B", "2B" or, with seven more than the batch, "B + 7"."""
    times = two - one
    rest = one - times * batch
    if not times:
        return one
    return ("" if times == 1 else str(times)) + "B" + (f" + {rest}" if rest else "")


@torch.no_grad()
def _output_shapes(
    networks: Networks, latent_dim: int, shape: Sequence[int], classes: int, batch: int
) -> dict[str, tuple[int, ...]]:
    """Shape by "network.layer", in the order of the forward pass: of what has no parts, has parameters, or reshapes."""
    shapes: dict[str, tuple[int, ...]] = {}
    last: list[tuple[int, ...]] = [()]

    def watch(key: str, module: nn.Module) -> Any:
        passes_on = isinstance(module, nn.Identity | nn.Sequential) or key.endswith(".")
        simple = not list(module.children())

        def note(_: nn.Module, __: Any, output: Any) -> None:
            found = tuple((output if isinstance(output, Tensor) else output[0]).shape)
            if key not in shapes and (_owned(module) or (not passes_on and (simple or found != last[0]))):
                shapes[key] = found
            last[0] = found

        return module.register_forward_hook(note)

    watched = [
        watch(f"{side}.{name}", module)
        for side, network in zip(SIDES, networks, strict=True)
        for name, module in network.named_modules()
    ]
    try:
        _forward(networks, latent_dim, shape, classes, batch)
    finally:
        for hook in watched:
            hook.remove()
    return shapes


def _forward(networks: Networks, latent_dim: int, shape: Sequence[int], classes: int, batch: int) -> None:
    whole = {"dtype": torch.int64, "device": "meta"}
    labels = torch.zeros(batch, **whole) if classes else None
    networks.generator(torch.zeros(batch, latent_dim, device="meta"), torch.zeros(batch, **whole), labels)
    noisy = [module for module in networks.discriminator.modules() if isinstance(module, LayerNoise)]
    noise = [torch.zeros(batch, *layer.shape, device="meta") for layer in noisy]
    networks.discriminator(torch.zeros(batch, *shape, device="meta"), labels, noise)


def _settings(module: nn.Module) -> str:
    """What its sizes do not tell: kernel, stride, slope, noise, and the tensors of a layer that is not torch's own."""
    found = {name.removesuffix("_size"): getattr(module, name) for name in SETTINGS if hasattr(module, name)}
    if not type(module).__module__.startswith("torch."):
        found |= {name: tuple(tensor.shape) for name, tensor in module.named_parameters(recurse=False)}
    return ", ".join(f"{name.replace('_', ' ')} {_value(value)}" for name, value in found.items())


def _value(value: Any) -> str:
    return "×".join(map(str, value)) if isinstance(value, tuple) else f"{value:g}"
