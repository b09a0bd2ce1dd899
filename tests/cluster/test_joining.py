"""A block that is trained and scored in parts is, byte for byte, the block that was done at once."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from replication.cluster.joining import cut_training, join_scored, join_trained
from replication.cluster.units import parts_of
from replication.config.params import Cell, Params, load_params
from replication.foundation.errors import InputError
from replication.foundation.places import SCORED, TRAINED
from replication.foundation.provenance import recorded
from replication.prepare import prepare
from replication.score import score_cell, scoring_key
from replication.train import train_cell
from tests.in_small import linked, params_written, write_few


@pytest.fixture(scope="module")
def block(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Params, Cell]:
    """A toy cell of 25 seeds, trained and scored whole: more than are scored together, and than components are of."""
    with pytest.MonkeyPatch.context() as patch:
        root = linked(tmp_path_factory.mktemp("block") / "place")
        patch.chdir(root)
        content = params_written()
        content["recipes"]["deligan"]["toy"] |= {"updates": 200, "n_samples": 100}
        cells = content["profiles"]["cpu"]["cells"]
        few = {"cpu-cell": {**cells["cpu-deligan-toy"], "seeds": "0-24"}, "cpu-other": cells["cpu-gan-toy-k1"]}
        write_few(content, few, protocols={"components": {"samples": 60, "permutations": 2}})
        params = load_params()
        prepare(params.datasets["toy-bimodal"], Path("outputs/data/toy-bimodal"))
        whole = params.profile.cells["cpu-cell"]
        train_cell(params, whole)
        score_cell(params, whole)
    return root, params, whole


@pytest.fixture
def scored(block: tuple[Path, Params, Cell], monkeypatch: pytest.MonkeyPatch) -> tuple[Params, Cell]:
    """The block, with its folder as the current one."""
    root, params, whole = block
    monkeypatch.chdir(root)
    return params, whole


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.name != "provenance.json"}


@pytest.mark.integration
def test_parts_join_into_the_block(scored: tuple[Params, Cell], tmp_path: Path) -> None:
    params, whole = scored
    parts = parts_of(params, whole, 10)
    assert [len(part.seed_numbers) for part in parts] == [10, 10, 5]
    cuts = {part: tmp_path / part.name for part in parts}
    cut_training(TRAINED / whole.folder, whole, cuts, params)
    for part, cut in cuts.items():
        train_cell(params, part)
        score_cell(params, part)
        assert files(cut) == files(TRAINED / part.folder)
        there, clocks = recorded(TRAINED / part.folder), ("clock", "environment")
        assert {**recorded(cut), **{name: there[name] for name in clocks}} == there
    written = recorded(TRAINED / whole.folder)
    key = {name: written[name] for name in ("cell", "seeds", "params_sha256", "code_sha256", "data_sha256", "versions")}
    join_trained([TRAINED / part.folder for part in parts], key, tmp_path / "trained")
    assert files(tmp_path / "trained") == files(TRAINED / whole.folder)
    joined = recorded(tmp_path / "trained")
    assert {**joined, "clock": written["clock"]} == written
    join_scored([SCORED / part.folder for part in parts], TRAINED / whole.folder, "key", tmp_path / "scored")
    assert files(tmp_path / "scored") == files(SCORED / whole.folder)
    at_once = recorded(SCORED / whole.folder)
    assert at_once["scoring_sha256"] == scoring_key(params, whole)
    rest = {"clock": at_once["clock"], "scoring_sha256": at_once["scoring_sha256"]}
    assert {**recorded(tmp_path / "scored"), **rest} == at_once


@pytest.mark.integration
def test_a_part_of_other_packages_is_refused(scored: tuple[Params, Cell], tmp_path: Path) -> None:
    params, whole = scored
    part = replace(whole, seeds="0-9", part="+0-9")
    cut_training(TRAINED / whole.folder, whole, {part: tmp_path / "part"}, params)
    place = tmp_path / "part" / "provenance.json"
    other = {**json.loads(place.read_text(encoding="utf-8")), "versions": {"torch": "1.0"}}
    place.write_text(json.dumps(other), encoding="utf-8")
    key = {name: recorded(TRAINED / whole.folder)[name] for name in ("seeds", "versions", "data_sha256")}
    with pytest.raises(InputError, match="packages"):
        join_trained([tmp_path / "part"], key, tmp_path / "trained")
