"""Pieces of a training: units whose draws are made together, and what a seed says after each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

import torch
from torch import Tensor

PIECE = {"kernel": 800, "eager": 50, "captured": 1000}  # units whose draws are made together; they never change


class Trained(NamedTuple):
    """What came out of a piece; on a GPU nothing has waited for it yet."""

    losses: Tensor  # float64 [units, 2]: of G and D; of several seeds [S, units, 2]
    finite: Tensor  # bool [], of several seeds [S]: whether every weight is finite after it
    done: torch.Event | None = None  # when both can be read


class SeedTraining(Protocol):
    """One seed of the block."""

    def advance(self, first: int, count: int) -> Trained:
        """Train units `first` … `first + count − 1`."""
        ...

    def keep(self) -> None:
        """Write what the seed has become into the block's state."""
        ...


def cut(first: int, end: int, size: int, marks: Sequence[int] = ()) -> list[tuple[int, int]]:
    """The same pieces in every process: cut at multiples of `size` and at every mark."""
    inside = {at for at in (*range(0, end, size), *marks) if first < at < end}
    edges = sorted({first, end} | inside)
    return list(zip(edges, edges[1:], strict=False))
