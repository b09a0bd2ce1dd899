"""Torch's counter of floating-point operations: `FlopCounterMode`, imported without a compiler for GPU kernels.

The counter's module imports triton for kernels that nothing here has, and triton prints pages about leaks of its own
when Python exits.
"""

from __future__ import annotations

import logging
import sys

_LOG = logging.getLogger("torch.utils.flop_counter")
_HIDE = "triton" not in sys.modules
if _HIDE:
    sys.modules["triton"] = None  # type: ignore[assignment]  # an import of it fails, for which the counter is prepared
    _LOG.disabled = True
try:
    from torch.utils.flop_counter import FlopCounterMode
finally:
    if _HIDE:
        del sys.modules["triton"]
        _LOG.disabled = False

__all__ = ["FlopCounterMode"]
