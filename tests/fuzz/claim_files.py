"""Claim files with one value or a few bytes changed: refused, or read as something that the change shows in."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

from replication.config.strict import read_yaml
from replication.verdicts.benchmarks import load_benchmarks
from tests.fuzz.damage import BYTES, STRUCTURE, Damage, changed, drawn
from tests.fuzz.outcomes import ACCEPTED, Outcome, Trial, outcome_of

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
KINDS = (*BYTES, *STRUCTURE, *STRUCTURE, *STRUCTURE)
NO_EFFECT = "without effect"  # accepted, although a value changed and nothing that was read did


class ClaimFiles:
    """A copy of a folder of claim files, of which any can be damaged."""

    def __init__(self, folder: Path, source: Path = BENCHMARKS) -> None:
        self.folder = folder
        for file in source.glob("*.yaml"):
            shutil.copy(file, folder)
        self.contents = {file: file.read_bytes() for file in sorted(folder.glob("*.yaml"))}
        self.values = {file: read_yaml(file) for file in self.contents}
        self.before = load_benchmarks(folder)

    def became(self, damage: Damage, which: float) -> Outcome:
        """What becomes of the folder when one of its files is damaged, and then whole again."""
        file = list(self.contents)[int(which * len(self.contents))]
        file.write_bytes(changed(self.contents[file], self.values[file], damage))
        results: list[Any] = []
        try:
            outcome = outcome_of(lambda: results.append((load_benchmarks(self.folder), read_yaml(file))))
        finally:
            file.write_bytes(self.contents[file])
        if outcome.kind == ACCEPTED and results[0][0] == self.before and results[0][1] != self.values[file]:
            return Outcome(ACCEPTED, NO_EFFECT)
        return outcome


def claim_trials(every: int = 1) -> Iterator[Trial]:
    """What becomes of 250 random damages to the claim files of the suite, or of a part of them."""
    draw = Random("claims")
    with tempfile.TemporaryDirectory() as folder:
        files = ClaimFiles(Path(folder))
        for _ in range(250 // every):
            damage, which = drawn(draw, KINDS), draw.random()
            outcome = files.became(damage, which)
            yield Trial(f"{damage}, {which}", outcome, outcome.text == NO_EFFECT)
