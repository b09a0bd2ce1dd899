from __future__ import annotations

import gzip
import hashlib
import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from replication.check import problems
from replication.config.params import load_params
from replication.foundation.errors import InputError
from replication.record import main, take_in
from replication.table.archives import unpack
from tests.in_small import edit
from tests.record.conftest import Content, archive, files, of_cell

Change = Callable[[Content], Content]


@pytest.mark.integration
def test_what_one_machine_packs_another_takes_in(repository: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def in_force(profile: str) -> None:
        edit(lambda content: content.update(run=content["profiles"][profile]))

    in_force("paper")
    packed = []
    for _ in range(2):
        main(["--pack", "out.tar.gz", "paper-k1"])
        packed.append(Path("out.tar.gz").read_bytes())
    assert packed[0] == packed[1]
    in_force("cpu")
    main(["out.tar.gz"])
    assert "took in paper-k1" in capsys.readouterr().out
    recorded, scored = (
        {path.name: path.read_bytes() for path in (repository / folder / "paper-k1").iterdir()}
        for folder in ("reports/recorded", "outputs/score/paper/gan")
    )
    assert gzip.decompress(recorded.pop("measurements.csv.gz")) == scored.pop("measurements.csv")
    provenances = [json.loads(files.pop("provenance.json")) for files in (recorded, scored)]
    assert [set(provenance.pop("files")) for provenance in provenances] == [
        {"measurements.csv.gz", "samples.npz"},
        {"measurements.csv", "samples.npz"},
    ]
    assert recorded == scored and provenances[0] == provenances[1]


@pytest.mark.integration
def test_a_recorded_cell_is_reported_and_a_missing_one_named(repository: Path, elsewhere: Content) -> None:
    for key, lacking in (("paper-k1", ["paper-k5"]), ("paper-k5", [])):
        assert take_in([archive(of_cell(elsewhere, key))], load_params()) == [key]
        written = json.loads((repository / "reports/paper/provenance.json").read_text(encoding="utf-8"))
        assert written["not_measured"] == lacking and written["cells"]["paper-k1"]["recorded"]
    path = repository / "reports/recorded/paper-k1/measurements.csv.gz"
    path.write_bytes(gzip.compress(gzip.decompress(path.read_bytes()).replace(b"0.", b"0.9", 1)))
    sentences = problems(load_params(), ["paper"])
    assert any(
        "paper-k1/measurements.csv.gz is missing or not what the report of paper joined" in problem
        for problem in sentences
    )


def changed(name: str, change: Callable[[bytes], bytes]) -> Change:
    return lambda content: {**content, name: change(content[name])}


def replaced(name: str, old: bytes, new: bytes) -> Change:
    def change(data: bytes) -> bytes:
        assert old in data
        return data.replace(old, new)

    return changed(name, change)


def misshapen(_: bytes) -> bytes:
    stream = io.BytesIO()
    np.savez(stream, grid=np.zeros((2, 2)))
    return stream.getvalue()


def of_another_recipe(provenance: bytes) -> bytes:
    return json.dumps({**json.loads(provenance), "params_sha256": "0" * 64}).encode()


REFUSALS: list[tuple[Change, str]] = [
    (lambda content: {}, "holds no cell"),
    (lambda content: {**content, "../evil.csv": b"x"}, "'../evil.csv' is no name below"),
    (lambda content: {**content, "/etc/evil": b"x"}, "'/etc/evil' is no name below"),
    (lambda content: {**content, "paper-k1/run.sh": b"x"}, "accepted are manifest.json and CELL/"),
    (lambda content: {name.replace("k5", "k9"): data for name, data in content.items()}, "no cell 'paper-k9'"),
    (lambda content: {**content, "cpu-k1/measurements.csv": b""}, "mixes profiles cpu and paper"),
    (changed("paper-k5/measurements.csv", lambda data: b""), "not a CSV table"),
    (
        changed("paper-k5/measurements.csv", lambda data: data.splitlines(True)[0]),
        "cells.tar.gz: paper-k5/measurements.csv.gz has no",
    ),
    (replaced("paper-k5/measurements.csv", b",hit_rate,", b",luck,"), "unknown metrics"),
    (replaced("paper-k5/measurements.csv", b",toy-k5,", b",toy-k1,"), "recipe 'toy-k1', but cell paper-k5 has 'toy"),
    (replaced("paper-k5/measurements.csv", b"paper,gan2014", b"cpu,gan2014"), "profile 'cpu'"),
    (changed("paper-k5/measurements.csv", lambda data: data + data.splitlines(True)[1]), "measures the same thing twi"),
    (changed("paper-k5/provenance.json", lambda data: b"[]"), "no JSON object"),
    (replaced("paper-k5/provenance.json", b'"data_sha256"', b'"data"'), "data_sha256: field required"),
    (replaced("paper-k5/provenance.json", b"a" * 64, b"a" * 63 + b"z"), "code_sha256: string should match"),
    (replaced("paper-k5/provenance.json", b'"0-2"', b'"0-3"'), "seeds are '0-3'"),
    (replaced("paper-k5/provenance.json", b'"updates": 100', b'"updates": 700'), "trained for 700 updates"),
    (
        changed("paper-k5/provenance.json", of_another_recipe),
        "Cell paper-k5 was trained from another recipe",
    ),
    (changed("paper-k5/samples.npz", lambda data: data[:50]), "samples.npz is no sound"),
    (changed("paper-k5/samples.npz", misshapen), "grid has dtype float64"),
    (lambda content: {n: d for n, d in content.items() if not n.endswith("k5/provenance.json")}, "without provenance"),
]


@pytest.mark.parametrize(("change", "sentence"), REFUSALS, ids=[sentence for _, sentence in REFUSALS])
def test_bad_content_leaves_nothing(repository: Path, elsewhere: Content, change: Change, sentence: str) -> None:
    before = files(repository)
    with pytest.raises(InputError) as refused:
        take_in([archive(change(elsewhere))], load_params())
    assert sentence in str(refused.value) and "\n" not in str(refused.value)
    assert "incoming" not in str(refused.value)  # a folder that is gone
    assert files(repository) == before
    assert not list((repository / "reports").glob(".incoming*"))


@pytest.mark.integration
def test_a_cell_is_recorded_once(repository: Path, elsewhere: Content) -> None:
    """The same archive again changes nothing."""
    first = of_cell(elsewhere, "paper-k1")
    take_in([archive(first)], load_params())
    before = files(repository)
    assert take_in([archive(first)], load_params()) == ["paper-k1"]
    assert files(repository) == before
    changed = {**first, "paper-k1/measurements.csv": first["paper-k1/measurements.csv"].replace(b"0.", b"1.", 1)}
    with pytest.raises(InputError, match="Seeds 0-2 of cell paper-k1 on cpu in float32 are recorded already: remove"):
        take_in([archive(changed)], load_params())
    assert files(repository) == before


def test_a_report_that_fails_takes_the_cells_back(repository: Path, elsewhere: Content) -> None:
    (repository / "benchmarks/gan2014.yaml").write_text("claims: 3", encoding="utf-8")
    before = files(repository)
    with pytest.raises(InputError, match="gan2014.yaml"):
        take_in([archive(elsewhere)], load_params())
    assert files(repository) == before


@pytest.mark.integration
def test_a_page_that_fails_takes_the_cells_and_the_report_back(repository: Path, elsewhere: Content) -> None:
    take_in([archive(of_cell(elsewhere, "paper-k1"))], load_params())
    (repository / "reports/cpu/provenance.json").write_text("{}", encoding="utf-8")
    before = files(repository)
    with pytest.raises(InputError, match="cpu/provenance.json"):
        main([str(archive(of_cell(elsewhere, "paper-k5")))])
    assert files(repository) == before


def test_hashes_and_manifest_are_held_against_the_members(tmp_path: Path) -> None:
    path, content = tmp_path / "cells.tar.gz", {"paper-k1/measurements.csv": b"x"}
    wrong = json.dumps({"files": {"paper-k1/measurements.csv": "0" * 64}}).encode()
    for manifest, sentence in (
        ({"manifest.json": wrong}, "differs from its hash"),
        ({}, "has no manifest.json"),
        ({"manifest.json": b'{"files": {}}'}, "stands only in the archive"),
        ({"manifest.json": b"["}, "lists no files"),
    ):
        with pytest.raises(InputError, match=sentence):
            unpack(archive({**manifest, **content}, path, rehash=False))


def test_a_member_too_large_is_not_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = archive({"paper-k1/measurements.csv": b"0" * 5000}, tmp_path / "cells.tar.gz")
    monkeypatch.setattr("replication.table.archives.MOST_BYTES", 4000)
    with pytest.raises(InputError, match="unpacks to 5000 bytes; 4000 at most"):
        unpack(path)


def test_a_zip_is_taken_too_and_no_archive_is_not(repository: Path, elsewhere: Content) -> None:
    manifest = {"files": {name: hashlib.sha256(data).hexdigest() for name, data in elsewhere.items()}}
    with zipfile.ZipFile("cells.zip", "w", zipfile.ZIP_DEFLATED) as zipped:
        for name, data in {"manifest.json": json.dumps(manifest).encode(), **elsewhere}.items():
            zipped.writestr(name, data)
    assert unpack(Path("cells.zip")) == elsewhere
    Path("text.tar.gz").write_text("no archive", encoding="utf-8")
    (repository / "outputs/score/cpu/gan/cpu-k5/measurements.csv").unlink()
    for arguments, sentence in (
        (["text.tar.gz"], "no sound tar or zip"),
        (["nowhere.zip"], "There is no archive"),
        ([], "Name one archive"),
        (["--pack", "out.tar.gz", "cpu-k9"], "accepted: cpu-k1"),
        (["--pack", "out.tar.gz"], "cpu-k5 is not scored"),
    ):
        with pytest.raises(InputError, match=sentence):
            main(arguments)
    assert not Path("out.tar.gz").exists()
