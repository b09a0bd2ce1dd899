"""All cells of a run on one screen: what runs where and how far it is; a line an event where nobody watches."""

from __future__ import annotations

import shutil
import sys
import time
from collections import Counter

from replication.cluster.pool import Pool
from replication.cluster.units import Unit
from replication.cluster.worker import Result

EVERY_SECONDS = 1.0
TITLE = 52  # columns of a unit's name


class Screen:
    """Redraws itself on a terminal, and prints units as they end elsewhere."""

    def __init__(self, pool: Pool) -> None:
        self._pool, self._drawn, self._last = pool, 0, 0.0
        self._ended, self._done = Counter[str](), Counter[str]()  # by how, by cell
        self._live = sys.stderr.isatty()

    def __enter__(self) -> Screen:
        return self

    def __exit__(self, *exception: object) -> None:
        self._clear()

    def ended(self, unit: Unit, result: Result) -> None:
        """A unit came to its end."""
        if result.needs_more:
            return
        self._clear()
        self._ended["failed" if result.error else "done"] += 1
        self._done[_of_cell(unit)] += not result.error
        how = f"failed: {result.error}" if result.error else f"done in {result.seconds:.0f} s"
        print(f"{unit.title}: {how}{f' on {result.host}' if result.host else ''}", flush=True)

    def show(self) -> None:
        """Draw what runs now, where somebody watches."""
        if not self._live or time.monotonic() - self._last < EVERY_SECONDS:
            return
        self._last = time.monotonic()
        lines = self.lines(shutil.get_terminal_size().lines - 2)
        self._clear()
        print("\n".join(lines), file=sys.stderr, flush=True)
        self._drawn = len(lines)

    def lines(self, most: int) -> list[str]:
        """A line for each cell while there is room, those that run first, and how many units there are of each kind."""
        progress, running = self._pool.told(), self._pool.running
        cells: dict[str, list[str]] = {}  # what each unit that has begun says
        for unit in sorted(running, key=lambda unit: unit.title not in progress):
            where = [_share(*progress[unit.title])] if unit.title in progress else []
            cells.setdefault(_of_cell(unit), []).extend(where)
        lines, units_of = [], Counter(map(_of_cell, running)) + self._done
        for cell, begun in cells.items():
            lines.append(
                f"{cell[:TITLE]:{TITLE}}  {self._done[cell]:>3} of {units_of[cell]} units  {', '.join(begun)}".rstrip()
            )
        hidden = len(lines) - (most - 1)
        if hidden > 0:
            lines = [*lines[: most - 2], f"… and {hidden + 1} more"]
        begun = sum(unit.title in progress for unit in running)
        counts = {"running": begun, "waiting": len(running) - begun, **self._ended}
        return [*lines, ", ".join(f"{count} {word}" for word, count in counts.items())]

    def _clear(self) -> None:
        if self._drawn:
            print(f"\x1b[{self._drawn}F\x1b[J", end="", file=sys.stderr, flush=True)
            self._drawn = 0


def _of_cell(unit: Unit) -> str:
    return f"{unit.stage} {unit.name.split('+')[0]}"


def _share(update: int, of: int, host: str) -> str:
    return f"{update / of:.0%} on {host}" if of else f"on {host}"
