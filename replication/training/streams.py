"""Random streams of one seed: on the host the same bits on every machine, on a GPU drawn where they are used."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from replication.foundation.seeding import generator


class HostStream:
    """NumPy's generator, whose bits do not depend on the processor."""

    def __init__(self, stream: np.random.Generator) -> None:
        self._stream = stream

    def normal(self, shape: Sequence[int]) -> Tensor:
        """float32 of N(0, 1)."""
        return torch.from_numpy(self._stream.standard_normal(tuple(shape), np.float32))

    def uniform(self, shape: Sequence[int]) -> Tensor:
        """float32 of U(0, 1)."""
        return torch.from_numpy(self._stream.random(tuple(shape), np.float32))

    def integers(self, below: int, shape: Sequence[int]) -> Tensor:
        """int64, uniform over 0 … below − 1."""
        return torch.from_numpy(self._stream.integers(below, size=tuple(shape)))

    def orders(self, length: int, count: int) -> Tensor:
        """int64 [count, length]: orders of 0 … length − 1, each equally likely."""
        return torch.from_numpy(self._stream.permuted(np.tile(np.arange(length), (count, 1)), axis=1))


class DeviceStream:
    """Torch's generator of a device: other draws than the host's, of the same distributions."""

    def __init__(self, stream: torch.Generator) -> None:
        self._stream, self._device = stream, stream.device

    def normal(self, shape: Sequence[int]) -> Tensor:
        return torch.randn(*shape, generator=self._stream, device=self._device)

    def uniform(self, shape: Sequence[int]) -> Tensor:
        return torch.rand(*shape, generator=self._stream, device=self._device)

    def integers(self, below: int, shape: Sequence[int]) -> Tensor:
        return torch.randint(below, tuple(shape), generator=self._stream, device=self._device)

    def orders(self, length: int, count: int) -> Tensor:
        keys = torch.randint(2**63 - 1, (count, length), generator=self._stream, device=self._device)
        return keys.argsort(dim=1, stable=True)  # two equal keys of 63 bits are rarer than a broken memory


Stream = HostStream | DeviceStream


def host_stream(seed: int, purpose: str, *position: int) -> HostStream:
    """The host's stream of `purpose` for one seed at a position: the same in every block and process."""
    return HostStream(generator(seed, purpose, *position))


def stream_seed(seed: int, purpose: str, *position: int) -> int:
    """Which of torch's streams is that of `purpose` for one seed at a position."""
    return int(generator(seed, purpose, *position).integers(2**63))


def training_stream(device: str, seed: int, purpose: str, *position: int) -> Stream:
    """The stream that a training on `device` draws from: the host's for a CPU, else the device's own."""
    if torch.device(device).type == "cpu":
        return host_stream(seed, purpose, *position)
    return DeviceStream(torch.Generator(device).manual_seed(stream_seed(seed, purpose, *position)))
