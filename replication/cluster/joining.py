"""Parts of a block become the block, and a block's training is cut into parts: the bytes that one machine writes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file

from replication.cluster.units import USAGE
from replication.config.params import Cell, Params
from replication.foundation.errors import InputError
from replication.foundation.provenance import recorded
from replication.scoring.rows import write_scored
from replication.scoring.toy import FIGURED, OF_SEEDS
from replication.table.measurements import join_tables, read_table, table_in
from replication.training.cells import params_sha256
from replication.training.weights import HISTORY, write_trained

CLOCKS = ("duration_s", "scoring_s")
OF_A_PART = ("seeds", "params_sha256")  # of a training's key: the rest is that of the whole block


def join_trained(folders: Sequence[Path], key: Mapping[str, Any], output: Path) -> None:
    """Write a block's training from those of its parts, in the order of their seeds.

    Raises:
        InputError: a part was trained by other code, packages or data than this machine has: `key` is the block's.
    """
    parts = [recorded(folder) for folder in folders]
    for folder, part in zip(folders, parts, strict=True):
        other = [name for name in key if name not in OF_A_PART and part.get(name) != key[name]]
        if other:
            raise InputError(
                f"A node trained {folder.name} with another {', '.join(other)} than this machine would: install the "
                f"same packages on every node ({part.get('versions')} there, {key['versions']} here)."
            )
    first = parts[0]
    snapshots = {step: _stacked([folder / f"step{step}.safetensors" for folder in folders]) for step in first["steps"]}
    history = _stacked([folder / HISTORY for folder in folders])["losses"].numpy()
    provenance = {**first, **key, "clock": _clock(parts)}
    for name in ("diverged_seeds", "selected_steps"):
        if name in first:
            provenance[name] = {seed: step for part in parts for seed, step in part[name].items()}
    seen = [part["environment"] for part in parts]  # a value in which they differ names each
    provenance["environment"] = {name: _different([each.get(name) for each in seen]) for name in seen[0]}
    write_trained(output, snapshots, history, provenance)


def _stacked(files: Sequence[Path]) -> dict[str, torch.Tensor]:
    states = [load_file(file) for file in files]
    return {name: torch.cat([state[name] for state in states]) for name in states[0]}


def _different(values: Sequence[Any]) -> Any:
    distinct = list(dict.fromkeys(values))
    return distinct[0] if len(distinct) == 1 else ", ".join(map(str, distinct))


def _clock(parts: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The first start, the seconds of all parts together, the hosts, and what the largest part took."""
    clocks = [part["clock"] for part in parts]
    clock = {"started": min(clock["started"] for clock in clocks)}
    clock |= {name: round(sum(c[name] for c in clocks), 1) for name in CLOCKS if name in clocks[0]}
    clock["host"] = _different([clock["host"] for clock in clocks])
    if usage := _most(clocks, USAGE["train"]):
        clock[USAGE["train"]] = usage
    return clock


def _most(clocks: Sequence[Mapping[str, Any]], name: str) -> Mapping[str, Any]:
    """The usage of the part that took most; {} where none says."""
    usages = [clock[name] for clock in clocks if name in clock]
    return max(usages, key=lambda usage: (usage.get("gpu_memory", 0), usage["memory"]), default={})


def cut_training(folder: Path, block: Cell, parts: Mapping[Cell, Path], params: Params) -> None:
    """Write the training of each part into its folder, cut out of the block's in `folder`."""
    provenance = recorded(folder)
    states = {step: load_file(folder / f"step{step}.safetensors") for step in provenance["steps"]}
    history = load_file(folder / HISTORY)["losses"]
    for part, output in parts.items():
        begin = block.seed_numbers.index(part.seed_numbers[0])
        rows, names = slice(begin, begin + len(part.seed_numbers)), set(map(str, part.seed_numbers))
        cut = {
            field: {seed: step for seed, step in provenance[field].items() if seed in names}
            for field in ("diverged_seeds", "selected_steps")
            if field in provenance
        }
        key = {**part.identity, "params_sha256": params_sha256(part, params.recipe_of(part))}
        snapshots = {
            step: {name: tensor[rows].clone() for name, tensor in state.items()} for step, state in states.items()
        }
        write_trained(output, snapshots, history[rows].clone().numpy(), {**provenance, **cut, **key})


def join_scored(folders: Sequence[Path], trained: Path, scoring_sha256: str, output: Path) -> None:
    """Write a block's scores from those of its parts: the rows of all, and what figures show of the first seeds."""
    parts = [recorded(folder) for folder in folders]
    table = join_tables(read_table(table_in(folder)) for folder in folders)
    training = {name: value for name, value in recorded(trained).items() if name not in ("window", "steps")}
    alike = {name: parts[0][name] for name in ("left_out",) if name in parts[0]}
    alike["scored_on"] = _different([part["scored_on"] for part in parts])
    clock = {**training["clock"], "scoring_s": round(sum(part["clock"]["scoring_s"] for part in parts), 1)}
    if usage := _most([part["clock"] for part in parts], USAGE["score"]):
        clock[USAGE["score"]] = usage
    provenance = {**training, "clock": clock, **alike, "scoring_sha256": scoring_sha256}
    write_scored(output, table, _samples(folders), provenance)


def _samples(folders: Sequence[Path]) -> dict[str, np.ndarray]:
    files = [folder / "samples.npz" for folder in folders]
    parts: list[dict[str, np.ndarray]] = [dict(np.load(file)) for file in files if file.is_file()]
    if not parts:
        return {}
    of_seeds = {name: np.concatenate([part[name] for part in parts])[:FIGURED] for name in OF_SEEDS & {*parts[0]}}
    return {name: of_seeds.get(name, array) for name, array in parts[0].items()}
