"""Training on a CUDA device: it runs, never waits for the device, and starts off as on the CPU, if not bit for bit."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from replication.data.digits import read_digits
from replication.models import MODELS, load
from replication.models.layers.networks import Networks
from replication.params import load_params
from replication.recipes import Recipe
from replication.training import draws, eager, loop
from replication.training.block import Outcome, train_block
from replication.training.initialise import Samples
from replication.training.pieces import SeedTraining
from replication.training.state import initial_state
from replication.training.streams import host_stream
from replication.training.trainer import Trainer, seed_trainings

pytestmark = [pytest.mark.gpu, pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")]
ROOT = Path(__file__).parents[1]
UNITS = 8


def digits() -> Samples:
    read = read_digits()
    return Samples(torch.from_numpy(read.train_images), torch.from_numpy(read.train_labels).long())


def recipe_of(model: str) -> Recipe:
    """The model's recipe of digits in small, under its first variant."""
    params = load_params(ROOT / "params.yaml")
    variant = next(iter(params.recipes[model]["digits"].get("variants", {"paper": {}})))
    recipe = params.recipe(model, "digits", variant)
    steps = recipe.inner_steps if recipe.schedule == "balanced" else 1
    return replace(recipe, updates=UNITS * steps, scored_shares=(0.0, 1.0))


def builder(model: str, recipe: Recipe) -> Callable[[], Networks]:
    return lambda: load(model).build(recipe.network, recipe.prior, recipe.latent_dim, (1, 8, 8), 10)


class OnDevice:
    """The host's stream, moved: what a CPU draws, for a comparison with it."""

    def __init__(self, device: str, seed: int, purpose: str, *position: int) -> None:
        self._device, self._stream = device, host_stream(seed, purpose, *position)

    def __getattr__(self, name: str) -> Callable[..., Tensor]:
        return lambda *arguments: getattr(self._stream, name)(*arguments).to(self._device)


@pytest.mark.parametrize("model", ["gan", "dcgan", "deligan"])  # another device draws other noise for layers
def test_the_first_units_agree_with_the_cpu(tmp_path: Path, model: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(draws, "training_stream", OnDevice)
    recipe, data = recipe_of(model), digits()

    def train(device: str) -> Outcome:
        directory = tmp_path / device
        directory.mkdir()
        return train_block(builder(model, recipe), recipe, (0, 1), data, directory, device, threads=2)

    cpu, cuda = train("cpu"), train("cuda")
    assert cuda.diverged == (-1, -1) and all(t.device.type == "cpu" for t in cuda.snapshots[recipe.updates].values())
    for name, tensor in cpu.snapshots[0].items():
        assert torch.equal(tensor, cuda.snapshots[0][name])
    np.testing.assert_allclose(cuda.history, cpu.history, rtol=0, atol=0.02)
    first = next(name for name in cuda.snapshots[0] if name.startswith("discriminator."))
    assert not torch.equal(cuda.snapshots[0][first], cuda.snapshots[recipe.updates][first])


def seeds_on_gpu(model: str, way: str, seeds: tuple[int, ...], recipe: Recipe) -> list[SeedTraining]:
    build, data = builder(model, recipe), digits()
    return seed_trainings(way, build, recipe, seeds, data, "cuda", initial_state(build, recipe, seeds, data))


@pytest.mark.parametrize("model", MODELS)
def test_fifty_captured_units_are_those_of_the_reference(model: str) -> None:
    """Within 0.02 nats of each loss: libraries may choose other algorithms, and a game amplifies what they round."""
    recipe = replace(recipe_of(model), updates=300)
    (plain,), (fast,) = (seeds_on_gpu(model, way, (0,), recipe) for way in ("eager", "captured"))
    one, other = plain.advance(0, 50), fast.advance(0, 50)
    torch.cuda.synchronize()
    np.testing.assert_allclose(other.losses.cpu(), one.losses.cpu(), rtol=0, atol=0.02)
    assert bool(one.finite) and bool(other.finite)


@pytest.mark.parametrize("model", MODELS)
def test_a_seed_is_the_same_beside_others(model: str) -> None:
    recipe, data = replace(recipe_of(model), updates=300), digits()
    together, alone = (
        Trainer(builder(model, recipe), recipe, seeds, data, "cuda").advance(0, 50) for seeds in ((0, 1, 2, 3, 4), (3,))
    )
    np.testing.assert_allclose(together[3], alone[0], rtol=0, atol=0.02)
    assert len({float(losses[-1, 0]) for losses in together}) == 5


@pytest.mark.parametrize("model", MODELS)
def test_a_unit_never_waits_for_the_device(model: str, monkeypatch: pytest.MonkeyPatch) -> None:
    recipe, real, units = recipe_of(model), loop.train_unit, []
    (seed,) = seeds_on_gpu(model, "eager", (0,), recipe)

    def watched(*arguments: Any) -> None:
        torch.cuda.set_sync_debug_mode("error")
        try:
            real(*arguments)
        finally:
            torch.cuda.set_sync_debug_mode("default")
        units.append(arguments)

    monkeypatch.setattr(eager, "train_unit", watched)
    trained = seed.advance(0, 3)
    assert len(units) == 3 and bool(trained.finite)


def test_the_watch_sees_a_reading() -> None:
    torch.cuda.set_sync_debug_mode("error")
    try:
        with pytest.raises(RuntimeError, match="synchronizing"):
            torch.ones(2, device="cuda").sum().item()
    finally:
        torch.cuda.set_sync_debug_mode("default")
