"""A unit of training never asks the device for a value: on a GPU each such question would stop the queue of work."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode

from replication.training import loop
from replication.training.lean import LeanUnits
from replication.training.run import bind_runs
from tests.training.small import CASES, small

READING = {"item", "cpu", "numpy", "tolist", "nonzero", "equal", "allclose", "is_nonzero", "masked_select", "unique"}
SCALARS = {"__bool__", "__int__", "__float__", "__index__", "__array__", "__repr__"}
OPERATIONS = {"_local_scalar_dense", "nonzero", "masked_select", "equal", "is_nonzero", "_unique2", "bincount"}


class Read(Exception):
    """A tensor's value was asked for."""


class NoMethod(TorchFunctionMode):
    """Refuses what reads a tensor in Python."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name = getattr(func, "__name__", "")
        masked = name in ("__getitem__", "__setitem__") and _masks(args[1])
        if name in READING | SCALARS or masked or (name == "to" and _moves(args, kwargs or {})):
            raise Read(name)
        return func(*args, **(kwargs or {}))


class NoOperation(TorchDispatchMode):
    """Refuses what reads a tensor below Python, in the backward pass too."""

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name = func.overloadpacket.__name__
        if name in OPERATIONS or (name.startswith("index") and any(_masks(arg) for arg in args[1:])):
            raise Read(name)
        return func(*args, **(kwargs or {}))


def _masks(place: Any) -> bool:
    """Whether a place in a tensor is given by a mask, whose true entries have to be counted."""
    parts = place if isinstance(place, tuple | list) else [place]
    return any(isinstance(part, Tensor) and part.dtype in (torch.bool, torch.uint8) for part in parts)


def _moves(args: Any, kwargs: Any) -> bool:
    targets = [*args[1:], *kwargs.values()]
    return any(isinstance(target, str | torch.device) and torch.device(target).type == "cpu" for target in targets)


@contextmanager
def nothing_read() -> Iterator[None]:
    with NoMethod(), NoOperation():
        yield


@pytest.mark.parametrize("name", CASES)
def test_a_unit_reads_no_tensor(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    case = small(noisy=True, updates=300, **CASES[name])
    real, units = LeanUnits.train, []

    def watched(*arguments: Any) -> None:
        with nothing_read():
            real(*arguments)
        units.append(arguments[1])

    monkeypatch.setattr(LeanUnits, "train", watched)
    case.train(case.start(), case.units(3, torch.arange(12) if case.recipe.labels else None), lean=True)
    assert len(units) == 3


def test_the_watch_sees_the_look_of_the_reference() -> None:
    case = small(updates=300, **CASES["balanced"])
    (run,) = bind_runs(case.build, case.start())
    arguments = (run, case.recipe, case.data, case.units(1).at(0), "non-saturating", torch.Generator())
    loop.train_unit(*arguments)
    with pytest.raises(Read, match="__bool__"), nothing_read():
        loop.train_unit(*arguments)


@pytest.mark.parametrize(
    "reading",
    [
        lambda x: x.sum().item(),
        lambda x: x.tolist(),
        lambda x: x.numpy(),
        lambda x: x.cpu(),
        lambda x: x.to("cpu"),
        lambda x: bool(x[0] > 0),
        lambda x: float(x[0]),
        lambda x: [0, 1][x[0].long()],
        lambda x: x[x > 0],
        lambda x: x.nonzero(),
        lambda x: torch.equal(x, x),
        lambda x: x.masked_select(x > 0),
        lambda x: torch.nn.functional.one_hot(x.long()),
    ],
)
def test_the_watch_sees_every_way_of_reading(reading: Callable[[Tensor], object]) -> None:
    samples = torch.ones(3)
    reading(samples)
    with pytest.raises(Read), nothing_read():
        reading(samples)


def test_the_watch_sees_a_reading_in_the_backward_pass() -> None:
    weight = torch.ones(2, requires_grad=True)
    hooked = weight * 2
    hooked.register_hook(lambda gradient: gradient * gradient.sum().item())
    with pytest.raises(Read), nothing_read():
        torch.autograd.grad(hooked.sum(), weight)


def test_the_watch_lets_a_step_pass_that_reads_nothing() -> None:
    weight, rows = torch.ones(4, 2, requires_grad=True), torch.tensor([0, 2])
    with nothing_read():
        loss = torch.where(weight[rows] > 0, weight[rows], 0.0).sum()
        (gradient,) = torch.autograd.grad(loss, weight)
        weight.detach()[0] = gradient[0].to(torch.float32)
    assert gradient.tolist() == [[1, 1], [0, 0], [1, 1], [0, 0]]
