"""A block of seeds: pieces are cut where draws and objectives say, and the fast way gives what the reference gives."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any, cast

import numpy as np
import pytest
import torch

from replication.config.recipes import Early, Labels, Recipe
from replication.training.eager import EagerSeed
from replication.training.pieces import PIECE, Trained
from replication.training.trainer import Trainer, labels_of, products, queue_pieces, seed_trainings


def test_a_piece_has_one_objective(small: Callable[..., Any], recipe: Recipe, monkeypatch: pytest.MonkeyPatch) -> None:
    case = small(replace(recipe, objective="saturating", early=Early("non-saturating", 3)))
    real, calls = EagerSeed.advance, []

    def watched(own: EagerSeed, first: int, count: int) -> Trained:
        calls.append((first, count))
        return real(own, first, count)

    monkeypatch.setattr(EagerSeed, "advance", watched)
    monkeypatch.setitem(PIECE, "eager", 4)
    Trainer(case.build, case.recipe, (0,), case.data).advance(0, 8)
    assert calls == [(0, 3), (3, 1), (4, 4)]


def test_the_state_is_that_of_the_last_unit(small: Callable[..., Any], recipe: Recipe) -> None:
    case = small(recipe, noisy=True)
    whole, parts = (Trainer(case.build, recipe, (4, 1), case.data, threads=2, marks=(3,)) for _ in range(2))
    losses = whole.advance(0, 7)
    np.testing.assert_array_equal(np.concatenate([parts.advance(0, 3), parts.advance(3, 4)], axis=1), losses)
    for name, tensor in whole.state.items():
        torch.testing.assert_close(parts.state[name], tensor, rtol=0, atol=0, equal_nan=True, msg=name)
    assert losses.shape == (2, 7, 2) and whole.state["steps"].tolist() == [[7, 7], [7, 7]]


def test_each_seed_has_its_own_labels(small: Callable[..., Any], recipe: Recipe) -> None:
    labelled = replace(recipe, labels=Labels(2))
    data = small(labelled, outputs=3).data
    one, other = labels_of(labelled, (0, 1), data)
    assert one is not None and other is not None and len(one) == len(other) == 6 and set(one) != set(other)
    assert labels_of(recipe, (0, 1), data) == [None, None]


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


def test_a_block_on_a_gpu_is_the_reference(small: Callable[..., Any], recipe: Recipe, monkeypatch: Any) -> None:
    """Queued in pieces, on a CPU with captured units that are called: losses go where they belong."""
    monkeypatch.setitem(PIECE, "captured", 4)
    monkeypatch.setattr(torch.cuda, "synchronize", lambda: None)
    case, seeds = small(recipe), (5, 0)
    reference = Trainer(case.build, recipe, seeds, case.data, marks=(4,))
    fast = Trainer(case.build, recipe, seeds, case.data)
    fast._seeds = seed_trainings("captured", case.build, recipe, seeds, case.data, "cpu", fast.state)
    fast._on_gpu, fast.piece = True, PIECE["captured"]
    np.testing.assert_array_equal(fast.advance(0, 7), reference.advance(0, 7))


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
    small: Callable[..., Any], recipe: Recipe, precision: Any, before: bool, switches: None, monkeypatch: Any
) -> None:
    """Simulated: torch has the switches without a GPU too."""
    case = small(replace(recipe, precision=precision))
    trainer = Trainer(case.build, case.recipe, (0,), case.data)
    trainer._device, seen = "cuda", []
    real = EagerSeed.advance

    def watched(own: EagerSeed, first: int, count: int) -> Trained:
        seen.append((torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32))
        if first:
            raise OSError("the disk is full")
        return real(own, first, count)

    monkeypatch.setattr(EagerSeed, "advance", watched)
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = before
    trainer.advance(0, 1)
    with pytest.raises(OSError, match="disk"):
        trainer.advance(1, 1)
    assert seen == [(precision == "tf32",) * 2] * 2
    assert (torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32) == (before, before)


def test_on_a_cpu_tf32_is_float32(small: Callable[..., Any], recipe: Recipe) -> None:
    case, before = small(recipe), torch.backends.cuda.matmul.allow_tf32
    exact, rounded = (Trainer(case.build, replace(recipe, precision=p), (0,), case.data) for p in ("float32", "tf32"))
    np.testing.assert_array_equal(exact.advance(0, 4), rounded.advance(0, 4))
    with products("tf32", "cpu"):
        assert torch.backends.cuda.matmul.allow_tf32 == before
