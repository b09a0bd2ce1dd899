"""What one iteration needs, and what the device attains: arithmetic, and bytes moved."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import FlopCounterMode

from replication.table.speed import Peak

SIDES = {"cpu": 2048, "cuda": 8192}  # of the matrices multiplied
COPIED = {"cpu": 2**26, "cuda": 2**30}  # bytes
REPEATS = 5


class Need(NamedTuple):
    """Of one iteration: operations of matrix products and convolutions, and bytes that all operations touch."""

    flop: float
    bytes: float


class ByteCounter(TorchDispatchMode):
    """Adds up what every operation reads and writes; one that only looks at memory otherwise costs nothing."""

    total = 0  # bytes

    def __torch_dispatch__(
        self, func: Any, types: Sequence[type], args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        result = func(*args, **(kwargs or {}))
        if not func.is_view:
            self.total += sum(_size(leaf) for leaf in tree_leaves((args, dict(kwargs or {}), result)))
        return result


def _size(value: object) -> int:
    """Bytes of a tensor; of one that repeats its values, those that lie in memory."""
    if not isinstance(value, Tensor):
        return 0
    return min(value.numel() * value.element_size(), value.untyped_storage().nbytes())


def needs(step: Callable[[], object], steps: int = 1) -> Need:
    """What a step needs in the mean of `steps`: counted while it runs, so that schedules which look at losses count."""
    counted = ByteCounter()
    with FlopCounterMode(display=False) as operations, counted:
        for _ in range(steps):
            step()
    return Need(operations.get_total_flops() / steps, counted.total / steps)


def measure_peak(device: str, threads: int) -> Peak:
    """The best of several products of square matrices, and of copies between two arrays; without TF32.

    The numbers are random: a GPU that multiplies equal ones draws less power, and so keeps a higher clock.
    """
    torch.set_num_threads(threads)
    copied = torch.zeros(COPIED[device] // 4, device=device)
    onto = torch.empty_like(copied)
    seconds = _fastest(lambda: onto.copy_(copied), device)
    halves = _product_gflops(device, torch.bfloat16) if device == "cuda" else None
    return Peak(_product_gflops(device, torch.float32), halves, 2 * COPIED[device] / seconds / 1e9)


def _product_gflops(device: str, kind: torch.dtype) -> float:
    side = SIDES[device]
    left, right = (torch.randn(side, side, device=device).to(kind) for _ in range(2))
    return 2 * side**3 / _fastest(lambda: left @ right, device) / 1e9


def _fastest(action: Callable[[], object], device: str) -> float:
    """Seconds of the fastest of REPEATS, after one that is not timed."""
    seconds = []
    for _ in range(REPEATS + 1):
        start = clock(device)
        action()
        seconds.append(clock(device) - start)
    return min(seconds[1:])


def clock(device: str) -> float:
    """Seconds, once the device has done its work."""
    if device == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter()
