"""Noise of the discriminator's layers for a whole unit, drawn at once: a draw for each layer would be a kernel each."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

import torch
from torch import Tensor, nn

from replication.config.recipes import Recipe
from replication.models.layers.networks import LayerNoise
from replication.training.draws import LabelledRows
from replication.training.schedule import turns

ALIGNED = 64  # numbers: parts of a buffer begin at multiples of it


def learns_labels(labelled: LabelledRows, labels: Tensor | None) -> bool:
    """Whether a seed's discriminator learns labels, from the rows of its labelled samples and the labels of all."""
    return labelled is not None and len(labelled) > 0 and labels is not None


class UnitNoise:
    """One draw of N(0, 1) and one of U(0, 1) a unit, cut into what the turns take, in their order.

    `labelled` says whether the discriminator learns labels. With `seeds` every seed draws from a generator of its own,
    and what is given has the seeds along its first axis.
    """

    def __init__(
        self, discriminator: nn.Module, recipe: Recipe, labelled: bool, device: torch.device, seeds: int | None = None
    ) -> None:
        self.generators = [torch.Generator(device) for _ in range(seeds or 1)]
        self.labelled, self._turn, self._axis = labelled, 0, 0 if seeds is None else 1
        layers = [layer for layer in discriminator.modules() if isinstance(layer, LayerNoise)]
        self._kinds: list[tuple[str, ...]] = []  # of the samples that the discriminator sees in a turn
        lengths = {"normal": 0, "uniform": 0}
        plan: list[list[tuple[str, int, tuple[int, ...]]]] = []  # of a turn's layers: distribution, begin, shape
        for turn in turns(recipe):
            kinds = ("fake",) if turn.rows is None else ("fake", "real")
            learns = labelled and turn.rows is not None and "discriminator" in turn.sides
            self._kinds.append((*kinds, "labelled") if learns else kinds)
            plan.append([])
            for layer in layers:
                shape, begin = (len(self._kinds[-1]) * recipe.batch, *layer.shape), lengths[layer.distribution]
                plan[-1].append((layer.distribution, begin, shape))
                lengths[layer.distribution] += -(-prod(shape) // ALIGNED) * ALIGNED
        self._rows = {name: torch.empty(seeds or 1, length, device=device) for name, length in lengths.items()}
        buffers = {name: rows if seeds else rows[0] for name, rows in self._rows.items()}
        self._joint = [
            [buffers[name].narrow(-1, begin, prod(shape)).unflatten(-1, shape) for name, begin, shape in turn]
            for turn in plan
        ]

    def manual_seed(self, *seeds: int) -> None:
        """Where the draws of the next unit begin."""
        for generator, seed in zip(self.generators, seeds, strict=True):
            generator.manual_seed(seed)
        self._turn = 0

    def of_turn(self) -> tuple[dict[str, list[Tensor]], Sequence[Tensor]]:
        """The next turn's noise of each layer, by kind of sample, and that of all kinds behind each other."""
        for index, generator in enumerate(self.generators if self._turn == 0 else ()):
            if self._rows["normal"].numel():
                self._rows["normal"][index].normal_(generator=generator)
            if self._rows["uniform"].numel():
                self._rows["uniform"][index].uniform_(generator=generator)
        joint, kinds = self._joint[self._turn], self._kinds[self._turn]
        self._turn = (self._turn + 1) % len(self._kinds)
        cut = [layer.chunk(len(kinds), self._axis) for layer in joint]
        return {kind: [parts[index] for parts in cut] for index, kind in enumerate(kinds)}, joint
