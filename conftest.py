"""What every test process has: no compiler for GPU kernels, no looking for garbage while it collects, work in order."""

from __future__ import annotations

import gc
import sys
from typing import Any

import pytest

# Tests that watch torch's operations make it import a compiler for GPU kernels, which no test needs and which prints
# pages about leaks of its own when Python exits.
sys.modules.setdefault("triton", None)  # type: ignore[arg-type]

# Files of few tests that take long: they are of the tier `integration`, and begin, so that both workers are busy until
# the end.
FIRST = (
    "tests/faults/test_faults.py",
    "tests/own/test_own_images.py",
    "tests/test_four_touches.py",
    "tests/benchmarks/test_speed_plain.py",  # from here on with loops that the pipeline has compiled by then
    "tests/test_run.py",
)
# What needs the same trained cells, or the same report, is done by the worker that has made them.
TOGETHER = {"tests/own/": "own", "tests/report/": "report", "tests/record/": "report", "tests/test_check.py": "report"}
TOGETHER |= {"tests/security/test_page.py": "report"}

gc.disable()  # until all is imported and collected: what there is by then stays, and looking through it takes seconds


@pytest.hookimpl(tryfirst=True)  # before tests are left out by their marks
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    order = {name: place for place, name in enumerate(FIRST)}
    items.sort(key=lambda item: order.get(item.nodeid.split("::")[0], len(order)))
    for item in items:
        name, slow = item.nodeid.split("::")[0], item.get_closest_marker("slow")
        if (name in order or name.startswith("tests/fuzz/")) and not slow:
            item.add_marker(pytest.mark.integration)


def pytest_collection_finish(session: pytest.Session) -> None:
    gc.freeze()
    gc.enable()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Files are worked on whole, and some of them by one worker."""
    from xdist.scheduler import LoadFileScheduling

    class ByFile(LoadFileScheduling):
        def _split_scope(self, nodeid: str) -> str:
            name = nodeid.split("::")[0]
            scopes = [scope for start, scope in TOGETHER.items() if name.startswith(start)]
            return scopes[0] if scopes and name not in FIRST else name

    return ByFile(config, log)
