"""Where a network that computes in bfloat16 must not: sums of small differences, statistics, losses."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext

import torch
from torch import Tensor


def widened(values: Tensor) -> Tensor:
    """bfloat16 as float32; every other type as it is."""
    return values.float() if values.dtype == torch.bfloat16 else values


def as_given(values: Tensor) -> AbstractContextManager[object]:
    """Operations in the type of their operands, also where the network around them computes in bfloat16."""
    device = values.device.type
    return torch.autocast(device, enabled=False) if device in ("cpu", "cuda") else nullcontext()
