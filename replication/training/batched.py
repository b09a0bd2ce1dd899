"""Seeds of small dense networks as one: their tensors lie stacked, and a kernel of the GPU computes all of them.

Each seed has its draws. A product of stacked matrices may be computed by another algorithm for another number of seeds,
so that the last digits of a seed's results may depend on its block: they reproduce as statistics, and bit for bit with
the same block on the same device. On a CPU nothing trains this way.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn
from torch.func import functional_call, vmap
from torch.nn.modules.batchnorm import _BatchNorm
from torch.utils._pytree import tree_flatten, tree_unflatten

from replication.config.recipes import Recipe
from replication.models.layers.networks import Build, Networks
from replication.training.captured import CapturedSeed
from replication.training.draws import LabelledRows
from replication.training.initialise import Samples
from replication.training.layer_noise import UnitNoise
from replication.training.lean import LeanUnits, Losses
from replication.training.loop import Batch
from replication.training.optimisers import optimiser_of
from replication.training.pieces import PIECE, Trained
from replication.training.run import Run, gather_statistics
from replication.training.schedule import SIDES
from replication.training.state import AVERAGED, BESIDE, State, named_tensors, names_by_side
from replication.training.streams import stream_seed
from replication.training.units import Units, prepare_units


def trains_batched(networks: Networks, recipe: Recipe) -> bool:
    """Whether seeds train as one on a GPU: dense networks whose turns no loss decides, without running statistics."""
    modules = [module for network in networks for module in network.modules()]
    dense = all(p.dim() <= 2 for network in networks for p in network.parameters())
    remembers = any(isinstance(m, _BatchNorm) and m.track_running_stats for m in modules)
    rest = recipe.balance or recipe.prior.components or recipe.historical_averaging or recipe.precision == "bfloat16"
    stackable = optimiser_of(recipe)[0].by_element
    return dense and stackable and not remembers and not networks.generator.has_reference and not rest


class BatchedRun(Run):
    """A block's networks, every tensor [S, …]; its updates are counted once, as all seeds have the same turns."""

    @torch.no_grad()
    def finite(self) -> Tensor:
        """bool [S]: whether every weight of a seed is finite, on the device."""
        names = [name for name in self.tensors if name.startswith((*SIDES, AVERAGED))]
        return torch.stack([torch.isfinite(self.tensors[name]).flatten(1).all(1) for name in names]).all(0)


def bind_batch(build: Build, state: State) -> BatchedRun:
    """One run over the stacked state of all seeds."""
    networks = build()
    for side, network in zip(SIDES, networks, strict=True):
        for module_name, module in network.named_modules():
            prefix = ".".join(part for part in (side, module_name) if part)
            for name, parameter in module._parameters.items():
                if parameter is not None:
                    module._parameters[name] = nn.Parameter(state[f"{prefix}.{name}"].clone())
            for name, buffer in module._buffers.items():
                if buffer is not None:
                    module._buffers[name] = state[f"{prefix}.{name}"].clone()
    tensors = named_tensors(networks)
    tensors |= {name: tensor.clone() for name, tensor in state.items() if name.startswith(BESIDE)}
    tensors |= {"steps": state["steps"][0].clone(), "balance": state["balance"].clone()}
    shared = [(state[name], tensor) for name, tensor in tensors.items()]
    return BatchedRun(networks, tensors, shared, names_by_side(networks), gather_statistics(networks))


class Both(nn.Module):
    """Both networks as one module, whose tensors `functional_call` can exchange."""

    def __init__(self, networks: Networks) -> None:
        super().__init__()
        self.generator, self.discriminator = networks

    def forward(self, function: Callable[[Batch], Losses], batch: Batch) -> Losses:
        return function(batch)


class BatchedUnits(LeanUnits):
    """Units of all seeds of a block: losses [S], of networks that each see their seed's tensors."""

    def __init__(self, run: BatchedRun, recipe: Recipe, data: Samples, noise: UnitNoise) -> None:
        super().__init__(run, recipe, data, noise)
        self._module = Both(run.networks)

    def _forward(self, losses: Callable[[Batch], Losses], batch: Batch) -> Losses:
        leaves, spec = tree_flatten(batch)
        places = [place for place, leaf in enumerate(leaves) if isinstance(leaf, Tensor)]

        def of_a_seed(tensors: dict[str, Tensor], parts: list[Tensor]) -> Losses:
            seen = dict(zip(places, parts, strict=True))
            whole = tree_unflatten([seen.get(place, leaf) for place, leaf in enumerate(leaves)], spec)
            return functional_call(self._module, tensors, (losses, whole))

        tensors = {**dict(self._module.named_parameters()), **dict(self._module.named_buffers())}
        return vmap(of_a_seed)(tensors, [leaves[place] for place in places])


class CapturedBatch(CapturedSeed):
    """All seeds of a block in one graph on one stream."""

    def __init__(
        self, run: BatchedRun, recipe: Recipe, data: Samples, seeds: Sequence[int], labelled: Sequence[LabelledRows]
    ) -> None:
        self._seeds, self._labels = tuple(seeds), tuple(labelled)
        super().__init__(run, recipe, data, seeds[0], labelled[0])
        device = self._device
        self._noise = UnitNoise(run.networks.discriminator, recipe, self._noise.labelled, device, len(seeds))
        self._lean = BatchedUnits(run, recipe, data, self._noise)
        self._losses = torch.empty(PIECE["captured"], len(seeds), 2, dtype=torch.float64, device=device)

    def end(self) -> Trained:
        """Losses [S, units, 2] and whether each seed's weights are finite [S]."""
        trained = super().end()
        return trained._replace(losses=trained.losses.transpose(0, 1))

    def _prepare(self, first: int, count: int) -> Units:
        """Each seed's draws, behind the units; the schedule is the same for all."""
        each = [
            prepare_units(self._recipe, self._data, seed, first, count, labelled)
            for seed, labelled in zip(self._seeds, self._labels, strict=True)
        ]
        draws = (torch.stack(parts, 1) for parts in zip(*(units.draws for units in each), strict=True))
        return each[0]._replace(draws=type(each[0].draws)(*draws))

    def _start_noise(self, first: int) -> None:
        self._noise.manual_seed(*(stream_seed(seed, "layer noise", first) for seed in self._seeds))
