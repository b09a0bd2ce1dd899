"""The loop that ours is timed beside computes the same: from the same draws, the same losses at every iteration."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor

from benchmarks.speed import plain
from benchmarks.speed.arms import plain_training
from benchmarks.speed.cases import CASES, Case, Work, prepare_case
from benchmarks.speed.plain import Pair, PlainTraining, Source
from benchmarks.speed.plain_optimisers import plain_optimiser
from replication.config.params import Params
from replication.config.recipes import Adam, Recipe, Sgd
from replication.foundation.errors import InputError
from replication.models.layers.networks import Latent, draw_layer_noise
from replication.training import loop
from replication.training.draws import draw_units, labelled_rows
from replication.training.initialise import real_samples
from replication.training.optimisers import adam_update
from replication.training.trainer import Trainer
from tests.in_small import own_params

SGD = Sgd(learning_rate=0.02, momentum=0.5, final_momentum=0.5, momentum_updates=100)
RECIPES = {
    "alternate": Case("dcgan", "digits", "digits", 0),
    "conditional": Case("dcgan", "digits-conditional", "digits", 0),
    "labels": Case("improved_gan", "digits", "digits", 0, "code"),
    "balanced": Case("deligan", "digits", "digits", 0),
    "toy": CASES["toy"],
    "simultaneous": Case("gan", "digits", "digits", 0),
    "momentum": Case("gan", "digits", "digits", 0),
    "gan-mnist": replace(CASES["gan-mnist"], n=300),
    "improved-mnist": replace(CASES["improved-mnist"], n=300),
}
CHANGES = {"simultaneous": {"schedule": "simultaneous"}, "momentum": {"adam": None, "sgd": SGD}}

# A bias before batch normalisation has rounding's gradient alone, which Adam makes as large as any: after five inner
# steps running means, by which G is judged, have moved with it.
FIRST = {"balanced": 5e-4}


class Prepared(Source):
    """Hands out what our trainer draws for the units from 0 on, in the order in which a unit asks for it."""

    def __init__(self, work: Work, units: int, seed: int) -> None:
        recipe, data = work.recipe, work.data
        super().__init__(recipe, data, seed, "cpu")
        learnt = None
        if recipe.labels:
            assert data.labels is not None
            learnt = labelled_rows(recipe.labels, data.labels.numpy(), seed)
        draws = draw_units(recipe, seed, len(data.values), 0, units, learnt)
        self.samples = real_samples(data.values, recipe)
        self.classes = torch.zeros(len(self.samples)).long() if data.labels is None else data.labels
        self.minibatches = self.others = self.pairs(draws.rows)
        self.labelled = self.pairs(draws.labelled) if learnt is not None else None
        self.latents = zip(draws.noise.flatten(0, 1), draws.component.flatten(0, 1), strict=True)

    def pairs(self, rows: Tensor) -> Iterator[Pair]:
        return ((self.samples[chosen], self.classes[chosen]) for chosen in rows.flatten(0, 1))

    def latent(self, labels: Tensor | None) -> Latent:
        return Latent(*next(self.latents), labels)


def work_of(name: str, params: Params, monkeypatch: pytest.MonkeyPatch) -> Work:
    monkeypatch.setitem(CASES, name, RECIPES[name])
    work = prepare_case(name, params)
    return replace(work, recipe=replace(work.recipe, threads=1, **CHANGES.get(name, {})))


@pytest.mark.parametrize("name", RECIPES)
def test_from_the_same_draws_the_losses_are_those_of_our_trainer(
    name: str, params: Params, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (plain, loop):  # both draw layer noise in an order of their own
        monkeypatch.setattr(module, "draw_layer_noise", quiet)
    work, seed, units = work_of(name, params, monkeypatch), 3, 60 if name == "toy" else 4
    expected = Trainer(work.build, work.recipe, (seed,), work.data).advance(0, units)[0]
    training = plain_training(work, seed, "cpu")
    training.source = Prepared(work, units, seed)
    losses = np.array([training.step() for _ in range(units)])
    np.testing.assert_allclose(losses[0], expected[0], atol=FIRST.get(name, 1e-5))
    np.testing.assert_allclose(losses, expected, rtol=2e-3, atol=1e-4)
    assert np.ptp(losses[:, 1]) > 1e-4  # it trains


def test_adam_with_epsilon_inside_the_root_is_ours_and_torchs_where_epsilon_is_nothing() -> None:
    stream, start = torch.Generator().manual_seed(0), torch.linspace(-1, 1, 12)
    gradients = torch.randn(6, 12, generator=stream) * 1e-2
    adam = Adam(learning_rate=3e-3, beta1=0.5, beta2=0.9, epsilon=1e-3, l2=0.1)

    def trained(by: Adam) -> Tensor:
        layer = torch.nn.Linear(12, 1, bias=False)
        layer.weight.data.copy_(start)
        optimiser = plain_optimiser(replace(recipe, adam=by), layer)
        for gradient in gradients:
            layer.weight.grad = gradient.unsqueeze(0).clone()
            optimiser.step()
        return layer.weight.detach()[0]

    recipe = own_params().recipe("gan", "digits", "paper")
    expected, first, second = start.clone(), torch.zeros(12), torch.zeros(12)
    for step, gradient in enumerate(gradients, 1):
        adam_update([expected], [gradient], [first], [second], step, 3e-3, (0.5, 0.9), 1e-3, 0.1, epsilon_inside=True)
    inside = trained(replace(adam, epsilon_inside=True))
    torch.testing.assert_close(inside, expected, rtol=1e-6, atol=1e-6)
    assert (inside - trained(adam)).abs().max() > 1e-4
    none = replace(adam, epsilon=1e-30)
    torch.testing.assert_close(trained(replace(none, epsilon_inside=True)), trained(none), rtol=1e-5, atol=1e-6)


def quiet(network: torch.nn.Module, batch: int, stream: torch.Generator) -> list[Tensor]:
    return [torch.zeros_like(noise) for noise in draw_layer_noise(network, batch, stream)]


def test_a_frugal_loop_trains_alike(params: Params, monkeypatch: pytest.MonkeyPatch) -> None:
    work = work_of("alternate", params, monkeypatch)
    losses = []
    for frugal in (False, True):
        training = plain_training(work, 0, "cpu", frugal)
        losses.append([training.step() for _ in range(2)])
    assert losses[0] == losses[1] and np.isfinite(losses).all()


def test_the_source_shuffles_whole_epochs_and_draws_the_recipes_noise(params: Params) -> None:
    work = prepare_case("digits-dcgan", params)
    recipe = replace(work.recipe, batch=100)
    source = Source(recipe, work.data, 0, "cpu")
    torch.manual_seed(0)
    first, second = ([source.real()[1] for _ in range(12)] for _ in range(2))
    counts = torch.bincount(torch.cat(first), minlength=10)
    assert int(counts.sum()) == 1200 and (torch.bincount(work.data.labels) - counts).min() >= 0  # type: ignore[arg-type]
    assert not torch.equal(torch.cat(first), torch.cat(second))
    noise = torch.cat([source.latent(None).noise for _ in range(20)])
    assert -1 <= noise.min() < -0.9 and 0.9 < noise.max() <= 1  # U(−1, 1)
    toy = Source(params.recipe("deligan", "toy", "paper"), prepare_case("toy", params).data, 0, "cpu")
    latents = [toy.latent(None) for _ in range(40)]
    assert torch.cat([latent.noise for latent in latents]).std().item() == pytest.approx(1.0, abs=0.05)  # N(0, 1)
    assert len(torch.cat([latent.component for latent in latents]).unique()) == 50
    assert source.seen_by_generator() == (None, None)


def test_what_the_loop_does_not_do_is_refused(params: Params) -> None:
    def refused(recipe: Recipe) -> None:
        PlainTraining(work.build(), recipe, Source(recipe, work.data, 0, "cpu"))

    work = prepare_case("digits-dcgan", params)
    with pytest.raises(InputError, match="does not do historical averaging, fixed minibatches: time a recipe without"):
        refused(replace(work.recipe, historical_averaging=1.0, minibatches="fixed"))
