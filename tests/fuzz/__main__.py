"""Damage what a user writes, let the suite read it, and count what became of it: `python -m tests.fuzz`.

Each kind of damage is an entry of `KINDS`. The table is printed, and written to `--out` as JSON.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from tests.fuzz.by_hand import by_hand_fuzz
from tests.fuzz.claim_files import claims_fuzz
from tests.fuzz.files import FILES
from tests.fuzz.leaves import leaves_fuzz
from tests.fuzz.mutations import mutations_fuzz
from tests.fuzz.outcomes import ACCEPTED, SENTENCE, TRACEBACK
from tests.fuzz.small import small_fuzz

KINDS: dict[str, Callable[[], Counter[str]]] = {  # by the name of its row: try all, and count each outcome
    "random changes of params.yaml": mutations_fuzz,
    "params.yaml by hand": by_hand_fuzz,
    "numbers of params.yaml": leaves_fuzz,
    "numbers of small recipes, trained": small_fuzz,
    "claim files": claims_fuzz,
    **FILES,
}
COLUMNS = (TRACEBACK, SENTENCE, ACCEPTED)


def table_of(kinds: Mapping[str, Callable[[], Counter[str]]], names: Sequence[str]) -> list[dict[str, object]]:
    """A row for each kind: its name, how many were tried, and how many had each outcome."""
    rows: list[dict[str, object]] = []
    for name in names:
        counts = kinds[name]()
        rows.append({"kind": name, "tried": counts.total(), **{column: counts[column] for column in COLUMNS}})
        print(*rows[-1].values(), sep="\t", flush=True)
    return rows


def main(arguments: Sequence[str] | None = None) -> None:
    """Try the kinds asked for, one after another."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--kinds", nargs="+", choices=list(KINDS), default=list(KINDS))
    parser.add_argument("--out", type=Path)
    asked = parser.parse_args(arguments)
    print("kind", "tried", *COLUMNS, sep="\t")
    rows = table_of(KINDS, asked.kinds)
    if asked.out:
        asked.out.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
