"""Pieces of a training: units whose draws are made together, and what a seed says after each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from torch import Tensor

PIECE = {"kernel": 800, "eager": 50, "captured": 1000}  # units whose draws are made together; they never change


class Done(Protocol):
    """An event of the device."""

    def synchronize(self) -> None:
        """Wait for it."""
        ...


class Trained(NamedTuple):
    """What came out of a piece; on a GPU nothing has waited for it yet."""

    losses: Tensor  # float64 [units, 2]: of G and D; of several seeds [S, units, 2]
    finite: Tensor  # bool [], of several seeds [S]: whether every weight is finite after it
    done: Done | None = None  # when both can be read

    def wait(self) -> None:
        """Wait until the piece is trained, and not for what is queued behind it."""
        if self.done is not None:
            self.done.synchronize()


class SeedTraining(Protocol):
    """One seed of the block."""

    def advance(self, first: int, count: int) -> Trained:
        """Train units `first` … `first + count − 1`."""
        ...

    def keep(self) -> None:
        """Write what the seed has become into the block's state."""
        ...


class QueuedSeed(SeedTraining, Protocol):
    """One whose units the host queues unit by unit, so that those of several seeds can take turns."""

    def begin(self, first: int, count: int) -> None:
        """Queue what units `first` … `first + count − 1` need."""
        ...

    def queue_unit(self) -> None:
        """Queue the next of them."""
        ...

    def end(self) -> Trained:
        """Queue what is read of the piece, once all its units are queued."""
        ...


def cut(first: int, end: int, size: int, marks: Sequence[int] = ()) -> list[tuple[int, int]]:
    """The same pieces in every process: cut at multiples of `size` and at every mark."""
    inside = {at for at in (*range(0, end, size), *marks) if first < at < end}
    edges = sorted({first, end} | inside)
    return list(zip(edges, edges[1:], strict=False))
