"""One seed of a block while it trains: networks that are its own, and how a gradient changes them."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.modules.batchnorm import _BatchNorm

from replication.config.recipes import Recipe
from replication.models.layers.networks import Build, Networks
from replication.models.registry import Step
from replication.training import objectives
from replication.training.optimisers import optimiser_of
from replication.training.schedule import SIDES
from replication.training.state import AVERAGED, BESIDE, MOMENTS, PAST, State, bind, named_tensors, names_by_side

ALIGNED = 16  # numbers: what lies behind each other begins at multiples of it, as memory of its own would


Mask = Tensor | None  # [] of the device; None: everywhere


class DeviceRates(NamedTuple):
    """A unit's rates where they are used: float64 [] each, on the device."""

    learning_rate: Tensor
    momentum: Tensor  # of SGD


class Statistics(NamedTuple):
    """What batch normalisation remembers, each layer's part a view: all of it can be moved at once."""

    values: Tensor  # float32: running means and variances, the generator's first
    batches: Tensor  # int64 [layers]: how many each layer has seen
    of_generator: tuple[int, int]  # how many of the values, and of the layers, are the generator's


@dataclass(frozen=True)
class Run:
    """A seed's networks, and by name all tensors that training changes; the block's state gets them by `keep`."""

    networks: Networks
    tensors: State
    shared: list[tuple[Tensor, Tensor]]  # where the block's state has a tensor of this seed, and the seed's own
    names: dict[str, list[str]]  # of each side's parameters
    statistics: Statistics

    @property
    def steps(self) -> Tensor:
        """int64 [2]: updates of generator and discriminator."""
        return self.tensors["steps"]

    @property
    def balance(self) -> Tensor:
        """float64 [5]: threshold, count, floor, losses of generator and discriminator."""
        return self.tensors["balance"]

    def parameters(self, side: str) -> list[Tensor]:
        """What the side's optimiser changes."""
        return list(self.networks[SIDES.index(side)].parameters())

    def buffers(self) -> list[Tensor]:
        """Running statistics of both networks."""
        return [buffer for network in self.networks for buffer in network.buffers()]

    def beside(self, prefix: str, side: str) -> list[Tensor]:
        """What is kept under a prefix for each parameter of a side; empty where the recipe keeps nothing."""
        return [self.tensors[prefix + name] for name in self.names[side] if prefix + name in self.tensors]

    def with_penalty(self, loss: Tensor, side: str, weight: float) -> Tensor:
        """One side's loss with historical averaging's term."""
        if not weight:
            return loss
        return loss + objectives.averaging_penalty(self.parameters(side), self.beside(PAST, side), weight)

    @torch.no_grad()
    def finite(self) -> Tensor:
        """bool []: whether every weight is finite, on the device."""
        named = self.tensors.items()
        weights = [t for name, t in named if name.startswith((*SIDES, AVERAGED)) and t.is_floating_point()]
        # NaN is the least and the largest of what it is among, and both ends are known after one pass over memory.
        return torch.isfinite(torch.stack([torch.stack(weight.aminmax()) for weight in weights])).all()

    @torch.no_grad()
    def keep(self) -> None:
        """Write the seed's tensors into the block's state."""
        for of_block, of_seed in self.shared:
            of_block.copy_(of_seed)


def memory_format(device: str, precision: str) -> torch.memory_format:
    """Channels last, fastest in oneDNN and for TF32 and bfloat16; float32 on a GPU: 8 to 13 % faster without (H200)."""
    strict_on_gpu = torch.device(device).type == "cuda" and precision == "float32"
    return torch.contiguous_format if strict_on_gpu else torch.channels_last


def bind_runs(build: Build, state: State, layout: torch.memory_format = torch.channels_last) -> list[Run]:
    """One run per seed over the stacked state, which holds what a run has become whenever it was kept."""
    runs = []
    for index in range(len(state["steps"])):
        networks = build()
        bind(networks, state, index)
        for network in networks:
            network.to(memory_format=layout)
        statistics = gather_statistics(networks)
        tensors = named_tensors(networks)
        beside = [name for name in state if name.startswith(BESIDE)]
        tensors |= {name: laid_out(state[name][index], tensors[name.partition(".")[2]]) for name in beside}
        tensors |= {name: state[name][index].clone() for name in ("steps", "balance")}
        shared = [(state[name][index], tensor) for name, tensor in tensors.items()]
        runs.append(Run(networks, tensors, shared, names_by_side(networks), statistics))
    return runs


def gather_statistics(networks: Networks) -> Statistics:
    """Put both networks' running statistics behind each other in memory; their layers go on with views of them."""
    by_network = [[m for m in net.modules() if isinstance(m, _BatchNorm) and m.track_running_stats] for net in networks]
    layers = [layer for of_network in by_network for layer in of_network]
    lengths = [-(-layer.num_features // ALIGNED) * ALIGNED for layer in layers for _ in range(2)]
    device = next(networks.discriminator.parameters()).device
    values = torch.zeros(sum(lengths), device=device)
    batches = torch.zeros(len(layers), dtype=torch.int64, device=device)
    # `data`: autograd watches what a layer's own calls write, and not that all of it is moved.
    views = iter(values.data.split(lengths))
    for layer, counted in zip(layers, batches.unbind(), strict=True):
        for name in ("running_mean", "running_var"):
            setattr(layer, name, next(views)[: layer.num_features].copy_(getattr(layer, name)))
        assert layer.num_batches_tracked is not None
        layer.num_batches_tracked = counted.copy_(layer.num_batches_tracked)
    count = len(by_network[0])
    return Statistics(values, batches, (sum(lengths[: 2 * count]), count))


def laid_out(tensor: Tensor, like: Tensor) -> Tensor:
    """A copy with its values where `like` has them in memory: a fused update goes through memory, not through axes."""
    return torch.empty_like(like).copy_(tensor)


@torch.no_grad()
def apply_update(
    run: Run,
    recipe: Recipe,
    side: str,
    gradients: list[Tensor],
    rates: DeviceRates,
    where: Mask = None,
    skip: Mask = None,
) -> None:
    """One optimiser step of a side, with its averages; where `where` (bool []) is false everything stays.

    `skip` is 1 − `where` in float32, where it is at hand.
    """
    index, parameters = SIDES.index(side), run.parameters(side)
    pairs = zip(gradients, parameters, strict=True)
    gradients = [g if g.stride() == p.stride() else laid_out(g, p) for g, p in pairs]
    optimiser, options = optimiser_of(recipe)
    moments = [run.beside(prefix, side) for prefix in MOMENTS[: optimiser.moments]]
    past, averaged = run.beside(PAST, side), run.beside(AVERAGED, side)
    skips = optimiser.skips(options)  # it leaves alone itself what is to stay
    changed = [*past, *averaged, *([] if skips else [*parameters, *chain(*moments)])]
    before = [] if where is None else [tensor.clone() for tensor in changed]
    run.steps[index] += 1 if where is None else where
    number = run.steps[index]
    if skips and where is not None and skip is None:
        skip = (~where).float()
    optimiser.step(options, Step(side, parameters, gradients, moments, number, *rates, skip=skip))
    if past:
        difference = torch._foreach_sub(parameters, past)
        torch._foreach_div_(difference, (number + 1).to(past[0].dtype))
        torch._foreach_add_(past, difference)
    if averaged:
        torch._foreach_lerp_(averaged, parameters, recipe.parameter_average)
    if where is not None:
        for tensor, value in zip(changed, before, strict=True):
            tensor.copy_(torch.where(where, tensor, value))
