"""Files that the suite wrote for itself, or that its page is made of, and a database of photographs."""

from __future__ import annotations

import hashlib
import io
import json
import shutil
from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from PIL import Image
from safetensors.torch import save

from replication.config.params import Cell, Judge
from replication.data.photographs import LSUN_FOLDERS, read_lsun
from replication.prepared import listed_weights
from replication.report.appendices import error_rate_grid
from replication.report.sources import _verdicts as read_verdicts
from replication.scoring.classifier import build_classifier, read_judge
from replication.scoring.rows import Rows, Steps
from replication.table.measurements import read_table
from replication.table.robustness import read_robustness
from replication.table.speed import read_results
from replication.training.checkpoints import TrainingClock, note_environment, read_state, write_state
from tests.fuzz.damage import Subject, subject_of

ROOT = Path(__file__).parents[2]
STATE = {"weights": torch.arange(30.0), "unit": torch.ones(2, dtype=torch.int64)}
CELL = Cell("gan2014", "gan", "toy-k1", "toy-bimodal", "full", "paper", "0-1", key="cpu-toy")


def judge(folder: Path) -> Subject:
    options = Judge("shades", (2,), epochs=1, batch=8, learning_rate=0.02, seed=0)
    weights = save(build_classifier((1, 4, 4), options.channels, 2).state_dict())
    (folder / "judge.safetensors").write_bytes(weights)
    written = {"options": asdict(options), "weights_sha256": hashlib.sha256(weights).hexdigest()}
    (folder / "provenance.json").write_text(json.dumps(written))
    data: Any = SimpleNamespace(train_images=np.zeros((1, 1, 4, 4)), class_names=("dark", "bright"))

    def read() -> object:
        return [tensor.tolist() for tensor in read_judge(options, data, folder).state_dict().values()]

    return Subject(folder / "judge.safetensors", read, is_hashed=True)


def checkpoint(folder: Path, name: str) -> Subject:
    """A training that was stopped, of which the file of a name is damaged."""
    write_state(folder, "state", 7, STATE)
    TrainingClock(folder).keep()
    note_environment(folder, {"threads": 1, "device": "cpu"})
    if name == "state":
        (file,) = folder.glob("state-*")
        return Subject(file, partial(_state, folder), is_hashed=True)
    return subject_of(folder / name, lambda: (TrainingClock(folder).read(), note_environment(folder, {"threads": 1})))


def _state(folder: Path) -> object:
    state = read_state(folder, "state")
    return state and (state[0], {name: tensor.tolist() for name, tensor in state[1].items()})


def step(folder: Path) -> Subject:
    """A long step of an experiment: what is damaged is measured again."""

    def read() -> object:
        rows = Rows("cpu", CELL, 4, {}, steps=Steps(folder, TrainingClock(folder)))
        rows.once("long", lambda part: part.add(1, 5, "hit_rate", 0.5, 20))
        return [vars(row) for row in rows.collected]

    read()
    return subject_of(folder / "long.json", read, is_hashed=True)


def copied(folder: Path, place: str, read: Callable[[Path], object]) -> Subject:
    """A file of the repository."""
    shutil.copy(ROOT / place, folder)
    file = folder / Path(place).name
    return subject_of(file, lambda: read(file))


def verdicts(folder: Path) -> Subject:
    place = ROOT / "reports/cpu/verdicts.json"
    written = json.loads(place.read_text(encoding="utf-8"))[::40]
    (folder / place.name).write_text(json.dumps(written), encoding="utf-8")
    claims: Any = [SimpleNamespace(id=each["claim"], indicative=each["indicative"]) for each in written]
    return subject_of(folder / place.name, lambda: read_verdicts(folder / place.name, claims))


def table(folder: Path) -> Subject:
    lines = (ROOT / "reports/cpu/measurements.csv").read_text(encoding="utf-8").splitlines(keepends=True)
    (folder / "measurements.csv").write_text("".join([lines[0], *lines[1::400]]), encoding="utf-8")
    return Subject(folder / "measurements.csv", lambda: read_table(folder / "measurements.csv"))


def listing(folder: Path) -> Subject:
    written = {"released": {"files": 3, "sha256": "ab" * 32}, "inception": {"files": 1, "sha256": "cd" * 32}}
    (folder / "_weights.json").write_text(json.dumps(written))
    return subject_of(folder / "_weights.json", lambda: listed_weights(folder / "_weights.json"))


def photographs(folder: Path) -> Subject:
    lmdb = import_module("lmdb")
    for name, count in zip(LSUN_FOLDERS, (40, 2), strict=True):
        with lmdb.open(str(folder / name), map_size=2**24) as database, database.begin(write=True) as transaction:
            for number in range(count):
                stream, pixels = io.BytesIO(), np.random.default_rng(number).integers(0, 256, (12, 20, 3), np.uint8)
                Image.fromarray(pixels).save(stream, "WEBP")
                transaction.put(b"%03d" % number, stream.getvalue())
    return Subject(folder / LSUN_FOLDERS[0] / "data.mdb", lambda: read_lsun(folder, 8))


KEPT: dict[str, Callable[[Path], Subject]] = {
    "weights of a judge": judge,
    "state of a stopped training": partial(checkpoint, name="state"),
    "clock of a stopped training": partial(checkpoint, name="clock.json"),
    "machine of a stopped training": partial(checkpoint, name="environment.json"),
    "step of a stopped experiment": step,
    "verdicts": verdicts,
    "table of measurements": table,
    "listing of foreign weights": listing,
    "error rates": partial(copied, place="replication/report/error_rates.json", read=error_rate_grid),
    "timings": partial(copied, place="benchmarks/speed/results/training-cpu.json", read=read_results),
    "table of faults": partial(
        copied, place="benchmarks/robustness/faults.json", read=lambda file: read_robustness(file.parent)
    ),
    **({"LSUN's photographs": photographs} if find_spec("lmdb") else {}),
}
