"""A block of seeds: pieces are cut where draws and objectives say, and the fast way gives what the reference gives."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, cast

import numpy as np
import pytest
import torch

from replication.config.recipes import Early, Labels
from replication.training.batched import CapturedBatch
from replication.training.captured import CapturedSeed
from replication.training.eager import EagerSeed
from replication.training.pieces import PIECE, Trained
from replication.training.trainer import Trainer, labels_of, products, queue_pieces, seed_trainings
from tests.training.small import PLAIN, assert_same, small


def test_a_piece_has_one_objective(monkeypatch: pytest.MonkeyPatch) -> None:
    case = small(objective="saturating", early=Early("non-saturating", 3))
    real, calls = EagerSeed.advance, []

    def watched(seed: EagerSeed, first: int, count: int) -> Trained:
        calls.append((first, count))
        return real(seed, first, count)

    monkeypatch.setattr(EagerSeed, "advance", watched)
    monkeypatch.setitem(PIECE, "eager", 4)
    Trainer(case.build, case.recipe, (0,), case.data).advance(0, 8)
    assert calls == [(0, 3), (3, 1), (4, 4)]


def test_the_state_is_that_of_the_last_unit() -> None:
    case = small(noisy=True)
    whole, parts = (Trainer(case.build, case.recipe, (4, 1), case.data, threads=2, marks=(3,)) for _ in range(2))
    losses = whole.advance(0, 7)
    np.testing.assert_array_equal(np.concatenate([parts.advance(0, 3), parts.advance(3, 4)], axis=1), losses)
    assert_same(whole.state, parts.state)
    assert losses.shape == (2, 7, 2) and whole.state["steps"].tolist() == [[7, 7], [7, 7]]


def test_each_seed_has_its_own_labels() -> None:
    case = small(labels=Labels(2))
    each, other = labels_of(case.recipe, (0, 1), case.data)
    assert each is not None and other is not None and len(each) == len(other) == 6 and set(each) != set(other)
    assert labels_of(PLAIN, (0, 1), case.data) == [None, None]


def test_units_of_all_seeds_are_queued_in_turn_and_the_next_piece_before_the_last_is_read() -> None:
    calls: list[str] = []

    class Fake:
        def __init__(self, name: str) -> None:
            self.name, self.unit = name, 0

        def begin(self, first: int, count: int) -> None:
            calls.append(f"{self.name} begins {first}")
            self.unit = first

        def queue_unit(self) -> None:
            calls.append(f"{self.name}{self.unit}")
            self.unit += 1

        def end(self) -> Trained:
            last = self.unit

            class Event:
                def synchronize(self) -> None:
                    calls.append(f"waits for {last}")

            return Trained(torch.zeros(2, 2), torch.tensor(True), Event())  # pyright: ignore[reportArgumentType]

    def note(index: int, piece: tuple[int, int], trained: Trained) -> None:
        calls.append(f"reads {'ab'[index]} {piece}")

    queue_pieces([Fake("a"), Fake("b")], [(0, 2), (2, 3)], note)  # pyright: ignore[reportArgumentType]
    first = ["a begins 0", "b begins 0", "a0", "b0", "a1", "b1"]
    second = ["a begins 2", "b begins 2", "a2", "b2"]
    read = ["waits for 2", "reads a (0, 2)", "waits for 2", "reads b (0, 2)"]
    last = ["waits for 3", "reads a (2, 3)", "waits for 3", "reads b (2, 3)"]
    assert calls == [*first, *second, *read, *last]


@pytest.mark.parametrize(("normalised", "kind"), [(True, CapturedSeed), (False, CapturedBatch)])
def test_a_block_on_a_gpu_is_the_reference(normalised: bool, kind: type, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a CPU, where captured units are called: losses, divergence and state go where each seed's belong."""
    monkeypatch.setitem(PIECE, "captured", 4)
    monkeypatch.setattr(torch.cuda, "synchronize", lambda: None)
    case, seeds = small(normalised=normalised), (5, 0, 2)
    reference, fast = (Trainer(case.build, case.recipe, seeds, case.data, marks=(4,)) for _ in range(2))
    for trainer, engine in ((reference, "eager"), (fast, "captured")):
        trainer.state["generator.body.0.weight"][1] = torch.nan
        trainer._seeds = seed_trainings(engine, case.build, case.recipe, seeds, case.data, "cpu", trainer.state)
    fast._on_gpu, fast.piece = True, PIECE["captured"]
    assert {type(seed) for seed in fast._seeds} == {kind}
    tolerance = 0.0 if kind is CapturedSeed else 1e-5  # sums of stacked products round otherwise
    np.testing.assert_allclose(fast.advance(0, 7), reference.advance(0, 7), rtol=0, atol=tolerance, equal_nan=True)
    assert_same(reference.state, fast.state, tolerance)
    assert fast.state["diverged"].tolist() == [-1, 4, -1]


@pytest.fixture
def switches() -> Iterator[None]:
    """TF32's switches, put back."""
    matmul, cudnn = torch.backends.cuda.matmul, cast(Any, torch.backends.cudnn)
    before = matmul.allow_tf32, cudnn.allow_tf32
    yield
    matmul.allow_tf32, cudnn.allow_tf32 = before


@pytest.mark.parametrize("precision", ["float32", "tf32", "bfloat16"])
@pytest.mark.parametrize("before", [True, False])
def test_tf32_is_on_while_a_recipe_that_says_so_trains(
    precision: str, before: bool, switches: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Simulated: torch has the switches without a GPU too."""
    case = small(precision=precision)
    trainer = Trainer(case.build, case.recipe, (0,), case.data)
    trainer._device, seen = "cuda", []
    real = EagerSeed.advance

    def watched(seed: EagerSeed, first: int, count: int) -> Trained:
        seen.append((torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32))
        if first:
            raise OSError("the disk is full")
        return real(seed, first, count)

    monkeypatch.setattr(EagerSeed, "advance", watched)
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = before
    trainer.advance(0, 1)
    with pytest.raises(OSError, match="disk"):
        trainer.advance(1, 1)
    assert seen == [(precision == "tf32",) * 2] * 2
    assert (torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32) == (before, before)


def test_on_a_cpu_tf32_is_float32() -> None:
    cases, before = [small(precision=p) for p in ("float32", "tf32")], torch.backends.cuda.matmul.allow_tf32
    exact, rounded = (Trainer(case.build, case.recipe, (0,), case.data) for case in cases)
    np.testing.assert_array_equal(exact.advance(0, 4), rounded.advance(0, 4))
    with products("tf32", "cpu"):
        assert torch.backends.cuda.matmul.allow_tf32 == before
