"""Torch's counter of floating-point operations: `FlopCounterMode`, imported without a compiler for GPU kernels.

The counter's module imports triton for kernels that nothing here has, and triton prints pages about leaks of its own
when Python exits.
"""

from __future__ import annotations

import logging
import sys

_LOG = logging.getLogger("torch.utils.flop_counter")
_IMPORTED = "triton" in sys.modules
sys.modules.setdefault("triton", None)  # type: ignore[arg-type]  # an import of it fails, and the counter is prepared
_LOG.disabled = True
try:
    from torch.utils.flop_counter import FlopCounterMode
finally:
    _LOG.disabled = False
    if not _IMPORTED:
        del sys.modules["triton"]

__all__ = ["FlopCounterMode"]
