"""Training on a CUDA device: it runs, never waits for the device, and starts off as on the CPU, if not bit for bit."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from replication.data.digits import read_digits
from replication.models import MODELS, load
from replication.models.layers.networks import Networks
from replication.params import load_params
from replication.recipes import Recipe
from replication.training import loop
from replication.training.block import Outcome, train_block
from replication.training.draws import draw_units, labelled_rows
from replication.training.initialise import Samples
from replication.training.run import bind_runs, to_device
from replication.training.state import initial_state

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


@pytest.mark.parametrize("model", ["gan", "dcgan", "deligan"])  # another device draws other noise for layers
def test_the_first_units_agree_with_the_cpu(tmp_path: Path, model: str) -> None:
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


@pytest.mark.parametrize("model", MODELS)
def test_a_unit_never_waits_for_the_device(model: str, monkeypatch: pytest.MonkeyPatch) -> None:
    recipe, data, build = recipe_of(model), digits(), builder(model, recipe_of(model))
    assert data.labels is not None
    state = initial_state(build, recipe, (0,), data)
    to_device(state, "cuda")
    moved, real, units = Samples(data.values.cuda(), data.labels.cuda()), loop.train_unit, []

    def watched(*arguments: Any) -> None:
        torch.cuda.set_sync_debug_mode("error")
        try:
            real(*arguments)
        finally:
            torch.cuda.set_sync_debug_mode("default")
        units.append(arguments[4])

    monkeypatch.setattr(loop, "train_unit", watched)
    learnt = [labelled_rows(recipe.labels, data.labels.numpy(), 0)] if recipe.labels else None
    draws = draw_units(recipe, (0,), len(data.values), 0, 3, learnt)
    losses = loop.advance(bind_runs(build, state), recipe, moved, draws, 0, (0,))
    assert units == [0, 1, 2] and np.isfinite(losses[:, :, 0]).all()


def test_the_watch_sees_a_reading() -> None:
    torch.cuda.set_sync_debug_mode("error")
    try:
        with pytest.raises(RuntimeError, match="synchronizing"):
            torch.ones(2, device="cuda").sum().item()
    finally:
        torch.cuda.set_sync_debug_mode("default")
