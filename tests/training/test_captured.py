"""A captured unit: the reference's results bit for bit, and operations that a graph can repeat without the host."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from replication.training import captured
from replication.training.captured import CapturedSeed
from replication.training.eager import EagerSeed
from replication.training.pieces import PIECE
from replication.training.run import bind_runs
from replication.training.schedule import objective_at
from tests.training.small import CASES, Small, assert_same, small

pytestmark = pytest.mark.integration

# What brings values from the host: a graph would repeat those of the moment of its capture.
FROM_HOST = {"lift_fresh", "_local_scalar_dense", "scalar_tensor", "_pin_memory"}


@pytest.fixture(params=CASES)
def case(request: pytest.FixtureRequest) -> Small:
    changes = {"updates": 300, **CASES[request.param]}
    if "early" in changes:
        changes["early"] = replace(changes["early"], updates=8)
    return small(noisy=True, **changes)


def seeds_of(case: Small) -> tuple[EagerSeed, CapturedSeed]:
    """The same seed twice, one operation at a time and as it is captured."""
    labelled = np.arange(12) if case.recipe.labels else None
    each, other = (bind_runs(case.build, case.start())[0] for _ in range(2))
    eager = EagerSeed(each, case.recipe, case.data, 3, labelled)
    fast = CapturedSeed(other, case.recipe, case.data, 3, labelled)
    eager._layers = case.noise(each, labelled is not None)
    return eager, fast


def test_units_are_those_of_the_reference(case: Small, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(PIECE, "captured", 10)
    eager, fast = seeds_of(case)
    for first, end in ((0, 8), (8, 17), (17, 25)):
        each, other = eager.advance(first, end - first), fast.advance(first, end - first)
        assert other.losses.shape == (end - first, 2) and bool(other.finite)
        torch.testing.assert_close(other.losses, each.losses, rtol=0, atol=0, equal_nan=True)
    assert_same(eager._run.tensors, fast._run.tensors)
    assert (fast._run.steps > 0).all()  # both sides had turns


class Trace(TorchDispatchMode):
    """Every operation with its numbers and the shapes that it works on."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[tuple[object, ...]] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name = func.overloadpacket.__name__
        assert name not in FROM_HOST, f"a unit asks the host: {name}"
        self.seen.append((str(func), described(args), described(sorted((kwargs or {}).items()))))
        return func(*args, **(kwargs or {}))


def described(value: Any) -> object:
    if isinstance(value, Tensor):
        return tuple(value.shape), value.dtype, value.stride()
    if isinstance(value, Sequence) and not isinstance(value, str):
        return tuple(described(part) for part in value)
    return value if isinstance(value, int | float | bool | str | None) else str(type(value))


def test_every_unit_is_the_same_operations_on_the_same_shapes(case: Small) -> None:
    """So the graph of one serves for all: rates, epochs and turns are tensors, and nothing depends on their values."""
    _, fast = seeds_of(case)
    fast.advance(0, 1)
    traces: dict[str, list[list[tuple[object, ...]]]] = {}
    for unit in range(1, 16):
        objective = objective_at(case.recipe, unit)
        with Trace() as trace:
            fast._place.zero_()
            fast.unit(objective)
        traces.setdefault(objective, []).append(trace.seen)
    assert set(map(len, traces.values())) == ({7, 8} if case.recipe.early else {15})
    for same in traces.values():
        assert len(same[0]) > 50 and all(trace == same[0] for trace in same)


def test_the_trace_tells_numbers_and_host_values_apart() -> None:
    values = torch.ones(3)
    with Trace() as each:
        values.mul(0.5)
    with Trace() as other:
        values.mul(0.25)
    assert each.seen != other.seen
    with pytest.raises(AssertionError, match="asks the host"), Trace():
        values.add_(torch.tensor([1.0]))


def test_warming_up_leaves_no_trace(case: Small, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every tensor that a unit writes is among those that are put back before the capture."""
    _, fast = seeds_of(case)
    fast.advance(0, 1)
    run = fast._run
    touched = {tensor.data_ptr() for tensor in fast._touched()} | {fast._losses.data_ptr()}
    parts = *run.parameters("generator"), *run.parameters("discriminator"), *run.buffers()
    assert {part.data_ptr() for part in parts} <= touched and {run.steps.data_ptr(), run.balance.data_ptr()} <= touched
    writes: set[int] = set()

    class Writes(TorchDispatchMode):
        def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            changed = [
                v for v, a in zip(args, func._schema.arguments, strict=False) if a.alias_info and a.alias_info.is_write
            ]
            for value in changed:
                writes.update(t.data_ptr() for t in (value if isinstance(value, list | tuple) else [value]))
            return func(*args, **(kwargs or {}))

    of_seed = {t.untyped_storage().data_ptr() for t in (*run.tensors.values(), fast._losses, fast._place)}
    with Writes():
        fast._place.zero_()
        fast.unit(objective_at(case.recipe, 0))
    outside = {part.data_ptr() for part in (*fast._units.flat(), fast._data.values, fast._data.labels)}  # pyright: ignore
    assert writes & of_seed and not writes & outside


def test_a_cuda_graph_is_recorded_after_warming_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """With stand-ins for CUDA's graph and stream: units are run, put back, captured once, and replayed."""
    case, events = small(noisy=True, updates=300), []
    _, fast = seeds_of(case)
    expected, _ = seeds_of(case)

    class Graph:
        def register_generator_state(self, generator: torch.Generator) -> None:
            events.append(("generator", [generator] == fast._noise.generators))

        def replay(self) -> None:
            events.append("replay")
            fast.unit("non-saturating")

    class Stream:
        def record_event(self) -> str:
            return "event"

    class Capture:
        def __init__(self, graph: Graph, stream: object) -> None:
            assert stream is fast._stream

        def __enter__(self) -> None:
            events.append("capture")
            self.before = [tensor.clone() for tensor in fast._touched()]

        def __exit__(self, *_: object) -> None:  # a capture computes nothing
            with torch.no_grad():
                for tensor, before in zip(fast._touched(), self.before, strict=True):
                    tensor.copy_(before)

    monkeypatch.setattr(captured.torch.cuda, "CUDAGraph", Graph)
    monkeypatch.setattr(captured.torch.cuda, "graph", Capture)
    monkeypatch.setattr(fast, "_queue", captured.nullcontext)
    fast._stream = Stream()  # pyright: ignore[reportAttributeAccessIssue]
    trained = fast.advance(0, 5)
    assert events == [("generator", True), "capture", *["replay"] * 5]
    torch.testing.assert_close(trained.losses, expected.advance(0, 5).losses, rtol=0, atol=0)
    assert trained.done == "event"
