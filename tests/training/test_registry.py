"""Objectives and optimisers that a model file registers, through every way of training, and words that nobody has."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from replication import models
from replication.config.recipes import Balance, Early, Recipe, Registered
from replication.foundation.errors import InputError
from replication.models.registry import OBJECTIVES, OPTIMISERS, register
from replication.training.batched import trains_batched
from replication.training.block import train_block
from replication.training.schedule import SIDES
from replication.training.toy.plan import plan_of
from replication.training.trainer import recorded
from tests.four_touches import wgan  # noqa: F401 — which registers what is tested here
from tests.training.small import PLAIN, assert_same, small

CLIP = 0.3
# ε is above what rounds: the loss has no slope in the critic's last bias.
CLIPPED = Registered("clipped-rmsprop", 0.01, {"decay": 0.9, "clip": CLIP, "epsilon": 1e-3})
SCHEDULES: dict[str, dict[str, Any]] = {
    "alternate": {"inner_steps": 3},
    "simultaneous": {"schedule": "simultaneous"},
    "balanced": {
        "schedule": "balanced",
        "inner_steps": 4,
        "balance": Balance(0.0, 0.1, -0.1, 1, 0.02, -1, 0.03, extra_rate=0.5),
    },
    "early": {"early": Early("non-saturating", 3)},
}


REGISTERED = replace(PLAIN, adam=None, optimiser=CLIPPED, objective="wasserstein")


@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize("normalised", [True, False])
def test_few_kernels_train_as_the_reference_does(schedule: str, normalised: bool) -> None:
    case = small(of=REGISTERED, noisy=True, normalised=normalised, **SCHEDULES[schedule])
    state, units = case.start(), case.units(6)
    reference, lean = (case.train(state, units, lean=lean) for lean in (False, True))
    assert_same(reference.tensors, lean.tensors, 1e-5)
    assert min(reference.steps) > 0
    for side, bounded in zip(SIDES, (False, True), strict=True):
        largest = max(tensor.abs().max().item() for tensor in reference.parameters(side))
        assert (largest <= CLIP + 1e-6) == bounded


@pytest.mark.parametrize(
    ("recipe", "changes", "sentence"),
    [
        (PLAIN, {"objective": "comparing"}, "generator_minibatch: objective comparing needs real samples"),
        (
            REGISTERED,
            {"optimiser": Registered("unheard-of", 0.1)},
            "^training: 'unheard-of' is no optimiser; accepted: adam, sgd",
        ),
        (
            REGISTERED,
            {"optimiser": Registered("clipped-rmsprop", 0.1)},
            "optimiser: clipped-rmsprop: decay: field required",
        ),
        (REGISTERED, {"real_target": 0.9}, "real_target: objective wasserstein does not read it; leave it out"),
    ],
)
def test_what_an_entry_does_not_know_trains_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, recipe: Recipe, changes: dict[str, Any], sentence: str
) -> None:
    monkeypatch.setitem(OBJECTIVES, "comparing", OBJECTIVES["wasserstein"]._replace(sees_real=True))
    case = small(of=recipe, **changes)
    with pytest.raises(InputError, match=sentence):
        train_block(case.build, case.recipe, (0,), case.data, tmp_path)
    assert not list(tmp_path.iterdir())


def test_the_compiled_way_refuses_what_it_does_not_compute() -> None:
    networks = models.load("gan").build({"hidden": [3], "nonlinearity": "tanh"}, PLAIN.prior, 3, (2,))
    with pytest.raises(InputError, match="engine kernel does not compute objective: wasserstein, optimiser: "):
        plan_of(networks, replace(REGISTERED, engine="kernel"), 4)


def test_fast_ways_are_left_where_an_entry_is_not_for_them(monkeypatch: pytest.MonkeyPatch) -> None:
    networks = small(of=REGISTERED, normalised=False).build()
    assert recorded(REGISTERED) and trains_batched(networks, REGISTERED)
    monkeypatch.setitem(OPTIMISERS, "by-norm", OPTIMISERS["clipped-rmsprop"]._replace(by_element=False))
    by_norm = replace(REGISTERED, optimiser=replace(CLIPPED, name="by-norm"))
    assert recorded(by_norm) and not trains_batched(networks, by_norm)
    monkeypatch.setitem(OBJECTIVES, "looking", OBJECTIVES["wasserstein"]._replace(on_device=False))
    assert not recorded(replace(REGISTERED, objective="looking"))


def test_a_name_is_registered_once_and_moments_are_few() -> None:
    entry = OPTIMISERS["clipped-rmsprop"]
    with pytest.raises(InputError, match="'clipped-rmsprop' is registered twice"):
        register(OPTIMISERS, "clipped-rmsprop", entry)
    with pytest.raises(InputError, match="keeps 4 moments; a state holds 3 at most"):
        register(OPTIMISERS, "hoarding", entry._replace(moments=4))


def test_a_model_says_what_it_can_be_scored_by(monkeypatch: pytest.MonkeyPatch) -> None:
    scored = {name: [p for p in models.PROTOCOLS if models.is_scored_by(name, p)] for name in models.MODELS}
    assert scored == {"gan": ["parzen", "game"], "dcgan": ["probe"], "improved_gan": [], "deligan": []}
    monkeypatch.setattr(models.load("gan"), "SCORED_BY", ("unheard-of",))
    with pytest.raises(InputError, match=r"SCORED_BY of model gan has \['unheard-of'\]; accepted: probe, "):
        models.is_scored_by("gan", "probe")
