"""Blocks that add to what is recorded: further seeds, and another device."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from replication.check import problems
from replication.config.params import load_params
from replication.foundation.errors import InputError
from replication.page import write_page
from replication.record import take_in
from replication.table.measurements import read_table

pytestmark = pytest.mark.integration

Content = dict[str, bytes]
Pack = Callable[..., Path]


def part_of(content: Content, seeds: str, key: str = "paper-k1") -> Content:
    """An archive's members of a cell with some of its seeds alone, as `replication.run --seeds` packs them."""
    first, last = (int(seed) for seed in (*seeds.split("-"), *seeds.split("-"))[:2])
    made: Content = {}
    for name, data in content.items():
        if name.startswith(f"{key}/") and not name.endswith("npz"):
            lines = data.decode().splitlines(True)
            if name.endswith("csv"):
                place = lines[0].split(",").index("seed")
                rows = [line for line in lines[1:] if first <= int(line.split(",")[place]) <= last]
                data = "".join([lines[0], *rows]).encode()
            made[name.replace(key, f"{key}+{seeds}")] = data.replace(b'"seeds": "0-2"', f'"seeds": "{seeds}"'.encode())
    return made


def moved(content: Content, device: str, precision: str = "float32") -> Content:
    """The same blocks as if they had been computed elsewhere."""
    kinds = {"device": device, "precision": precision}
    made: Content = {}
    for name, data in content.items():
        if name.endswith("json"):
            data = json.dumps({**json.loads(data), **kinds}).encode()
        if name.endswith("csv"):
            data = data.replace(b",cpu,float32,", f",{device},{precision},".encode())
        made[name.replace("/", f"@{device}/")] = data
    return made


def reported(repository: Path, profile: str) -> tuple[dict[str, Any], pd.DataFrame]:
    """The cells in a report's provenance, and its table."""
    folder = repository / "reports" / profile
    cells = json.loads((folder / "provenance.json").read_text(encoding="utf-8"))["cells"]
    return cells, read_table(folder / "measurements.csv")


def test_a_second_archive_adds_seeds_to_a_recorded_cell(repository: Path, elsewhere: Content, archive: Pack) -> None:
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
    runs = {
        line.split(" | ")[0].removeprefix("| "): line for line in page.splitlines() if line.startswith("| paper-k1")
    }
    assert set(runs) == {"paper-k1+0-1", "paper-k1+2"} and "| 0–1 |" in runs["paper-k1+0-1"]
    (repository / "README.md").unlink()
    assert not [one for one in problems(load_params(), ["paper"]) if "README" not in one]
    (repository / "reports/recorded/paper-k1+2/measurements.csv.gz").unlink()
    assert any("paper-k1+2/measurements.csv is missing" in one for one in problems(load_params(), ["paper"]))


def test_several_archives_are_taken_in_together_or_not_at_all(
    repository: Path, elsewhere: Content, archive: Pack
) -> None:
    first = archive(part_of(elsewhere, "0-1"), Path("first.tar.gz"))
    again = archive(part_of(elsewhere, "1-2"), Path("again.tar.gz"))
    second = archive(part_of(elsewhere, "2-2"), Path("second.tar.gz"))
    before = {path: path.read_bytes() for path in (repository / "reports").rglob("*") if path.is_file()}
    with pytest.raises(InputError, match="recorded"):
        take_in([first, again], load_params())
    assert {path: path.read_bytes() for path in (repository / "reports").rglob("*") if path.is_file()} == before
    assert take_in([first, second], load_params()) == ["paper-k1+0-1", "paper-k1+2"]
    cells, table = reported(repository, "paper")
    assert set(cells) == {"paper-k1+0-1", "paper-k1+2"} and set(table["seed"]) == {0, 1, 2}


def test_a_recorded_block_stays_when_more_seeds_are_planned(
    repository: Path, elsewhere: Content, archive: Pack
) -> None:
    take_in([archive({name: data for name, data in elsewhere.items() if name.startswith("paper-k1/")})], load_params())
    written = json.loads((repository / "params.yaml").read_text(encoding="utf-8"))
    written["profiles"]["paper"]["cells"]["paper-k1"]["seeds"] = "0-3"
    (repository / "params.yaml").write_text(json.dumps(written), encoding="utf-8")
    more = {
        name.replace("k1/", "k1+3/"): data.replace(b"full,40,2,", b"full,40,3,").replace(b'"2-2"', b'"3"')
        for name, data in part_of(elsewhere, "2-2").items()
    }
    assert take_in([archive({n.replace("+2-2", ""): d for n, d in more.items()})], load_params()) == ["paper-k1+3"]
    assert list(reported(repository, "paper")[0]) == ["paper-k1", "paper-k1+3"]


def test_a_block_of_another_device_stands_beside_the_local_one(repository: Path, archive: Pack) -> None:
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


def test_compiled_games_come_from_a_processor(repository: Path, elsewhere: Content, archive: Pack) -> None:
    with pytest.raises(InputError, match="computed on cuda in float32, but by its recipe in params.yaml it"):
        take_in([archive(moved(elsewhere, "cuda"))], load_params())
