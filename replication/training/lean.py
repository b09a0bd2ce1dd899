"""A unit of `training.loop` in few kernels, as a GPU computes it: what several passes share is computed once.

A kernel of a small network takes as long to start as to run, so that their number is the time of a unit. The results
are the reference's up to how sums of gradients round. Nothing asks the device for a value: where a loss decides whose
turn it is, one backward pass of the loss that it chooses serves both sides, and one of both updates is kept.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from replication.models.layers.minibatch import MinibatchDiscrimination
from replication.models.layers.networks import Judged
from replication.models.layers.virtual_batch_norm import VirtualBatchNorm
from replication.models.layers.weight_norm import prepared_weights
from replication.recipes import Recipe
from replication.training import objectives
from replication.training.balance import DISCRIMINATOR_LOSS, GENERATOR_LOSS, THRESHOLD, count_update, move_threshold
from replication.training.initialise import Samples, real_samples
from replication.training.layer_noise import UnitNoise
from replication.training.loop import (
    Batch,
    arithmetic,
    discriminator_terms,
    generator_terms,
    latent_of,
    learnt_samples,
    with_noise,
)
from replication.training.run import DeviceRates, Run, apply_update
from replication.training.schedule import SIDES, Turn, objectives_of, turns
from replication.training.units import Unit

GENERATOR, DISCRIMINATOR = SIDES


class Said(NamedTuple):
    """What the discriminator says of samples of a kind, and its logit of their being real [B]."""

    judged: Judged
    source: Tensor


class LeanUnits:
    """One seed's units. `noise` draws for the layers of the discriminator."""

    def __init__(self, run: Run, recipe: Recipe, data: Samples, noise: UnitNoise) -> None:
        self._run, self._recipe, self._data, self._noise = run, recipe, data, noise
        # Samples of several kinds go through such a discriminator in one batch: it treats each on its own.
        self._by_rows = not run.networks.generator.conditional and judges_by_rows(run.networks.discriminator)
        self._passes = {name: _passes(run, name, noise.labelled) for name in objectives_of(recipe)}
        self._discriminators = run.statistics.values[run.statistics.of_generator[0] :]
        for network in run.networks:
            for module in network.modules():
                if isinstance(module, MinibatchDiscrimination):
                    module.spread = True
                if isinstance(getattr(module, "num_batches_tracked", None), Tensor):
                    module.num_batches_tracked = None  # counted for all layers at once

    def train(self, unit: Unit, objective: str) -> None:
        """One unit of the schedule: its turns in order."""
        run, recipe, balance = self._run, self._recipe, self._recipe.balance
        raised = move_threshold(run.balance, balance, unit.epoch_starts) if balance else None
        before, seen = run.steps.clone() if len(run.statistics.batches) else None, {}
        for turn in turns(recipe):
            batch = self._assemble(unit, turn, seen)
            if balance and raised is not None and balance.extra_rate:
                slower = unit.rates._replace(learning_rate=balance.extra_rate * unit.rates.learning_rate)
                self._one_more(batch, slower, raised)
            raised = None  # once, before the unit's first turn
            if balance:
                keep = self._either_apart if objective == "feature-matching" else self._either
                keep(batch, objective, unit.rates)
            elif len(turn.sides) == 2 and not len(run.statistics.batches):
                self._both(batch, objective, unit.rates)
            else:
                self._each(turn, batch, objective, unit.rates)
        if before is not None:
            run.statistics.batches.add_(((run.steps - before) * self._passes[objective]).sum(1))

    def _assemble(self, unit: Unit, turn: Turn, seen: dict[int, tuple[Tensor, Tensor | None]]) -> Batch:
        """As `loop.assemble`; a minibatch that several turns see is looked up once."""
        recipe, data = self._recipe, self._data
        if turn.rows is not None and turn.rows not in seen:
            rows = unit.draws.rows[turn.rows]
            labels = None if data.labels is None else data.labels[rows]
            seen[turn.rows] = real_samples(data.values[rows], recipe), labels
        real, labels = (None, None) if turn.rows is None else seen[turn.rows]
        labelled = learnt_samples(recipe, data, unit.draws, turn)
        latent = latent_of(unit.draws, turn, labels)
        return with_noise(self._run.networks, recipe, latent, real, labelled, self._noise)

    def _each(self, turn: Turn, batch: Batch, objective: str, rates: DeviceRates) -> None:
        """The turn's sides, each from passes of its own."""
        found = {side: self._gradient(side, batch, objective) for side in turn.sides}
        for side, (loss, gradient) in found.items():
            self._apply(side, loss, gradient, rates)

    def _both(self, batch: Batch, objective: str, rates: DeviceRates) -> None:
        """Both sides from one pass forward, where no running statistics would see it."""
        run = self._run
        with prepared_weights(run.networks.discriminator):
            judged = self._judge(batch, self._generate(batch))
            losses = self._generator_losses(objective, judged), self._discriminator_losses(batch, judged)
            gradients = [
                torch.autograd.grad(total, run.parameters(side), retain_graph=side == GENERATOR)
                for side, (_, total) in zip(SIDES, losses, strict=True)
            ]
        for side, (loss, _), gradient in zip(SIDES, losses, gradients, strict=True):
            self._apply(side, loss.detach(), list(gradient), rates)

    def _either(self, batch: Batch, objective: str, rates: DeviceRates) -> None:
        """Both sides from one pass forward and one of the loss whose turn it is backward; one update is kept."""
        run = self._run
        generator, discriminator = run.networks
        with prepared_weights(discriminator):
            latent = generator.latents(batch.latent.noise, batch.latent.component)
            chosen = self._choose(batch, latent.detach(), objective)
            with arithmetic(self._recipe, batch):
                fake = generator.make(latent, batch.latent.labels)
            judged = self._judge(batch, fake, chosen=chosen)
            _, of_generator = self._generator_losses(objective, judged)
            loss, of_discriminator = self._discriminator_losses(batch, judged)
            parameters = [run.parameters(side) for side in SIDES]
            shares = [chosen.to(loss.dtype), (~chosen).to(loss.dtype)]
            totals = [of_generator, of_discriminator]
            gradients = list(torch.autograd.grad(totals, [*parameters[0], *parameters[1]], shares))
        self._keep(chosen, loss.detach(), gradients, rates)

    def _either_apart(self, batch: Batch, objective: str, rates: DeviceRates) -> None:
        """As `_either`, where the generator's loss sees real samples too: running statistics see other batches."""
        run, values = self._run, self._run.statistics.values
        with prepared_weights(run.networks.discriminator):
            latent = run.networks.generator.latents(batch.latent.noise, batch.latent.component)
            chosen = self._choose(batch, latent, objective)
        before = values.clone()
        _, of_generator = self._gradient(GENERATOR, batch, objective)
        after = values.clone()
        values.copy_(before)
        loss, of_discriminator = self._gradient(DISCRIMINATOR, batch, objective)
        torch.where(chosen, after, values, out=values)
        self._keep(chosen, loss, [*of_generator, *of_discriminator], rates)

    def _keep(self, chosen: Tensor, loss: Tensor, gradients: list[Tensor], rates: DeviceRates) -> None:
        """The update of the side chosen; the discriminator's loss is logged where it is that side."""
        run, count = self._run, len(self._run.parameters(GENERATOR))
        run.balance[DISCRIMINATOR_LOSS] = torch.where(chosen, run.balance[DISCRIMINATOR_LOSS], loss)
        apply_update(run, self._recipe, GENERATOR, gradients[:count], rates, chosen)
        apply_update(run, self._recipe, DISCRIMINATOR, gradients[count:], rates, ~chosen)

    def _one_more(self, batch: Batch, rates: DeviceRates, where: Tensor) -> None:
        """An update of the discriminator, kept with running statistics where `where` (bool []) says so."""
        values = self._run.statistics.values
        before = values.clone()
        _, gradient = self._gradient(DISCRIMINATOR, batch, "")
        torch.where(where, values, before, out=values)
        apply_update(self._run, self._recipe, DISCRIMINATOR, gradient, rates, where)

    @torch.no_grad()
    def _choose(self, batch: Batch, latent: Tensor, objective: str) -> Tensor:
        """As `loop._judge`: bool [], whether it is the generator's turn."""
        run, values = self._run, self._run.statistics.values
        generator, discriminator = run.networks
        assert self._recipe.balance is not None
        running = self._recipe.balance.judged_with == "running"
        for network in run.networks:
            network.train(not running)
        before = None if running else values.clone()
        with arithmetic(self._recipe, batch):
            fake = generator.make(latent, batch.latent.labels)
            judged = discriminator(fake, batch.latent.labels, None if running else batch.noises["fake"])
            said = {"fake": Said(judged, judged.source)}
            if objective == "feature-matching":
                judged = discriminator(batch.real, batch.latent.labels, None if running else batch.noises["real"])
                said["real"] = Said(judged, judged.source)
        for network in run.networks:
            network.train()
        if before is not None:
            values.copy_(before)
        run.balance[GENERATOR_LOSS], _ = self._generator_losses(objective, said)
        chosen = run.balance[GENERATOR_LOSS] > run.balance[THRESHOLD]
        count_update(run.balance, self._recipe.balance, chosen)
        return chosen

    def _gradient(self, side: str, batch: Batch, objective: str) -> tuple[Tensor, list[Tensor]]:
        """One side's loss, and the gradient of its parameters."""
        with prepared_weights(self._run.networks.discriminator):
            if side == GENERATOR:
                kinds = ("fake", "real") if objective == "feature-matching" else ("fake",)
                judged = self._judge(batch, self._generate(batch), kinds)
                loss, total = self._generator_losses(objective, judged)
            else:
                with torch.no_grad():
                    fake = self._generate(batch)
                loss, total = self._discriminator_losses(batch, self._judge(batch, fake))
            return loss.detach(), list(torch.autograd.grad(total, self._run.parameters(side)))

    def _apply(self, side: str, loss: Tensor, gradient: list[Tensor], rates: DeviceRates) -> None:
        apply_update(self._run, self._recipe, side, gradient, rates)
        self._run.balance[GENERATOR_LOSS if side == GENERATOR else DISCRIMINATOR_LOSS] = loss

    def _generate(self, batch: Batch) -> Tensor:
        with arithmetic(self._recipe, batch):
            return self._run.networks.generator(*batch.latent)

    def _judge(
        self,
        batch: Batch,
        fake: Tensor,
        kinds: tuple[str, ...] = ("real", "fake", "labelled"),
        chosen: Tensor | None = None,
    ) -> dict[str, Said]:
        """What the discriminator says of a turn's samples, by kind; running statistics see them in that order.

        Where `chosen` (bool []) is true they see the generated ones alone, as in a turn of the generator.
        """
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
            return apart(judged, tuple(batch.noises))
        found = {}
        for kind in kinds:
            before = None if chosen is None or kind == "fake" or not len(values) else values.clone()
            with arithmetic(self._recipe, batch):
                judged = discriminator(*samples[kind], batch.noises[kind])
            found[kind] = Said(judged, judged.source)
            if before is not None and chosen is not None:
                torch.where(chosen, before, values, out=values)
        return found

    def _generator_losses(self, objective: str, said: Mapping[str, Said]) -> tuple[Tensor, Tensor]:
        """As `loop.generator_objective`, of what was said."""
        recipe, matching = self._recipe, self._recipe.feature_matching
        if objective == "feature-matching":
            assert matching is not None
            loss = objectives.feature_distance(said["real"].judged, said["fake"].judged, matching)
        else:
            loss = objectives.generator_loss(said["fake"].source, objective)
        return loss, generator_terms(self._run, recipe, loss)

    def _discriminator_losses(self, batch: Batch, said: Mapping[str, Said]) -> tuple[Tensor, Tensor]:
        """As `loop.discriminator_objective`, of what was said."""
        recipe = self._recipe
        real, fake = said["real"].source, said["fake"].source
        loss = objectives.discriminator_loss(real, fake, recipe.discriminator_scale, recipe.real_target)
        logits = said["labelled"].judged.logits if batch.labelled else None
        return loss, discriminator_terms(self._run, recipe, loss, logits, batch)


def apart(judged: Judged, kinds: tuple[str, ...]) -> dict[str, Said]:
    """What was said of several kinds in one batch, behind each other, by kind."""

    def parts(values: Tensor) -> tuple[Tensor, ...]:
        return values.unflatten(0, (len(kinds), -1)).unbind()

    features = zip(*(parts(feature) for feature in judged.features), strict=True)
    every = zip(kinds, parts(judged.logits), features, parts(judged.source), strict=True)
    return {kind: Said(Judged(logits, maps), source) for kind, logits, maps, source in every}


def judges_by_rows(discriminator: nn.Module) -> bool:
    """Whether a discriminator says of a sample what does not depend on the others of its batch."""
    mixing = (_BatchNorm, VirtualBatchNorm, MinibatchDiscrimination)
    return not any(isinstance(module, mixing) for module in discriminator.modules())


def _passes(run: Run, objective: str, labelled: bool) -> Tensor:
    """int64 [layers, 2]: how many batches each layer with running statistics sees in an update of G and in one of D."""
    first, total = run.statistics.of_generator[1], len(run.statistics.batches)
    of_discriminator = [2 if objective == "feature-matching" else 1, 3 if labelled else 2]
    rows = [[1, 1]] * first + [of_discriminator] * (total - first)
    return torch.tensor(rows, dtype=torch.int64, device=run.steps.device).view(total, 2)
