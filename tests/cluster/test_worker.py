"""A unit of work in this process: what a node lays out, computes and hands back, without Ray."""

from __future__ import annotations

import json
import os
import pickle
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from replication.cluster import goods, worker
from replication.cluster.goods import content_digest, digest_of, keep_copy, made_once, read_content, write_content
from replication.cluster.pool import require_cluster
from replication.cluster.units import Demand
from replication.cluster.worker import NodeLeft, Parcel, own_root, perform
from replication.config.cluster import Cluster
from replication.foundation.errors import InputError
from replication.training.block import Paused
from tests.in_small import linked

MADE = Path("outputs/made")


def copies(source: str, *_: Any) -> None:
    """A unit that writes what it reads."""
    MADE.mkdir(parents=True, exist_ok=True)
    (MADE / "copy.txt").write_text(Path(source).read_text(encoding="utf-8"), encoding="utf-8")


def scores(*_: Any) -> None:
    """A unit that writes scores of five seeds."""
    MADE.mkdir(parents=True, exist_ok=True)
    provenance = {"seeds": "0-4", "clock": {"scoring_s": 3.0}}
    (MADE / "provenance.json").write_text(json.dumps(provenance), encoding="utf-8")


def refuses(*_: Any) -> None:
    raise InputError("The data are not prepared.")


def trains(stop: Any) -> None:
    """A training that is asked once whether to stop."""
    if stop(5, 10):
        raise Paused(5, 10)
    copies("params.yaml")


def fills_the_memory(*_: Any) -> None:
    raise MemoryError


def finds_no_sources(*_: Any) -> None:
    import_module("replication.metrics.gone")


def breaks(*_: Any) -> None:
    raise ZeroDivisionError("a mistake of ours")


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where Ray has put the sources; the current directory is restored."""
    home = linked(tmp_path / "home")
    (home / "params.yaml").write_text("{}", encoding="utf-8")
    monkeypatch.setattr(worker, "HOME", home)
    monkeypatch.setenv("NUMBA_CACHE_DIR", "")
    before = Path.cwd()
    yield home
    os.chdir(before)


def packed(action: Any, *arguments: Any, stage: str = "score", demand: Demand | None = None) -> bytes:
    return pickle.dumps((action, arguments, MADE, demand or Demand(), stage, f"{stage} a cell"))


def test_a_unit_reads_its_parcels_and_hands_back_its_folder(home: Path, tmp_path: Path) -> None:
    source = tmp_path / "data"
    (source / "deep").mkdir(parents=True)
    (source / "deep" / "a.txt").write_text("content", encoding="utf-8")
    parcel, answers = Parcel(Path("outputs/data/set"), digest_of(source), lambda: read_content(source)), []
    unit, shared = packed(copies, "outputs/data/set/deep/a.txt"), str(tmp_path / "shared")
    result = perform(unit, [parcel], shared, lambda *words: answers.append(words))
    assert result.content == {"copy.txt": b"content"} and result.digest == content_digest(result.content)
    assert answers and answers[0][0] == "score a cell"
    unfetched = replace(parcel, fetch=None)  # it is there by now
    assert perform(unit, [unfetched], shared, print).content


def test_a_parcel_that_was_changed_on_its_way_is_refused(home: Path, tmp_path: Path) -> None:
    parcel = Parcel(Path("outputs/data/set"), content_digest({"a": b"right"}), lambda: {"a": b"wrong"})
    unit, shared = packed(copies, "params.yaml"), str(tmp_path / "shared")
    assert "is not what was sent" in perform(unit, [parcel], shared, print).error
    assert "shared folder" in perform(unit, [replace(parcel, fetch=None)], shared, print).error


def test_of_several_that_need_a_folder_one_makes_it_and_a_damaged_one_is_made_again(tmp_path: Path) -> None:
    content, writings = {"a": b"a" * 10**6, "deep/b": b"b"}, []
    folder = tmp_path / content_digest(content)

    def write() -> None:
        writings.append(folder)
        write_content(content, folder, folder.name)

    with ThreadPoolExecutor(8) as threads:
        for _ in range(8):
            threads.submit(made_once, folder, write)
    assert len(writings) == 1 and read_content(folder) == content
    goods._WHOLE.clear()  # as in another process
    (folder / "deep" / "b").unlink()
    made_once(folder, write)
    assert len(writings) == 2 and read_content(folder) == content


def test_what_scores_and_experiments_took_is_noted_beside_their_clock(home: Path, tmp_path: Path) -> None:
    result = perform(packed(scores), [], str(tmp_path / "shared"), lambda *_: None)
    clock = json.loads(result.content["provenance.json"])["clock"]
    assert clock["scoring_s"] == 3.0 and clock["scoring_usage"]["memory"] > 0 and clock["scoring_usage"]["seeds"] == 5
    assert result.digest == content_digest(result.content) and result.versions["torch"]


def test_a_folder_of_another_user_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert own_root(tmp_path).stat().st_mode & 0o777 == 0o700
    monkeypatch.setattr(os, "getuid", lambda: 12345)
    with pytest.raises(InputError, match="another user"):
        own_root(tmp_path)


@pytest.mark.parametrize("address", ["127.0.0.1:1", "ray://127.0.0.1:1", "127.0.0.1:99999"])
def test_where_nothing_answers_there_is_no_cluster(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", ModuleType("ray"))
    with pytest.raises(InputError, match=r"no Ray cluster at .*--address"):
        require_cluster(Cluster(address=address))


def test_how_units_end(home: Path, tmp_path: Path) -> None:
    def ends(action: Any, **options: Any) -> worker.Result:
        return perform(packed(action, **options), [], str(tmp_path / "shared"), lambda *_: None)

    assert ends(refuses).error == "The data are not prepared."
    assert ends(fills_the_memory).needs_more
    assert ends(trains, stage="train").content == {"copy.txt": b"{}"}
    assert ends(trains, stage="train", demand=Demand(memory=10**15)).content
    assert ends(trains, stage="train", demand=Demand(memory=1)).needs_more  # stopped at its checkpoint
    with pytest.raises(ZeroDivisionError):  # Ray shows its traceback
        ends(breaks)
    with pytest.raises(NodeLeft):  # Ray tries another node
        ends(finds_no_sources)
    (home / "params.yaml").unlink()  # the node's copy of the sources goes away under the unit
    with pytest.raises(NodeLeft):
        ends(breaks)


def test_checkpoints_of_all_units_lie_in_one_place(home: Path, tmp_path: Path) -> None:
    perform(packed(copies, "params.yaml"), [], str(tmp_path / "shared"), lambda *_: None)
    assert Path(".replication").resolve() == (tmp_path / "shared" / "state").resolve()


def test_files_and_folders_travel_whole(tmp_path: Path) -> None:
    single, folder = tmp_path / "weights.pth", tmp_path / "folder"
    single.write_bytes(b"weights")
    folder.mkdir()
    (folder / "b").write_bytes(b"")
    for source in (single, folder):
        content, digest = read_content(source), digest_of(source)
        assert content_digest(content) == digest
        write_content(content, tmp_path / "written" / digest, digest)
        assert digest_of(tmp_path / "written" / digest) == digest
        assert digest_of(keep_copy(source, tmp_path / "store", digest)) == digest
    assert digest_of(single) != digest_of(folder)


@pytest.mark.integration
def test_without_ray_one_sentence(sources: Path) -> None:
    (sources / "ray.py").write_text("raise ImportError('No module named ray')", encoding="utf-8")
    command = [sys.executable, "-m", "replication.run", "--runner", "ray", "cpu-generative-discriminative"]
    process = subprocess.run(command, capture_output=True, text=True)
    assert process.returncode == 2 and "--extra cluster" in process.stderr and "Traceback" not in process.stderr
