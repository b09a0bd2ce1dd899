"""Independent random streams: one per seed, purpose and position, so that nothing has to be remembered to resume."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch


def generator(seed: int, purpose: str, *position: int) -> np.random.Generator:
    """The stream of `purpose` for one seed at a position (an epoch, a chunk): the same in every block and process."""
    return np.random.default_rng([seed, zlib.crc32(purpose.encode()), *position])


@contextmanager
def torch_seed(seed: int, purpose: str) -> Iterator[None]:
    """Torch's CPU stream for `purpose`, put back as it was afterwards."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(int(generator(seed, purpose).integers(2**63)))
        yield
