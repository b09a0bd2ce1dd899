"""Blocks that add to what is recorded: further seeds, and another device."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from replication.check import problems
from replication.cluster.joining import OF_A_PART
from replication.config.params import load_params
from replication.foundation.errors import InputError
from replication.page import write_page
from replication.record import take_in
from replication.table.measurements import read_table
from tests.in_small import edit, provenance_of, put
from tests.record.conftest import Content, archive, files, of_cell

pytestmark = pytest.mark.integration


def of_seeds(provenance: bytes, seeds: str) -> bytes:
    """A provenance as a training of other seeds of the cell has it."""
    written = json.loads(provenance)
    cell = load_params().profiles["paper"].cells[written["cell"]]
    return json.dumps(
        {**written, **{name: provenance_of(replace(cell, seeds=seeds))[name] for name in OF_A_PART}}
    ).encode()


def part_of(content: Content, seeds: str, key: str = "paper-k1") -> Content:
    """An archive's members of a cell with some of its seeds alone, as `replication.run --seeds` packs them."""
    first, last = map(int, seeds.split("-"))
    table = pd.read_csv(io.BytesIO(content[f"{key}/measurements.csv"]), dtype=str, keep_default_na=False)
    rows = table[table["seed"].astype(int).between(first, last)].to_csv(index=False)
    files = {"measurements.csv": rows.encode(), "provenance.json": of_seeds(content[f"{key}/provenance.json"], seeds)}
    return {f"{key}+{seeds}/{name}": data for name, data in files.items()}


def moved(content: Content, device: str, precision: str = "float32") -> Content:
    """The same blocks as if they had been computed elsewhere."""
    blocks: Content = {}
    for name, data in content.items():
        if name.endswith("json"):
            data = json.dumps({**json.loads(data), "device": device, "precision": precision}).encode()
        if name.endswith("csv"):
            data = data.replace(b",cpu,float32,", f",{device},{precision},".encode())
        blocks[name.replace("/", f"@{device}/")] = data
    return blocks


def reported(repository: Path, profile: str) -> tuple[dict[str, Any], pd.DataFrame]:
    """The cells in a report's provenance, and its table."""
    folder = repository / "reports" / profile
    cells = json.loads((folder / "provenance.json").read_text(encoding="utf-8"))["cells"]
    return cells, read_table(folder / "measurements.csv")


def test_a_second_archive_adds_seeds_to_a_recorded_cell(repository: Path, elsewhere: Content) -> None:
    assert take_in([archive(part_of(elsewhere, "0-1"))], load_params()) == ["paper-k1+0-1"]
    cells, table = reported(repository, "paper")
    assert set(cells) == {"paper-k1+0-1"} and set(table["seed"]) == {0, 1}
    with pytest.raises(InputError, match="Seeds 1 of cell paper-k1 on cpu in float32 are recorded already: remove"):
        take_in([archive(part_of(elsewhere, "1-2"))], load_params())
    assert take_in([archive(part_of(elsewhere, "2-2"))], load_params()) == ["paper-k1+2"]
    cells, table = reported(repository, "paper")
    assert [(name, cell["seeds"]) for name, cell in cells.items()] == [("paper-k1+0-1", [0, 1]), ("paper-k1+2", [2])]
    whole = pd.read_csv(io.BytesIO(elsewhere["paper-k1/measurements.csv"]))
    assert sorted(table["value"]) == sorted(whole["value"])
    write_page(load_params())
    page = (repository / "reports/pages/appendices.md").read_text(encoding="utf-8")
    runs = [line.split(" | ") for line in page.splitlines() if line.startswith("| paper-k1")]
    assert {run[0] for run in runs} == {"| paper-k1+0-1", "| paper-k1+2"} and "0–1" in runs[0]
    (repository / "README.md").unlink()
    assert all("README" in problem for problem in problems(load_params(), ["paper"]))
    (repository / "reports/recorded/paper-k1+2/measurements.csv.gz").unlink()
    lacking = "paper-k1+2/measurements.csv is missing"
    assert any(lacking in problem for problem in problems(load_params(), ["paper"]))


def test_several_archives_are_taken_in_together_or_not_at_all(repository: Path, elsewhere: Content) -> None:
    first, again, second = (archive(part_of(elsewhere, seeds), Path(f"{seeds}.tgz")) for seeds in ("0-1", "1-2", "2-2"))
    before = files(repository)
    with pytest.raises(InputError, match="recorded"):
        take_in([first, again], load_params())
    assert files(repository) == before
    assert take_in([first, second], load_params()) == ["paper-k1+0-1", "paper-k1+2"]
    cells, table = reported(repository, "paper")
    assert set(cells) == {"paper-k1+0-1", "paper-k1+2"} and set(table["seed"]) == {0, 1, 2}


def test_a_recorded_block_stays_when_more_seeds_are_planned(repository: Path, elsewhere: Content) -> None:
    take_in([archive(of_cell(elsewhere, "paper-k1"))], load_params())
    edit(put("profiles.paper.cells.paper-k1.seeds", "0-3"))
    part = {name.split("/")[1]: data for name, data in part_of(elsewhere, "2-2").items()}
    table = part["measurements.csv"].replace(b"full,40,2,", b"full,40,3,")
    more = {"paper-k1/measurements.csv": table, "paper-k1/provenance.json": of_seeds(part["provenance.json"], "3")}
    assert take_in([archive(more)], load_params()) == ["paper-k1+3"]
    assert list(reported(repository, "paper")[0]) == ["paper-k1", "paper-k1+3"]


def test_a_block_of_another_device_stands_beside_the_local_one(repository: Path) -> None:
    folder = repository / "outputs/score/cpu/gan/cpu-digits"
    content = moved({f"cpu-digits/{path.name}": path.read_bytes() for path in folder.iterdir()}, "cuda")
    before = reported(repository, "cpu")[1]
    verdicts = (repository / "reports/cpu/verdicts.json").read_bytes()
    assert take_in([archive(content)], load_params()) == ["cpu-digits@cuda"]
    cells, table = reported(repository, "cpu")
    assert list(cells)[-2:] == ["cpu-digits", "cpu-digits@cuda"] and cells["cpu-digits@cuda"]["recorded"]
    assert len(table) == len(before) + (before["dataset"] == "digits").sum()
    assert (repository / "reports/cpu/verdicts.json").read_bytes() == verdicts  # those of the profile's own device
    for kinds, sentence in (
        (("cuda", "tf32"), "computed on cuda in tf32, but by its recipe in params.yaml it would be on cuda in float32"),
        (("cuda", "float16"), "unknown precisions"),
    ):
        again = moved({name.replace("@cuda", ""): data for name, data in content.items()}, *kinds)
        swapped = {n: d.replace(b",cuda,float32,", f",{','.join(kinds)},".encode()) for n, d in again.items()}
        with pytest.raises(InputError, match=sentence):
            take_in([archive(swapped)], load_params())


def test_compiled_games_come_from_a_processor(repository: Path, elsewhere: Content) -> None:
    with pytest.raises(InputError, match="computed on cuda in float32, but by its recipe in params.yaml it"):
        take_in([archive(moved(elsewhere, "cuda"))], load_params())
