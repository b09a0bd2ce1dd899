"""Rows of the table of measurements for one cell."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from replication.config.params import Cell
from replication.foundation.atomic import atomic_directory, write_atomically
from replication.foundation.foreign import read_json
from replication.foundation.provenance import sha256_text
from replication.table.measurements import Measurement, table_to, to_table, write_table
from replication.table.scored import write_provenance
from replication.training.checkpoints import TrainingClock


@dataclass
class Rows:
    """Collects the measurements of a cell; `n_train` images or points were trained on."""

    profile: str
    cell: Cell
    n_train: int
    diverged: dict[int, int]  # seed → step at which it was first seen not finite
    device: str = "cpu"  # that the cell was computed on
    precision: str = "float32"
    collected: list[Measurement] = field(default_factory=list)
    steps: Steps | None = None

    def once(self, name: str, measure: Callable[[Rows], None]) -> None:
        """Add the rows that a long step adds to the rows which `measure` is called with, or those kept of it before."""
        part = replace(self, collected=[], steps=None)
        if self.steps:
            self.steps.take(name, part, measure)
        else:
            measure(part)
        self.collected += part.collected

    def add(self, seed: int, step: int, metric: str, value: float, n_samples: int, **other: Any) -> None:
        """One measurement; where the run has diverged by then the value is NaN, whatever was computed."""
        names = ("paper", "model", "recipe", "variant", "dataset", "split")
        columns = {name: getattr(self.cell, name) for name in names}
        columns |= {"n_train": self.n_train, "device": self.device, "precision": self.precision}
        measured = float("nan") if self.is_lost(seed, step) else float(value)
        numbers = {"seed": seed, "step": step, "metric": metric, "value": measured, "n_samples": n_samples}
        # A control measured beside a cell has names of its own.
        self.collected.append(Measurement(profile=self.profile, **numbers, **{**columns, **other}))

    def is_lost(self, seed: int, step: int) -> bool:
        """Whether the run has diverged by a step."""
        return self.diverged.get(seed, step + 1) <= step

    def add_losses(self, history: np.ndarray, seeds: Sequence[int], window: int, points: int, batch: int) -> None:
        """Training losses float [S, steps/window, 2] averaged into about `points` rows a run."""
        for index, seed in enumerate(seeds):
            for part in np.array_split(np.arange(history.shape[1]), min(points, history.shape[1])):
                step, count = int(part[-1] + 1) * window, len(part) * window * batch
                for column, metric in enumerate(("generator_loss", "discriminator_loss")):
                    self.add(seed, step, metric, history[index, part, column].astype(np.float64).mean(), count)

    def add_divergence(self, seeds: Sequence[int], step: int) -> None:
        """Whether each run stayed finite: 0 or 1, never NaN."""
        for seed in seeds:
            lost = self.diverged.pop(seed, None)
            self.add(seed, step, "diverged", float(lost is not None), 1)
            if lost is not None:
                self.diverged[seed] = lost


@dataclass(frozen=True)
class Steps:
    """Keeps the rows of an experiment's long steps until all of it is written, and the time that they took."""

    directory: Path
    clock: TrainingClock

    def take(self, name: str, rows: Rows, measure: Callable[[Rows], None]) -> None:
        """Add what a killed command kept under `name`; where there is nothing whole, measure and keep it."""
        path = self.directory / f"{name}.json"
        try:
            stored = read_json(path)
            if stored["sha256"] != sha256_text(json.dumps(stored["rows"])):
                raise ValueError("it was changed")
            rows.collected += [Measurement(**row) for row in stored["rows"]]
        except (FileNotFoundError, ValueError, TypeError, KeyError):
            measure(rows)
            written = [vars(row) for row in rows.collected]
            write_atomically(path, json.dumps({"rows": written, "sha256": sha256_text(json.dumps(written))}))
            self.clock.keep()


def write_scores(output: Path, rows: Rows, samples: dict[str, np.ndarray], provenance: dict[str, Any]) -> None:
    """Write a scored cell, whole or not at all."""
    write_scored(output, to_table(rows.collected), samples, provenance)


def write_scored(output: Path, table: pd.DataFrame, samples: dict[str, np.ndarray], provenance: dict[str, Any]) -> None:
    """`write_scores` of rows that are a table already; the hashes of its files stand in its provenance."""
    with atomic_directory(output) as directory:
        write_table(table, table_to(directory, len(table), packed=False))
        if samples:
            np.savez(directory / "samples.npz", **samples)  # type: ignore[arg-type]
        write_provenance(directory, provenance)
