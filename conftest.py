"""What every test process has: no compiler for GPU kernels, no looking for garbage while it collects, work in order."""

from __future__ import annotations

import gc
import sys
from typing import Any

import pytest

# Tests that watch torch's operations make it import a compiler for GPU kernels, which no test needs and which prints
# pages about leaks of its own when Python exits.
sys.modules.setdefault("triton", None)  # type: ignore[arg-type]

# Files of few tests that take long: they begin, so that both workers are busy until the end.
FIRST = (
    "tests/faults/test_faults.py",
    "tests/benchmarks/test_speed_plain.py",
    "tests/own/test_own_images.py",
    "tests/test_four_touches.py",
    "tests/test_run.py",
)

gc.disable()  # until all is imported and collected: what there is by then stays, and looking through it takes seconds


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    order = {name: place for place, name in enumerate(FIRST)}
    items.sort(key=lambda item: order.get(item.nodeid.split("::")[0], len(order)))


def pytest_collection_finish(session: pytest.Session) -> None:
    gc.freeze()
    gc.enable()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Files are worked on whole, and those of `tests/own` by the worker that has trained their cells."""
    from xdist.scheduler import LoadFileScheduling

    class ByFile(LoadFileScheduling):
        def _split_scope(self, nodeid: str) -> str:
            name = nodeid.split("::")[0]
            return "tests/own" if name.startswith("tests/own/") and name not in FIRST else name

    return ByFile(config, log)
