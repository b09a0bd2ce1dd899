"""Tables, JSON and claim files that were made to do harm, or to be taken for something else."""

from __future__ import annotations

import gzip
import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from replication.data.reading import load_manifest
from replication.foundation.provenance import recorded
from replication.report.provenance import read_provenance
from replication.scoring.trained_generators import load
from replication.table.columns import COLUMNS
from replication.table.measurements import read_table, to_table, write_table
from replication.table.speed import read_results
from replication.verdicts.benchmarks import load_benchmarks
from tests.fuzz.outcomes import ACCEPTED, SENTENCE
from tests.hand_made import ROW
from tests.in_small import params_in_small
from tests.security.held import Content, assert_refused, held, made

pytestmark = pytest.mark.integration

HEADER = ",".join(COLUMNS)
LINE = "cpu,gan2014,gan,one,paper,toy,full,400,0,100,all,accuracy,,,0,training,cpu,float32,0.5,1000,accuracy"
FIELDS = LINE.split(",")


def line(**changes: str) -> str:
    return ",".join(changes.get(name, value) for name, value in zip(COLUMNS, FIELDS, strict=True))


def table(*lines: str, header: str = HEADER) -> bytes:
    return "\n".join([header, *lines, ""]).encode()


TABLES: dict[str, Content] = {
    "a formula for a class": table(line(**{"class": "=cmd|' /C calc'!A0"})),
    "a formula that begins with a sign": table(line(judge="-2+3+cmd|' /C calc'!A0")),
    "an escape sequence": table(line(judge="\x1b]0;x\x07")),
    "a text of two lines": table(line(judge='"a\nb"')),
    "a text of a million signs": table(line(judge="a" * 10**6)),
    "NUL": table(line(judge="a\0b")),
    "no UTF-8": table(LINE) + b"\xff",
    "a value of 1e400": table(line(value="1e400")),
    "a value with an underscore": table(line(value="1_0")),
    "a seed of thirty digits": table(line(seed="9" * 30)),
    "a seed of 10 000 digits": table(line(seed="9" * 10_000)),
    "a seed below zero": table(line(seed="-1")),
    "a seed in other digits": table(line(seed="٣")),
    "a seed with a point": table(line(seed="1.0")),
    "the same line twice": table(LINE, LINE),
    "the same seed in other words": table(LINE, line(seed="00")),
    "a field too many in every line": table(f"{LINE},x"),
    "a field too many in one line": table(LINE, f"{LINE},x"),
    "a field too few": table(LINE.rsplit(",", 1)[0]),
    "a quote that does not end": table(LINE, f'"{LINE}'),
    "other columns": table(LINE, header=HEADER.replace("seed", "sead")),
    "a column twice": table(LINE, header=HEADER.replace("step", "seed")),
    "a million columns": table(LINE, header=",".join("a" * 10**6)),
    "a million fields": table("," * 10**6),
    "a bomb": lambda: gzip.compress(table(LINE) + bytes(1 << 29)),
    "half a packed table": gzip.compress(table(LINE))[:-12],
    "noise for a packed table": bytes(range(256)),
}
DEEP = b"[" * 100_000 + b"]" * 100_000
TEXTS: dict[str, bytes] = {
    "nothing": b"",
    "deep lists": DEEP,
    "deep objects": b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
    "a number of 100 000 digits": b'{"a": ' + b"9" * 100_000 + b"}",
    "a key twice": b'{"name": "a", "name": "b"}',
    "no UTF-8": b'{"a": "\xff"}',
    "a list": b"[]",
    "a number": b"NaN",
    "null": b"null",
    "half": b'{"a": ',
    "a pickle": b"\x80\x04N.",
}
READERS: dict[str, Callable[[Path], object]] = {
    "manifest.json": lambda place: load_manifest(place.parent),
    "provenance.json": read_provenance,
    "speed.json": read_results,
    "cell/provenance.json": lambda place: load(path=place.parent),
}


def read_claims(place: Path) -> object:
    return load_benchmarks(place.parent)


MEMORY = 400 * 2**20  # bytes beside what the tests have, in which a reader of tables fits
BOMB = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"a{n + 1}: &a{n + 1} [{', '.join([f'*a{n}'] * 10)}]\n" for n in range(8)
)
CLAIMS: dict[str, str] = {
    "a call": "claims: !!python/object/apply:pathlib.Path.mkdir [it-ran]",
    "an object": "claims: !!python/object:pathlib.Path {}",
    "a module": "claims: !!python/module:os",
    "a tag of nobody": "claims: !x [1]",
    "a billion laughs": BOMB,
    "itself": "claims: &a [*a]",
    "deep lists": "claims: " + "[" * 5000 + "]" * 5000,
    "deep blocks": "- " * 5000 + "x",
    "a key twice": "claims: []\nclaims: []",
    "a number of 10 000 digits": "claims: " + "9" * 10_000,
    "infinity": "claims: .inf",
    "a date": "claims: 2020-01-01",
    "binary": "claims: !!binary aGVsbG8=",
    "a key that is a list": "? [a, b]\n: c",
    "NUL": "claims: \0",
}


@pytest.fixture(autouse=True)
def empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "cell").mkdir()
    (tmp_path / "params.yaml").write_text(params_in_small(), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def named(place: Path) -> str:
    """What a sentence on a file must name: of an object its folder, for a reader looks for the whole of it."""
    return str(place.parent if place.suffix == ".json" else place.name)


@pytest.mark.parametrize("name", TABLES)
def test_a_hostile_table_is_refused(name: str) -> None:
    packed = name in ("a bomb", "half a packed table", "noise for a packed table")
    place = Path("measurements.csv.gz" if packed else "measurements.csv")
    place.write_bytes(made(TABLES[name]))
    assert_refused(read_table, place, MEMORY, named(place))


def test_the_line_that_they_are_made_of_is_read(empty: Path) -> None:
    Path("a.csv").write_bytes(table(LINE, line(seed="1", judge="-1", value="-inf"), line(seed="2", value="NaN")))
    assert held(lambda: read_table(Path("a.csv"))).kind == ACCEPTED
    write_table(to_table([ROW]), Path("b.csv.gz"))
    assert read_table(Path("b.csv.gz"))["value"].tolist() == [0.5]


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("name", TEXTS)
def test_what_is_no_object_of_json_is_refused(reader: str, name: str) -> None:
    Path(reader).write_bytes(TEXTS[name])
    assert_refused(READERS[reader], Path(reader), MEMORY, named(Path(reader)))


@pytest.mark.parametrize("reader", [*READERS, "measurements.csv", "claims.yaml"])
def test_nobody_waits_for_a_pipe(reader: str) -> None:
    os.mkfifo(reader)
    read = (READERS | {"measurements.csv": read_table, "claims.yaml": read_claims})[reader]
    assert_refused(read, Path(reader), MEMORY, named(Path(reader)))


@pytest.mark.parametrize("name", TEXTS)
def test_a_damaged_provenance_of_an_output_counts_as_none(name: str) -> None:
    Path("provenance.json").write_bytes(TEXTS[name])
    assert name == "a key twice" or recorded(Path(".")) == {}
    assert held(lambda: recorded(Path("."))).kind == ACCEPTED


@pytest.mark.parametrize("name", CLAIMS)
def test_a_hostile_claim_file_is_refused(name: str) -> None:
    Path("claims").mkdir()
    Path("claims/mine.yaml").write_text(CLAIMS[name], encoding="utf-8")
    assert_refused(read_claims, Path("claims/mine.yaml"), MEMORY, "mine.yaml")


@pytest.mark.parametrize(
    ("key", "absurd"),
    [("seeds", "0-99999999999"), ("weights_sha256", {"9" * 6000: "0"}), ("sample_shape", [1024, 1024, 1024]),
     ("classes", 10**15)],
)  # fmt: skip
def test_a_provenance_with_absurd_values_costs_nothing(key: str, absurd: object) -> None:
    place = Path("cell/cpu-k1")
    place.mkdir()
    written = {"seeds": "1", "weights_sha256": {"8": "0"}, "sample_shape": [2], "classes": 1, "params_sha256": "0"}
    (place / "provenance.json").write_text(json.dumps({**written, key: absurd}), encoding="utf-8")
    became = held(lambda: load(seed=1, path=place))
    assert became.kind == SENTENCE, became.text
