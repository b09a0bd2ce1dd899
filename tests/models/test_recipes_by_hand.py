"""The papers' recipes against released code: lengths, rates and turns, and what sets variants apart."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from typing import Any

import numpy as np
import pytest

from replication.config.recipes import Early, Recipe
from replication.training.draws import draw_units, labelled_rows
from replication.training.schedule import minibatches_of_unit, objective_at, rates_at, turns, update_counts
from replication.training.stopping import selection_units
from tests.in_small import own_benchmarks, own_params
from tests.models.papers import recipe_of


def leaves(value: Any, path: str = "") -> dict[str, Any]:
    """What nested mappings hold, under dotted keys."""
    if isinstance(value, Mapping):
        return {key: leaf for name, part in value.items() for key, leaf in leaves(part, f"{path}.{name}").items()}
    return {path.removeprefix("."): value}


def code_apart(model: str, name: str) -> dict[str, Any]:
    """Dotted keys in which the released code departs from the paper, with the code's values."""
    paper, code = (leaves(asdict(recipe_of(model, name, variant))) for variant in ("paper", "code"))
    return {key: code.get(key) for key in paper | code if paper.get(key) != code.get(key)}


@pytest.mark.parametrize("name", own_params().recipes["dcgan"])
def test_dcgans_variants_differ_in_whom_a_minibatch_serves(name: str) -> None:
    paper, code = (recipe_of("dcgan", name, variant) for variant in ("paper", "code"))
    expected: dict[str, Any] = {"generator_minibatch": "next"}
    if name == "svhn":
        expected |= {"batch": 64, "noise.distribution": "normal", "adam.learning_rate": 5e-4}
    assert code_apart("dcgan", name) == expected
    assert (minibatches_of_unit(paper), minibatches_of_unit(code)) == (1, 2)
    assert update_counts(code) == update_counts(paper)
    conditional = code.network.get("kind") == "conditional"
    assert [turn.rows for turn in turns(code)] == [0, 1]
    assert [turn.rows for turn in turns(paper)] == [0, 1 if conditional else None]


TOY, MNIST = {"noise.distribution", "prior.component", "prior.sigma_init"}, {"sampled_with", "prior.component"}
SHOWN = {"display_noise.distribution", "display_noise.scale"}
DELIGAN = {
    "toy": TOY,
    **dict.fromkeys(("toy-moe-gan", "toy-ensemble-gan"), TOY - {"prior.sigma_init"}),
    **dict.fromkeys(("toy-gan", "toy-gan-plus-plus", "toy-nx-gan"), {"noise.distribution"}),
    **dict.fromkeys(("mnist", "digits"), MNIST | SHOWN),
    **dict.fromkeys(("mnist-gan", "digits-gan"), {"sampled_with"} | SHOWN),
    "cifar10": {"prior.component", "prior.sigma_start", "prior.regulariser"},
    **dict.fromkeys(("cifar10-moe-gan", "sketches"), {"prior.component"}),
    **dict.fromkeys(("cifar10-gan", "cifar10-gan-deeper", "sketches-gan"), set()),
}
IMPROVED = {"adam.epsilon_inside", "discriminator_scale"}
IMPROVED_GAN = {
    "mnist-100": IMPROVED | {"feature_matching.distance", "network.dense.generator"},
    "cifar10-4000": IMPROVED | {"feature_matching.distance"},
    "svhn-1000": IMPROVED
    | {"feature_matching.distance", "updates", "linear_decay.begin", "linear_decay.end"}
    | {"network.convolutional.discriminator"},
    "cifar10-minibatch": IMPROVED
    | {"generator_steps", "real_target", "network.convolutional.minibatch.form"}
    | {"network.convolutional.generator_norm", "network.convolutional.reference"},
}


@pytest.mark.parametrize(
    ("model", "name", "keys"),
    [*(("deligan", *item) for item in DELIGAN.items()), *(("improved_gan", *item) for item in IMPROVED_GAN.items())],
)
def test_paper_and_code_differ_in_these_keys(model: str, name: str, keys: set[str]) -> None:
    assert set(code_apart(model, name)) == keys


def test_the_ledger_names_each_difference_of_improved_gan() -> None:
    (benchmark,) = (benchmark for benchmark in own_benchmarks() if benchmark.paper == "improved_gan2016")
    entries = [entry.key for entry in benchmark.deviations if ".variants.code." in entry.key]
    assert len(entries) == len(set(entries))
    named = {key.split(".variants.code.")[1] for key in entries}
    # a reference batch goes with virtual batch normalisation, the decay with the length: one entry for both
    beside = {"network.convolutional.reference", "linear_decay.begin", "linear_decay.end"}
    assert set().union(*IMPROVED_GAN.values()) - beside <= named


GAN = {
    "mnist": (50_000 // 100, 0.1, 1000),
    "cifar10-dense": (40_000 // 100, 0.025, 250),
    "cifar10-convolutional": (40_000 // 128, 0.004, 250),
}  # minibatches of an epoch, rate, epochs


@pytest.mark.parametrize("name", GAN)
def test_gans_variants_differ_in_four_keys(name: str) -> None:
    paper, code = (recipe_of("gan", name, variant) for variant in ("paper", "code"))
    tenth = paper.updates // 10
    assert [objective_at(paper, unit) for unit in (0, tenth - 1, tenth)] == ["non-saturating"] * 2 + ["saturating"]
    assert {objective_at(code, unit) for unit in (0, tenth, code.updates - 1)} == {"non-saturating"}
    assert paper.early == Early("non-saturating", tenth)
    assert (paper.schedule, paper.inner_steps, paper.discriminator_scale) == ("alternate", 1, 1.0)
    keys = {"objective": code.objective, "early": None, "discriminator_scale": 0.5, "schedule": "simultaneous"}
    assert replace(paper, **keys) == code  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize("variant", ["paper", "code"])
@pytest.mark.parametrize("name", GAN)
def test_gans_momentum_rises_by_the_epoch_and_its_rate_falls_by_the_batch(name: str, variant: str) -> None:
    recipe, (epoch, rate, epochs) = recipe_of("gan", name, variant), GAN[name]
    assert recipe.latent_dim == 100
    # The released schedule counts one epoch before the first: after 249 it is at its end.
    for done, momentum in {0: 0.5, 1: 0.5 + 0.2 / 249, 125: 0.5 + 0.2 * 125 / 249, 249: 0.7, 250: 0.7}.items():
        assert rates_at(recipe, done * epoch).momentum == pytest.approx(momentum, abs=1e-12)
    assert rates_at(recipe, epoch - 1).momentum == 0.5
    for batch in (0, 1, epoch, 100 * epoch):
        assert rates_at(recipe, batch).learning_rate == pytest.approx(rate / 1.000004**batch, rel=1e-9)
    assert rates_at(recipe, 10_000_000).learning_rate == 1e-6
    assert set(update_counts(recipe).values()) == {epochs * epoch, 2 * epochs * epoch}
    assert selection_units(recipe) == tuple(range(10 * epoch, (epochs + 1) * epoch, 10 * epoch))


def test_dcgans_lengths_are_those_of_the_released_code() -> None:
    """Minibatches in all; the code counts one update of either network a minibatch."""
    together = {name: update_counts(recipe_of("dcgan", name))["together"] for name in own_params().recipes["dcgan"]}
    assert together["mnist-conditional"] == together["mnist-gan"] == 78_200 == 200 * -(-50_000 // 128)
    assert together["celeba"] == 25 * -(-350_000 // 128) - 1  # an odd number, and an update of either is a pair
    assert together["lsun"] == 5 * -(-3_033_042 // 128)
    assert together["svhn"] == 200 * (73_257 // 64)
    assert together["imagenet32"] == pytest.approx(30 * 1_281_167 / 128, rel=1e-3)


def test_dcgans_conditional_rate_is_constant_and_then_falls_to_zero() -> None:
    """The code lowers it by a hundredth after each epoch of 391 minibatches from the 101st on."""
    recipe = recipe_of("dcgan", "mnist-conditional")
    for epoch, rate in {0: 2e-4, 99: 2e-4, 100: 2e-4, 102: 1.96e-4, 150: 1e-4, 198: 4e-6}.items():
        assert rates_at(recipe, -(-epoch * 391 // 2)).learning_rate == pytest.approx(rate), epoch
    ours = [rates_at(recipe, unit).learning_rate for unit in range(recipe.updates)]
    assert ours == sorted(ours, reverse=True) and ours[-1] > 0
    released = [2e-4 * min(1.0, 1 - (unit * 2 // 391 - 100) / 100) for unit in range(recipe.updates)]
    assert np.abs(np.subtract(ours, released)).max() <= 2e-6 * (1 + 1e-9)  # a step of the code's


@pytest.mark.parametrize(
    ("recipe", "per_epoch", "expected"),
    [
        (recipe_of("deligan", "mnist"), 10, lambda epoch: 5e-4 * min(4 - epoch / 1000, 3) / 3),
        (recipe_of("deligan", "cifar10"), 20, lambda epoch: 3e-4 * min(3 - epoch / 400, 1)),
        (recipe_of("deligan", "sketches"), 6, lambda epoch: 1e-4 * min(3 - epoch / 1300, 1)),
        (recipe_of("improved_gan", "mnist-100"), 600, lambda epoch: 3e-3),
        (recipe_of("improved_gan", "cifar10-4000"), 500, lambda epoch: 3e-4 * min(3 - epoch / 400, 1)),
        (recipe_of("improved_gan", "cifar10-minibatch", "paper"), 500, lambda epoch: 3e-4 * min(3 - epoch / 400, 1)),
        (recipe_of("improved_gan", "svhn-1000", "paper"), 732, lambda epoch: 3e-4 * min(3 - epoch / 400, 1)),
        (recipe_of("improved_gan", "svhn-1000"), 732, lambda epoch: 3e-4 * min(3 - epoch / 300, 1)),
        (recipe_of("improved_gan", "mnist-100", "first"), 600, lambda epoch: 1e-3 * min(3 - epoch / 100, 1)),
        (recipe_of("improved_gan", "cifar10-4000", "first"), 500, lambda epoch: 3e-4),
        (recipe_of("improved_gan", "cifar10-minibatch", "first"), 500, lambda epoch: 3e-4 * min(2.5 - epoch / 200, 1)),
    ],
)
def test_rates_are_the_codes(recipe: Recipe, per_epoch: int, expected: Callable[[float], float]) -> None:
    last = recipe.updates // per_epoch
    for epoch in {0, 100, 199, 200, 299, 300, 400, 500, 800, 801, 1000, 1001, 1199, 2600, 2601, 3000, last - 1}:
        if epoch < last:
            for unit in (epoch * per_epoch, (epoch + 1) * per_epoch - 1):  # it changes between epochs
                assert rates_at(recipe, unit).learning_rate == pytest.approx(max(expected(epoch), 0.0), rel=1e-9)


def test_deligans_lengths_and_turns_are_the_codes() -> None:
    mnist, cifar, sketches, toy = (recipe_of("deligan", name) for name in ("mnist", "cifar10", "sketches", "toy"))
    assert update_counts(toy)["together"] == 8000 * 8 * 5
    assert update_counts(mnist)["together"] == 4000 * 10 * 5
    assert update_counts(sketches)["together"] == 3900 * 6 * 5
    assert update_counts(cifar) == {"generator": 1200 * 20 * 3, "discriminator": 1200 * 20, "together": 1200 * 20 * 4}
    assert [turn.sides for turn in turns(cifar)] == [("discriminator",), *[("generator",)] * 3]
    assert len({turn.noise for turn in turns(cifar)}) == 4
    assert [turn.noise for turn in turns(mnist)] == [turn.noise for turn in turns(sketches)] == [0, 1, 2, 3, 4]
    assert [turn.noise for turn in turns(toy)] == [0] * 5


def test_improved_gans_lengths_are_the_codes() -> None:
    lengths = {
        ("mnist-100", "code"): 300 * (60_000 // 100),
        ("cifar10-4000", "code"): 1200 * (50_000 // 100),
        ("cifar10-minibatch", "paper"): 1200 * (50_000 // 100),
        ("svhn-1000", "paper"): 1200 * (73_257 // 100),
        ("svhn-1000", "code"): 900 * (73_257 // 100),
        ("mnist-100", "first"): 301 * 600,
        ("cifar10-4000", "first"): 1001 * 500,
        ("cifar10-minibatch", "first"): 500 * 500,
    }
    assert {names: recipe_of("improved_gan", *names).updates for names in lengths} == lengths


@pytest.mark.parametrize("count", [20, 50, 100, 200])
def test_labels_are_as_many_as_the_name_says_and_fill_each_minibatch_evenly(count: int) -> None:
    recipe = recipe_of("improved_gan", f"mnist-{count}")
    labels = np.arange(6000) % 10
    assert recipe.labels is not None
    subset = labelled_rows(recipe.labels, labels, 0)
    assert np.bincount(labels[subset]).tolist() == [count // 10] * 10
    drawn = draw_units(recipe, 0, 6000, 0, 4, subset).labelled
    assert drawn.shape == (4, 1, 100)
    assert set(np.bincount(drawn.flatten(), minlength=6000)[subset]) == {400 // count}  # each as often as any other


@pytest.mark.parametrize("name", ["mnist-20", "mnist-50", "mnist-100", "mnist-200", "cifar10-4000", "svhn-1000"])
def test_ensembles_are_ten_trainings_of_one_label_draw(name: str) -> None:
    alone, together = recipe_of("improved_gan", name), recipe_of("improved_gan", f"{name}-ensemble")
    assert alone.labels is not None and together.labels is not None
    assert (alone.labels.trainings_per_draw, together.labels.trainings_per_draw) == (1, 10)
    assert replace(together, labels=alone.labels, scored_shares=alone.scored_shares) == alone
