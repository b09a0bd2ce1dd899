"""How a block is cut, logged, kept and refused, by rules that need no training."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from torch import nn

from replication.config.recipes import Labels
from replication.foundation.errors import InputError
from replication.models.layers.networks import Generator, Networks
from replication.training import block, checkpoints
from replication.training.block import train_block
from replication.training.initialise import Samples
from replication.training.pieces import PIECE, cut
from replication.training.state import State
from replication.training.trainer import Trainer
from tests.training.small import PLAIN, small

SEEDS = (3, 0, 8)


def test_pieces_are_cut_at_multiples_and_at_marks() -> None:
    assert cut(0, 10, 4, (0, 5, 10)) == [(0, 4), (4, 5), (5, 8), (8, 10)]
    assert cut(0, 4, 4) == [(0, 4)]
    assert cut(3, 9, 4, (2, 5)) == [(3, 4), (4, 5), (5, 8), (8, 9)]


class Inline:
    """In the place of a thread: what is submitted is done at once."""

    def __init__(self, threads: int) -> None:
        assert threads == 1

    def submit(self, function: Callable[..., Any], *arguments: Any) -> Future[Any]:
        done: Future[Any] = Future()
        done.set_result(function(*arguments))
        return done

    def shutdown(self) -> None: ...


@pytest.mark.parametrize("units", [1, 7, 1999, 2001, 4000, 64_000, 20_000])
def test_the_window_divides_the_run_into_at_most_so_many_points(units: int) -> None:
    window = block.history_window(replace(PLAIN, updates=units))
    assert units % window == 0
    assert units // window < 2 * block.HISTORY_POINTS


@pytest.mark.parametrize(
    ("writing", "expected"),
    [(0.0, [4, 8, 12, 16, 20, 24, 28, 32, 36, 40]), (1.0, [4, 11, 18, 25, 32, 39, 40])],
)
def test_checkpoints_come_no_oftener_than_writing_them_can_bear(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, writing: float, expected: list[int]
) -> None:
    """A stretch takes 3 s. Where writing takes none a checkpoint is due after 10 s; where it takes 1 s, after 20."""
    clock, written = [0.0], []

    def advance(_: Any, first: int, count: int) -> np.ndarray:
        clock[0] += 3.0
        return np.zeros((len(SEEDS), count, 2))

    def write(directory: Path, name: str, unit: int, state: State) -> None:
        if name == "state":
            clock[0] += writing
            written.append(unit)

    monkeypatch.setitem(PIECE, "eager", 1)
    monkeypatch.setattr(block, "STRETCH_SECONDS", 0.0)
    monkeypatch.setattr(checkpoints, "ThreadPoolExecutor", Inline)
    monkeypatch.setattr(block.time, "monotonic", lambda: clock[0])
    monkeypatch.setattr(Trainer, "advance", advance)
    monkeypatch.setattr(checkpoints, "write_state", write)
    monkeypatch.setattr(block, "_read_snapshot", lambda *_: {})
    case = small(updates=40, scored_shares=(1.0,))
    train_block(case.build, case.recipe, SEEDS, case.data, tmp_path)
    assert written == expected


def conditional() -> Networks:
    body = nn.Linear(2, 2)
    networks = Networks(Generator(None, body), body)
    networks.generator.conditional = True
    return networks


@pytest.mark.parametrize(
    ("build", "changes", "labelled", "sentence"),
    [
        (
            small().build,
            {"labels": Labels(1)},
            False,
            "the recipe learns labels, and the data set has none; leave labels",
        ),
        (
            conditional,
            {},
            True,
            "the generator takes labels, .*generator_minibatch own or next, and use a data set that",
        ),
        (
            conditional,
            {"generator_minibatch": "next"},
            False,
            "the generator takes labels, .*a data set that has labels",
        ),
    ],
)
def test_what_a_recipe_needs_of_its_data_is_one_sentence_before_training(
    tmp_path: Path, build: Callable[[], Networks], changes: dict[str, Any], labelled: bool, sentence: str
) -> None:
    data = small().data if labelled else Samples(small().data.values)
    with pytest.raises(InputError, match=f"^a cell: {sentence}"):
        train_block(build, replace(PLAIN, **changes), SEEDS, data, tmp_path, name="a cell")
    assert not list(tmp_path.iterdir())
