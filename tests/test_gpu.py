"""Training on a CUDA device: it runs, never waits for the device, and starts off as on the CPU, if not bit for bit."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from replication.config.recipes import Recipe
from replication.data.embedded import read_digits
from replication.foundation.runtime import prepare_device
from replication.models import MODELS, load
from replication.models.layers.networks import Networks
from replication.scoring.quick_generators import batch_by_batch
from replication.training import draws
from replication.training.block import Outcome, train_block
from replication.training.captured import WARM_UP
from replication.training.initialise import Samples
from replication.training.lean import LeanUnits
from replication.training.lean_balanced import BalancedUnits
from replication.training.pieces import SeedTraining
from replication.training.sampling import draw_samples
from replication.training.state import initial_state
from replication.training.streams import host_stream
from replication.training.trainer import Trainer, seed_trainings
from tests.in_small import own_params

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device"),
    pytest.mark.filterwarnings("ignore:Synchronization debug mode"),  # a prototype, as it says when it is set
]
DEVICE = "cuda"
UNITS = 5  # a game is chaotic: DCGAN's losses on an H200 were 5e-6 from the CPU's after two units, .02 after seven
NATS = 0.02  # that a loss may differ by after so many units


@pytest.fixture(autouse=True)
def strict_arithmetic(monkeypatch: pytest.MonkeyPatch) -> None:
    """Float32 in full, and the same algorithms at each call: TF32 alone moves these losses by .25 nats."""
    prepare_device(DEVICE)
    monkeypatch.setattr(torch.backends.cudnn, "deterministic", True)


@contextmanager
def waiting_refused() -> Iterator[None]:
    """An operation that makes the host wait for the device raises RuntimeError."""
    try:
        torch.cuda.set_sync_debug_mode("error")
        yield
    finally:
        torch.cuda.set_sync_debug_mode("default")


def digits() -> Samples:
    read = read_digits()
    return Samples(torch.from_numpy(read.train_images), torch.from_numpy(read.train_labels).long())


def recipe_of(model: str) -> Recipe:
    """The model's recipe of digits in small, under its first variant."""
    recipe = own_params().recipe(model, "digits", next(iter(own_params().variants(model, "digits"))))
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

    def train(device: str, directory: Path) -> Outcome:
        directory.mkdir()
        return train_block(builder(model, recipe), recipe, (0, 1), data, directory, device, threads=2)

    cpu, other = train("cpu", tmp_path / "cpu"), train(DEVICE, tmp_path / "other")
    assert other.diverged == (-1, -1) and all(t.device.type == "cpu" for t in other.snapshots[recipe.updates].values())
    for name, tensor in cpu.snapshots[0].items():
        assert torch.equal(tensor, other.snapshots[0][name])
    np.testing.assert_allclose(other.history, cpu.history, rtol=0, atol=NATS)
    first = next(name for name in other.snapshots[0] if name.startswith("discriminator."))
    assert not torch.equal(other.snapshots[0][first], other.snapshots[recipe.updates][first])


def seed_on_gpu(model: str, way: str, recipe: Recipe) -> SeedTraining:
    build, data = builder(model, recipe), digits()
    (seed,) = seed_trainings(way, build, recipe, (0,), data, DEVICE, initial_state(build, recipe, (0,), data))
    torch.cuda.synchronize()  # it reads on a stream of its own what was copied on another
    return seed


@pytest.mark.parametrize("model", MODELS)
def test_captured_units_are_those_of_the_reference(model: str) -> None:
    recipe = recipe_of(model)
    plain, fast = (seed_on_gpu(model, way, recipe).advance(0, UNITS) for way in ("reference", "captured"))
    torch.cuda.synchronize()
    np.testing.assert_allclose(fast.losses.cpu().reshape(-1, 2), plain.losses.cpu(), rtol=0, atol=NATS)
    assert bool(plain.finite) and bool(fast.finite.all())


@pytest.mark.parametrize("model", MODELS)
def test_a_seed_is_the_same_beside_others(model: str) -> None:
    recipe, data = recipe_of(model), digits()
    together, alone = (
        Trainer(builder(model, recipe), recipe, seeds, data, DEVICE).advance(0, UNITS)
        for seeds in ((0, 1, 2, 3, 4), (3,))
    )
    np.testing.assert_allclose(together[3], alone[0], rtol=0, atol=NATS)
    assert len({float(losses[-1, 0]) for losses in together}) == 5


@pytest.mark.parametrize("model", MODELS)
def test_a_unit_never_waits_for_the_device(model: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those that warm up before a capture run one operation at a time; a capture refuses by itself to wait."""
    recipe, units = recipe_of(model), []
    kind = BalancedUnits if recipe.balance else LeanUnits
    real = kind.train

    def watched(*arguments: Any) -> None:
        with waiting_refused():
            real(*arguments)
        units.append(arguments)

    monkeypatch.setattr(kind, "train", watched)
    trained = seed_on_gpu(model, "captured", recipe).advance(0, 3)
    assert len(units) >= WARM_UP and bool(trained.finite.all())


def test_the_watch_sees_a_reading() -> None:
    ones = torch.ones(2, device=DEVICE)
    with waiting_refused(), pytest.raises(RuntimeError, match="synchronizing"):
        ones.sum().item()


def test_samples_drawn_in_many_batches_at_once_are_those_of_one_after_another() -> None:
    recipe = own_params().recipe("dcgan", "mnist-conditional", "code")
    networks = load("dcgan").build(recipe.network, recipe.prior, recipe.latent_dim, (1, 28, 28), 10)
    generator = networks.generator.to(DEVICE)
    together, count = batch_by_batch(generator, recipe.batch), 6 * recipe.batch
    drawn = draw_samples(together, recipe, recipe.noise, 0, "test", count, 10, together=4)[0]
    apart = draw_samples(generator, recipe, recipe.noise, 0, "test", count, 10)[0]
    torch.testing.assert_close(drawn, apart, rtol=1e-4, atol=1e-4)
