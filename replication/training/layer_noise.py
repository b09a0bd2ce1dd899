"""Noise of the discriminator's layers for a whole unit, drawn at once: a draw for each layer would be a kernel each."""

from __future__ import annotations

from math import prod

import torch
from torch import Tensor, nn

from replication.models.layers.networks import LayerNoise
from replication.recipes import Recipe
from replication.training.schedule import Turn, turns

ALIGNED = 64  # numbers: parts of a buffer begin at multiples of it


def kinds_of(turn: Turn, labelled: bool) -> tuple[str, ...]:
    """Which samples the discriminator sees in a turn, in the order of their noise."""
    kinds = ("fake",) if turn.rows is None else ("fake", "real")
    return (*kinds, "labelled") if labelled and turn.rows is not None and "discriminator" in turn.sides else kinds


class UnitNoise:
    """One draw of N(0, 1) and one of U(0, 1) a unit, cut into what the turns take, in their order.

    `labelled` says whether the discriminator learns labels.
    """

    def __init__(self, discriminator: nn.Module, recipe: Recipe, labelled: bool, device: torch.device) -> None:
        self.generator = torch.Generator(device)
        self.labelled, self._turn = labelled, 0
        lengths = {"normal": 0, "uniform": 0}
        plan: list[list[tuple[str, int, tuple[int, ...]]]] = []  # of a turn's layers: distribution, begin, shape
        layers = [layer for layer in discriminator.modules() if isinstance(layer, LayerNoise)]
        self._kinds = [kinds_of(turn, labelled) for turn in turns(recipe)]
        for kinds in self._kinds:
            plan.append([])
            for layer in layers:
                shape, begin = (len(kinds) * recipe.batch, *layer.shape), lengths[layer.distribution]
                plan[-1].append((layer.distribution, begin, shape))
                lengths[layer.distribution] += -(-prod(shape) // ALIGNED) * ALIGNED
        self._buffers = {name: torch.empty(length, device=device) for name, length in lengths.items()}
        self._joint = [
            [self._buffers[name][begin : begin + prod(shape)].view(shape) for name, begin, shape in turn]
            for turn in plan
        ]

    def manual_seed(self, seed: int) -> None:
        """Where the draws of the next unit begin."""
        self.generator.manual_seed(seed)
        self._turn = 0

    def of_turn(self) -> tuple[dict[str, list[Tensor]], list[Tensor]]:
        """The next turn's noise of each layer, by kind of sample, and that of all kinds behind each other."""
        if self._turn == 0:
            self._draw()
        joint, kinds = self._joint[self._turn], self._kinds[self._turn]
        self._turn = (self._turn + 1) % len(self._kinds)
        cut = [layer.chunk(len(kinds)) for layer in joint]
        return {kind: [parts[index] for parts in cut] for index, kind in enumerate(kinds)}, joint

    def _draw(self) -> None:
        if len(self._buffers["normal"]):
            self._buffers["normal"].normal_(generator=self.generator)
        if len(self._buffers["uniform"]):
            self._buffers["uniform"].uniform_(generator=self.generator)
