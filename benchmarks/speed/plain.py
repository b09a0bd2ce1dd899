"""The training loop that tutorials teach, which ours is timed beside.

A DataLoader over float32 tensors, eager float32 networks, torch's own optimisers, `.item()` of both losses at every
step, one seed after another. Networks, losses and schedule are the recipe's, so that both compute the same.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

from benchmarks.speed.plain_optimisers import plain_optimiser
from replication.config.recipes import Balance, Recipe
from replication.foundation.errors import InputError
from replication.models.layers.networks import Latent, LayerNoise, Networks, draw_layer_noise
from replication.training import objectives
from replication.training.draws import labelled_rows
from replication.training.initialise import Samples, real_samples
from replication.training.schedule import objective_at, rates_at

Pair = tuple[Tensor, Tensor]  # samples and their labels, or a loss and the sum that is descended


class Source:
    """Minibatches from DataLoaders and noise from torch's own stream, on the device."""

    def __init__(self, recipe: Recipe, data: Samples, seed: int, device: str) -> None:
        self.recipe, self.device = recipe, device
        samples = real_samples(data.values, recipe)
        labels = torch.zeros(len(samples), dtype=torch.int64) if data.labels is None else data.labels
        self.minibatches, self.others = self._endless(samples, labels), self._endless(samples, labels)
        self.epoch = len(samples) // recipe.batch
        self.labelled: Iterator[Pair] | None = None
        if recipe.labels:
            rows = torch.from_numpy(labelled_rows(recipe.labels, labels.numpy(), seed))
            self.labelled = self._endless(samples[rows], labels[rows])

    def _endless(self, samples: Tensor, labels: Tensor) -> Iterator[Pair]:
        loader = DataLoader(TensorDataset(samples, labels), self.recipe.batch, shuffle=True, drop_last=True)
        while True:
            for batch, classes in loader:
                yield batch.to(self.device), classes.to(self.device)

    def real(self) -> Pair:
        """The discriminator's next minibatch."""
        return next(self.minibatches)

    def seen_by_generator(self) -> Pair | tuple[None, None]:
        """The minibatch of a generator's update; none where it sees no data."""
        kind = self.recipe.generator_minibatch
        return (None, None) if kind == "none" else next(self.minibatches if kind == "next" else self.others)

    def latent(self, labels: Tensor | None) -> Latent:
        """A batch of latents, for these labels."""
        recipe, shape = self.recipe, (self.recipe.batch, self.recipe.latent_dim)
        if recipe.noise.distribution == "normal":
            noise = torch.randn(shape, device=self.device)
        else:
            noise = torch.rand(shape, device=self.device)
            noise = 2 * noise - 1 if recipe.noise.distribution == "uniform" else noise
        component = torch.arange(recipe.batch, device=self.device) % max(recipe.prior.components, 1)
        if recipe.prior.components and recipe.prior.component == "sampled":
            component = torch.randint(recipe.prior.components, shape[:1], device=self.device)
        return Latent(recipe.noise.scale * noise, component, labels)


class Threshold:
    """DeLiGAN's rule of whose turn it is, in plain numbers."""

    def __init__(self, balance: Balance) -> None:
        self.balance, self.value, self.floor, self.count = balance, balance.threshold, balance.floor, 0

    def move(self, epoch_starts: bool) -> None:
        b = self.balance
        if epoch_starts and self.count < b.floor_count:
            self.floor = max(self.floor - b.floor_by, b.floor_least)
        if self.count > b.raise_count:
            self.value, self.count = min(self.value + b.raise_by, b.ceiling), 0
        if self.count < b.lower_count and self.value > self.floor:
            self.value, self.count = max(self.value - b.lower_by, self.floor), 0

    def note_turn(self, of_generator: bool) -> None:
        if self.balance.in_a_row:
            self.count = max(self.count, 0) if of_generator else min(self.count, 0)
        self.count += 1 if of_generator else -1


class PlainTraining:
    """One seed in training; `step()` is one unit of the recipe's schedule. The networks are changed in place.

    A `frugal` one leaves out the gradients of D that a tutorial's loop computes in G's turn and throws away.
    """

    def __init__(self, networks: Networks, recipe: Recipe, source: Source, frugal: bool = False) -> None:
        _refuse(recipe)
        self.frugal = frugal
        self.networks, self.recipe, self.source = networks, recipe, source
        self.of_generator, self.of_discriminator = (plain_optimiser(recipe, network) for network in networks)
        self.averages = [p.detach().clone() for p in networks.discriminator.parameters()]
        self.threshold = Threshold(recipe.balance) if recipe.balance else None
        layers = [layer for network in networks for layer in network.modules()]
        # Such networks do otherwise in evaluation, so that G's loss is computed once to judge and once to descend.
        self.two_modes = any(isinstance(layer, nn.modules.batchnorm._BatchNorm | LayerNoise) for layer in layers)
        self.unit = 0

    def step(self) -> tuple[float, float]:
        """Train one unit; the losses of G and D."""
        self._set_rates()
        schedule = {"alternate": self._alternate, "simultaneous": self._simultaneous, "balanced": self._balanced}
        losses = schedule[self.recipe.schedule]()
        self.unit += 1
        return losses

    def _alternate(self) -> tuple[float, float]:
        d_loss = g_loss = 0.0
        for _ in range(self.recipe.inner_steps):
            real, labels = self.source.real()
            losses = self.discriminator_losses(self.source.latent(labels), real)
            d_loss = self._descend(self.of_discriminator, *losses)
        for _ in range(self.recipe.generator_steps):
            real, labels = self.source.seen_by_generator()
            g_loss = self._descend(self.of_generator, *self.generator_losses(self.source.latent(labels), real))
        return g_loss, d_loss

    def _simultaneous(self) -> tuple[float, float]:
        real, labels = self.source.real()
        latent = self.source.latent(labels)
        g_loss, g_total = self.generator_losses(latent, real)
        losses = self.discriminator_losses(latent, real)
        self.of_generator.zero_grad()
        g_total.backward()
        d_loss = self._descend(self.of_discriminator, *losses)  # which clears what G's loss left in D
        self.of_generator.step()
        return g_loss.item(), d_loss

    def _balanced(self) -> tuple[float, float]:
        assert self.threshold is not None
        self.threshold.move(self.unit % self.source.epoch == 0)
        real, labels = self.source.real()
        latent, g_loss, d_loss = self.source.latent(labels), 0.0, 0.0
        for inner in range(self.recipe.inner_steps):
            if inner and self.recipe.noise_of_step == "own":
                latent = self.source.latent(labels)
            losses = self._judged(latent) if self.two_modes else self.generator_losses(latent)
            g_loss = losses[0].item()
            of_generator = g_loss > self.threshold.value
            self.threshold.note_turn(of_generator)
            if of_generator:
                self._descend(self.of_generator, *(self.generator_losses(latent) if self.two_modes else losses))
            else:
                d_loss = self._descend(self.of_discriminator, *self.discriminator_losses(latent, real))
        return g_loss, d_loss

    @torch.no_grad()
    def _judged(self, latent: Latent) -> Pair:
        """G's losses under running statistics and without layer noise."""
        for network in self.networks:
            network.eval()
        losses = self.generator_losses(latent, noisy=False)
        for network in self.networks:
            network.train()
        return losses

    def generator_losses(self, latent: Latent, real: Tensor | None = None, noisy: bool = True) -> Pair:
        """The game's loss, and the sum that the generator descends."""
        generator, discriminator = self.networks
        recipe, objective = self.recipe, objective_at(self.recipe, self.unit)
        if self.frugal:
            discriminator.requires_grad_(False)
        fake = discriminator(generator(*latent), latent.labels, self._layer_noise() if noisy else None)
        if self.frugal:
            discriminator.requires_grad_(True)
        seen = None
        if objectives.named(objective).sees_real:
            with torch.no_grad():
                seen = discriminator(real, latent.labels, self._layer_noise())
        loss = objectives.named(objective).generator(seen, fake, recipe)
        if not (recipe.prior.components and recipe.prior.regulariser):
            return loss, loss
        return loss, loss + objectives.prior_penalty(generator.get_parameter("prior.sigma"), recipe.prior.regulariser)

    def discriminator_losses(self, latent: Latent, real: Tensor) -> Pair:
        """The loss on real and generated samples, and the sum that the discriminator descends."""
        generator, discriminator = self.networks
        with torch.no_grad():
            fake = generator(*latent)
        on_real = discriminator(real, latent.labels, self._layer_noise())
        on_fake = discriminator(fake, latent.labels, self._layer_noise())
        loss = objectives.of_discriminator(objective_at(self.recipe, self.unit), on_real, on_fake, self.recipe)
        if self.source.labelled is None:
            return loss, loss
        samples, labels = next(self.source.labelled)
        logits = discriminator(samples, labels, self._layer_noise()).logits
        return loss, loss + objectives.classification_loss(logits, labels)

    def _layer_noise(self) -> list[Tensor]:
        on_gpu = self.source.device == "cuda"
        stream = torch.cuda.default_generators[0] if on_gpu else torch.default_generator
        return draw_layer_noise(self.networks.discriminator, self.recipe.batch, stream)

    def _descend(self, optimiser: torch.optim.Optimizer, loss: Tensor, total: Tensor) -> float:
        optimiser.zero_grad()
        total.backward()
        optimiser.step()
        if self.recipe.parameter_average and optimiser is self.of_discriminator:
            for average, parameter in zip(self.averages, self.networks.discriminator.parameters(), strict=True):
                average.lerp_(parameter.detach(), self.recipe.parameter_average)
        return loss.item()

    def _set_rates(self) -> None:
        recipe = self.recipe
        if not (recipe.sgd or recipe.linear_decay or recipe.geometric_decay):
            return
        rates = rates_at(recipe, self.unit)
        for optimiser in (self.of_generator, self.of_discriminator):
            for group in optimiser.param_groups:
                group.update({"lr": rates.learning_rate, **({"momentum": rates.momentum} if recipe.sgd else {})})


def _refuse(recipe: Recipe) -> None:
    beyond = {
        "an optimiser of a model's file": recipe.optimiser is not None,
        "historical averaging": bool(recipe.historical_averaging),
        "fixed minibatches": recipe.minibatches == "fixed",
        "extra updates where the threshold rises": bool(recipe.balance and recipe.balance.extra_rate),
        "a balance judged with the batch": bool(recipe.balance and recipe.balance.judged_with == "batch"),
    }
    asked = [name for name, is_asked in beyond.items() if is_asked]
    if asked:
        raise InputError(f"The plain loop does not do {', '.join(asked)}: time a recipe without.")
