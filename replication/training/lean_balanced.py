"""Units of a balanced schedule in few kernels: a loss on the device decides which of both updates is kept."""

from __future__ import annotations

import torch
from torch import Tensor

from replication.models.layers.weight_norm import prepared_weights
from replication.training.balance import DISCRIMINATOR_LOSS, GENERATOR_LOSS, THRESHOLD, count_update, move_threshold
from replication.training.lean import DISCRIMINATOR, GENERATOR, LeanUnits
from replication.training.loop import Batch, arithmetic
from replication.training.objectives import named
from replication.training.run import DeviceRates, apply_update
from replication.training.schedule import SIDES, Turn
from replication.training.units import Unit


class BalancedUnits(LeanUnits):
    """One seed's units under DeLiGAN's loss threshold."""

    def train(self, unit: Unit, objective: str) -> None:
        """One unit of the schedule: its turns in order."""
        assert self._recipe.balance is not None
        self._raised: Tensor | None = move_threshold(self._run.balance, self._recipe.balance, unit.epoch_starts)
        super().train(unit, objective)

    def _turn(self, turn: Turn, batch: Batch, objective: str, rates: DeviceRates) -> None:
        assert self._recipe.balance is not None
        if self._raised is not None and self._recipe.balance.extra_rate:
            slower = rates._replace(learning_rate=self._recipe.balance.extra_rate * rates.learning_rate)
            self._one_more(batch, objective, slower, self._raised)
        self._raised = None  # once, before the unit's first turn
        keep = self._either_apart if named(objective).sees_real else self._either
        keep(batch, objective, rates)

    def _either(self, batch: Batch, objective: str, rates: DeviceRates) -> None:
        """Both sides from one pass forward and one of the loss whose turn it is backward; one update is kept."""
        run = self._run
        generator, discriminator = run.networks
        with prepared_weights(generator, discriminator):
            latent = generator.latents(batch.latent.noise, batch.latent.component)
            chosen = self._choose(batch, latent.detach(), objective)
            with arithmetic(self._recipe, batch):
                fake = generator.make(latent, batch.latent.labels)
            judged = self._judge(batch, fake, chosen=chosen)
            _, of_generator = self._generator_losses(objective, judged)
            loss, of_discriminator = self._discriminator_losses(objective, batch, judged)
            parameters = [run.parameters(side) for side in SIDES]
            totals, shares = [of_generator, of_discriminator], _shares(chosen)
            gradients = list(torch.autograd.grad(totals, [*parameters[0], *parameters[1]], shares))
        self._keep(chosen, shares, loss.detach(), gradients, rates)

    def _either_apart(self, batch: Batch, objective: str, rates: DeviceRates) -> None:
        """As `_either`, where the generator's loss sees real samples too: running statistics see other batches."""
        run, values = self._run, self._run.statistics.values
        with prepared_weights(run.networks.discriminator):
            latent = run.networks.generator.latents(batch.latent.noise, batch.latent.component)
            chosen = self._choose(batch, latent, objective)
        before = values.clone()
        of_generator = self._gradient(GENERATOR, self._side(GENERATOR, objective, batch)[1])
        after = values.clone()
        values.copy_(before)
        loss, total = self._side(DISCRIMINATOR, objective, batch)
        of_discriminator = self._gradient(DISCRIMINATOR, total)
        torch.where(chosen, after, values, out=values)
        self._keep(chosen, _shares(chosen), loss.detach(), [*of_generator, *of_discriminator], rates)

    def _keep(
        self, chosen: Tensor, shares: list[Tensor], loss: Tensor, gradients: list[Tensor], rates: DeviceRates
    ) -> None:
        """The update of the side chosen; the discriminator's loss is logged where it is that side."""
        run, count = self._run, len(self._run.parameters(GENERATOR))
        logged = run.balance[DISCRIMINATOR_LOSS]
        torch.where(chosen, logged, loss.to(logged.dtype), out=logged)
        apply_update(run, self._recipe, GENERATOR, gradients[:count], rates, chosen, shares[1])
        apply_update(run, self._recipe, DISCRIMINATOR, gradients[count:], rates, ~chosen, shares[0])

    def _one_more(self, batch: Batch, objective: str, rates: DeviceRates, where: Tensor) -> None:
        """An update of the discriminator, kept with running statistics where `where` (bool []) says so."""
        values = self._run.statistics.values
        before = values.clone()
        gradient = self._gradient(DISCRIMINATOR, self._side(DISCRIMINATOR, objective, batch)[1])
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
            samples = {"fake": fake, **({"real": batch.real} if named(objective).sees_real else {})}
            noises = dict.fromkeys(samples) if running else batch.noises
            judged = {kind: discriminator(seen, batch.latent.labels, noises[kind]) for kind, seen in samples.items()}
        for network in run.networks:
            network.train()
        if before is not None:
            values.copy_(before)
        run.balance[GENERATOR_LOSS] = self._generator_loss(objective, judged)
        chosen = run.balance[GENERATOR_LOSS] > run.balance[THRESHOLD]
        count_update(run.balance, self._recipe.balance, chosen)
        return chosen


def _shares(chosen: Tensor) -> list[Tensor]:
    """1 and 0 for the generator's turn, 0 and 1 for the discriminator's, float32 [] each."""
    share = chosen.float()
    return [share, 1.0 - share]
