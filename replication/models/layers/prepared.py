"""Layers that compute with a weight derived from their parameters, which several calls can share."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from torch import Tensor, nn


class Deriving(nn.Module):
    """A layer whose weight is derived anew at each call, unless `prepared_weights` has done it for several."""

    prepared: Tensor | None = None
    few_kernels: bool = False  # whether it computes as a GPU likes it, in few operations, also on a CPU

    def derived(self) -> Tensor:
        """The weight."""
        raise NotImplementedError

    def current(self) -> Tensor:
        """The weight that a call uses."""
        return self.derived() if self.prepared is None else self.prepared


@contextmanager
def prepared_weights(*networks: nn.Module) -> Iterator[None]:
    """Weights are derived once for every call inside; gradients flow on to the parameters."""
    layers = [layer for network in networks for layer in network.modules() if isinstance(layer, Deriving)]
    for layer in layers:
        object.__setattr__(layer, "prepared", layer.derived())  # where it is a parameter, not as one more
    try:
        yield
    finally:
        for layer in layers:
            object.__setattr__(layer, "prepared", None)
