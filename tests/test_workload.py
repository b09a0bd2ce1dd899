"""The arithmetic of a unit, against operations counted by hand: a product of n×k and k×m matrices has 2·n·k·m."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from replication.budgets import with_budget
from replication.params import Params, load_params
from replication.workload import PER_UPDATE, RATES, Workload, assumed_seconds, workload

# Multiplications of one forward pass of one sample.
GAN_G = 100 * 1200 + 1200 * 1200 + 1200 * 784
GAN_D = 784 * 240 * 5 + 240 * 240 * 5 + 240
FEATURES_G = 100 * 500 + 500 * 500 + 500 * 784
FEATURES_D = 784 * 1000 + 1000 * 500 + 500 * 250 + 250 * 250 * 2 + 250 * 10
TOY_G, TOY_D = 2 * 32 + 32 * 2, 2 * 32 + 32


@pytest.fixture(scope="module")
def params() -> Params:
    return load_params(Path(__file__).parents[1] / "params.yaml")


def test_a_simultaneous_step_of_dense_networks(params: Params) -> None:
    """D: G forward, D forward and backward on two batches. G: both networks forward, through D back into G."""
    found = workload("gan", params.recipe("gan", "mnist", "code"), (1, 28, 28), 10)
    expected = 2 * 100 * ((GAN_G + 6 * GAN_D) + (3 * GAN_G + 2 * GAN_D))
    assert (found.kind, found.updates, found.units) == ("dense", 2, 125_000)
    assert found.flops == expected


def test_labels_are_a_third_batch_and_feature_matching_looks_at_real_images(params: Params) -> None:
    found = workload("improved_gan", params.recipe("improved_gan", "mnist-100", "code"), (1, 28, 28), 10)
    expected = 2 * 100 * ((FEATURES_G + 9 * FEATURES_D) + (3 * FEATURES_G + 3 * FEATURES_D))
    assert found.flops == expected


def test_several_steps_of_either_network(params: Params) -> None:
    recipe = replace(params.recipe("gan", "mnist", "paper"), inner_steps=4, generator_steps=3)
    found = workload("gan", recipe, (1, 28, 28), 10)
    assert found.updates == 7
    assert found.flops == 2 * 100 * (4 * (GAN_G + 6 * GAN_D) + 3 * (3 * GAN_G + 2 * GAN_D))


def test_a_balanced_minibatch_looks_and_computes_both_updates(params: Params) -> None:
    """Five inner steps on 50 points: a look at G's loss, an update of G and one of D."""
    found = workload("deligan", params.recipe("deligan", "toy-gan", "paper"), (2,), 0)
    step = (TOY_G + TOY_D) + (3 * TOY_G + 2 * TOY_D) + (TOY_G + 6 * TOY_D)
    assert found.flops == 2 * 50 * 5 * step
    assert (found.kind, found.updates, found.units) == ("toy", 15, 64_000)


def test_convolutions_are_counted_at_every_place_of_their_output(params: Params) -> None:
    """DCGAN's 32×32 discriminator: 3×3 kernels, strides 1 and 2 in turn, then one dense unit."""
    places, widths = (1024, 256, 256, 64, 64, 16), (3, 128, 128, 256, 256, 512, 512)
    one = sum(place * 9 * a * b for place, a, b in zip(places, widths, widths[1:], strict=False)) + 8192
    recipe = params.recipe("dcgan", "cifar10", "paper")
    found = workload("dcgan", recipe, (3, 32, 32), 10)
    steps = workload("dcgan", replace(recipe, inner_steps=2), (3, 32, 32), 10)
    generator = 256 * 8192 + sum(
        place * 9 * a * b
        for place, a, b in zip(
            (16, 64, 64, 256, 256, 1024), (512, 512, 256, 256, 128, 128), (512, 256, 256, 128, 128, 3), strict=True
        )
    )
    assert steps.flops - found.flops == 2 * 128 * (generator + 6 * one)
    assert found.kind == "convolutional" and found.flops == 2 * 128 * (4 * generator + 8 * one)


def test_a_budget_shortens_the_run_and_leaves_the_unit(params: Params) -> None:
    recipe = params.recipe("deligan", "toy-gan", "paper")
    whole, cut = (workload("deligan", one, (2,), 0) for one in (recipe, with_budget(recipe, 0.1)))
    assert (cut.units, cut.flops, cut.updates) == (whole.units // 10, whole.flops, whole.updates)


def test_assumed_seconds_are_arithmetic_at_the_assumed_rate_and_a_cost_for_each_update() -> None:
    work = Workload("dense", 3e9, 2, 1000)
    assert assumed_seconds(work, 5) == pytest.approx(1000 * (5 * 3e9 / RATES["dense"] + 2 * PER_UPDATE))
    assert assumed_seconds(work, 10) == pytest.approx(2 * (assumed_seconds(work, 5) or 0))
    assert assumed_seconds(replace(work, kind="toy"), 5) is None
