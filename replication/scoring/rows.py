"""Rows of the table of measurements for one cell."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from replication.config.params import Cell
from replication.foundation.atomic import atomic_directory
from replication.table.measurements import Measurement, to_table, write_table


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

    def add(self, seed: int, step: int, metric: str, value: float, n_samples: int, **other: Any) -> None:
        """One measurement; where the run has diverged by then the value is NaN, whatever was computed."""
        cell = self.cell
        lost = seed in self.diverged and self.diverged[seed] <= step
        row = {"paper": cell.paper, "model": cell.model, "recipe": cell.recipe, "variant": cell.variant}
        place = {"dataset": cell.dataset, "split": cell.split, "n_train": self.n_train}
        where = {"device": self.device, "precision": self.precision}
        given = {**row, **place, **where, **other}  # a control measured beside a cell has names of its own
        measured = float("nan") if lost else float(value)
        self.collected.append(
            Measurement(
                profile=self.profile,
                seed=seed,
                step=step,
                metric=metric,
                value=measured,
                n_samples=n_samples,
                **given,
            )
        )

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


def write_scores(output: Path, rows: Rows, shown: dict[str, np.ndarray], provenance: dict[str, Any]) -> None:
    """Write a scored cell, whole or not at all."""
    with atomic_directory(output) as directory:
        write_table(to_table(rows.collected), directory / "measurements.csv")
        if shown:
            np.savez(directory / "samples.npz", **shown)  # type: ignore[arg-type]
        (directory / "provenance.json").write_text(json.dumps(provenance, indent=1) + "\n", encoding="utf-8")
