"""What every test process has: no compiler for GPU kernels, and no looking for garbage while it collects."""

from __future__ import annotations

import gc
import sys

import pytest

# Tests that watch torch's operations make it import a compiler for GPU kernels, which no test needs and which prints
# pages about leaks of its own when Python exits.
sys.modules.setdefault("triton", None)  # type: ignore[arg-type]


gc.disable()  # until all is imported and collected: what there is by then stays, and looking through it takes seconds


def pytest_collection_finish(session: pytest.Session) -> None:
    gc.freeze()
    gc.enable()
