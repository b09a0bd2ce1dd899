"""A unit of `training.loop` in few kernels, as a GPU computes it: what several passes share is computed once.

A kernel of a small network takes as long to start as to run, so that their number is the time of a unit. The results
are the reference's up to how sums of gradients round. Nothing asks the device for a value.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import TypeVar

import torch
from torch import Tensor
from torch.nn.modules.batchnorm import _BatchNorm

from replication.config.recipes import Recipe
from replication.models.layers.networks import Judged, SeesBatch, widened
from replication.models.layers.same import Edges
from replication.models.layers.weight_norm import Deriving, prepared_weights
from replication.training import objectives
from replication.training.balance import DISCRIMINATOR_LOSS, GENERATOR_LOSS
from replication.training.initialise import Samples
from replication.training.layer_noise import UnitNoise
from replication.training.loop import Batch, arithmetic, assemble, generator_total
from replication.training.run import DeviceRates, Mask, Run, apply_update
from replication.training.schedule import SIDES, Turn, objectives_of, turns
from replication.training.units import Unit

GENERATOR, DISCRIMINATOR = SIDES
KINDS = ("real", "fake", "labelled")  # of samples, in the order in which running statistics see them
MATCHED = ("fake", "real")  # whose features a generator's turn compares
Losses = TypeVar("Losses")
Judgements = Mapping[str, Judged]  # by kind of sample


class LeanUnits:
    """One seed's units. `noise` draws for the layers of the discriminator."""

    def __init__(self, run: Run, recipe: Recipe, data: Samples, noise: UnitNoise) -> None:
        self._run, self._recipe, self._data, self._noise = run, recipe, data, noise
        # Samples of several kinds go in one batch through a discriminator that says of each what depends on it alone.
        mixes = any(isinstance(module, _BatchNorm | SeesBatch) for module in run.networks.discriminator.modules())
        self._by_rows = not (run.networks.generator.conditional or mixes)
        self._passes = {name: _passes(run, name, noise.labelled) for name in objectives_of(recipe)}
        self._discriminators = run.statistics.values[run.statistics.of_generator[0] :]
        for network in run.networks:
            for module in network.modules():
                if isinstance(module, Deriving | Edges):
                    module.few_kernels = True
                if isinstance(getattr(module, "num_batches_tracked", None), Tensor):
                    setattr(module, "num_batches_tracked", None)  # noqa: B010 — counted for all layers at once

    def train(self, unit: Unit, objective: str) -> None:
        """One unit of the schedule: its turns in order."""
        statistics = self._run.statistics
        before, seen = self._run.steps.clone() if len(statistics.batches) else None, {}
        networks, recipe = self._run.networks, self._recipe
        for turn in turns(recipe):
            batch = assemble(networks, recipe, self._data, unit.draws, turn, self._noise, seen)
            self._turn(turn, batch, objective, unit.rates)
        if before is not None:
            statistics.batches.add_(((self._run.steps - before) * self._passes[objective]).sum(1))

    def _turn(self, turn: Turn, batch: Batch, objective: str, rates: DeviceRates) -> None:
        """Both sides from one pass forward, where no running statistics would see it; or each from its own."""
        if len(turn.sides) == 2 and not len(self._run.statistics.batches):
            losses = self._forward(partial(self._both, objective), batch)
        else:
            losses = {side: self._forward(partial(self._side, side, objective), batch) for side in turn.sides}
        last = turn.sides[-1]
        gradients = {side: self._gradient(side, total, side != last) for side, (_, total) in losses.items()}
        for side, gradient in gradients.items():
            apply_update(self._run, self._recipe, side, gradient, rates)
            place = GENERATOR_LOSS if side == GENERATOR else DISCRIMINATOR_LOSS
            self._run.balance[..., place] = losses[side][0].detach()

    def _forward(self, losses: Callable[[Batch], Losses], batch: Batch) -> Losses:
        """What is computed of a batch by the seed's networks."""
        return losses(batch)

    def _both(self, objective: str, batch: Batch) -> dict[str, tuple[Tensor, Tensor]]:
        """Each side's loss, and the sum that it descends."""
        with prepared_weights(self._run.networks.discriminator):
            judged = self._judge(batch, self._generate(batch))
            of_generator = self._generator_losses(objective, judged)
            return {GENERATOR: of_generator, DISCRIMINATOR: self._discriminator_losses(objective, batch, judged)}

    def _side(self, side: str, objective: str, batch: Batch) -> tuple[Tensor, Tensor]:
        """One side's loss, and the sum that it descends."""
        with prepared_weights(self._run.networks.discriminator):
            if side == GENERATOR:
                kinds = MATCHED if objectives.named(objective).sees_real else ("fake",)
                return self._generator_losses(objective, self._judge(batch, self._generate(batch), kinds))
            with torch.no_grad():
                fake = self._generate(batch)
            return self._discriminator_losses(objective, batch, self._judge(batch, fake))

    def _gradient(self, side: str, total: Tensor, again: bool = False) -> list[Tensor]:
        """Of a side's parameters; `again` keeps what another side goes through."""
        shares = torch.ones_like(total)
        return list(torch.autograd.grad(total, self._run.parameters(side), shares, retain_graph=again))

    def _generate(self, batch: Batch) -> Tensor:
        with arithmetic(self._recipe, batch):
            return self._run.networks.generator(*batch.latent)

    def _judge(
        self, batch: Batch, fake: Tensor, kinds: tuple[str, ...] = KINDS, chosen: Mask = None
    ) -> dict[str, Judged]:
        """What the discriminator says, by kind; where `chosen` (bool []) running statistics see `fake` alone."""
        discriminator, labels, values = self._run.networks.discriminator, batch.latent.labels, self._discriminators
        samples = {"fake": (fake, labels)}
        if batch.real is not None:
            samples["real"] = batch.real, labels
        if batch.labelled is not None:
            samples["labelled"] = batch.labelled
        kinds = tuple(kind for kind in kinds if kind in samples)
        if self._by_rows and set(kinds) == set(batch.noises) and len(kinds) > 1:
            with arithmetic(self._recipe, batch):
                judged = discriminator(torch.cat([samples[kind][0] for kind in batch.noises]), None, batch.joint)
            return apart(judged, tuple(batch.noises), matched=kinds == MATCHED)
        by_kind = {}
        for kind in kinds:
            before = None if chosen is None or kind == "fake" or not len(values) else values.clone()
            with arithmetic(self._recipe, batch):
                by_kind[kind] = discriminator(*samples[kind], batch.noises[kind])
            if before is not None and chosen is not None:
                torch.where(chosen, before, values, out=values)
        return by_kind

    def _generator_losses(self, objective: str, judged: Judgements) -> tuple[Tensor, Tensor]:
        """As `loop.generator_objective`."""
        loss = self._generator_loss(objective, judged)
        return loss, generator_total(self._run, self._recipe, loss)

    def _generator_loss(self, objective: str, judged: Judgements) -> Tensor:
        """The game's loss, which is logged and judged."""
        game = objectives.named(objective)
        return game.generator(judged["real"] if game.sees_real else None, judged["fake"], self._recipe)

    def _discriminator_losses(self, objective: str, batch: Batch, judged: Judgements) -> tuple[Tensor, Tensor]:
        """As `loop.discriminator_objective`."""
        loss = objectives.of_discriminator(objective, judged["real"], judged["fake"], self._recipe)
        total = self._run.with_penalty(loss, DISCRIMINATOR, self._recipe.historical_averaging)
        if batch.labelled is not None:
            total = total + _classification_loss(judged["labelled"], batch.labelled[1])
        return loss, total


def _classification_loss(judged: Judged, labels: Tensor) -> Tensor:
    """As `objectives.classification_loss`, from −l_y + LSE(l) where the latter is known."""
    if judged.known is None:
        return objectives.classification_loss(judged.logits, labels)
    of_label = widened(judged.logits).gather(1, labels.unsqueeze(1)).squeeze(1)
    return (judged.known - of_label).mean()


def apart(judged: Judged, kinds: tuple[str, ...], matched: bool) -> dict[str, Judged]:
    """What was said of several kinds in one batch, behind each other, by kind; no logits where features are matched."""

    def parts(values: Tensor) -> tuple[Tensor, ...]:
        return values.unflatten(0, (len(kinds), -1)).unbind()

    features = zip(*(parts(feature) for feature in judged.features), strict=True)
    known = [None] * len(kinds) if matched else parts(judged.source)
    every = zip(kinds, parts(judged.logits), features, known, strict=True)
    return {kind: Judged(logits, maps, source) for kind, logits, maps, source in every}


def _passes(run: Run, objective: str, labelled: bool) -> Tensor:
    """int64 [layers, 2]: how many batches each layer with running statistics sees in an update of G and in one of D."""
    first, total = run.statistics.of_generator[1], len(run.statistics.batches)
    of_discriminator = [2 if objectives.named(objective).sees_real else 1, 3 if labelled else 2]
    rows = [[1, 1]] * first + [of_discriminator] * (total - first)
    return torch.tensor(rows, dtype=torch.int64, device=run.steps.device).view(total, 2)
