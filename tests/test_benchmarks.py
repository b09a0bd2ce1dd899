"""The loader of the benchmark files: each mistake is one sentence that says where it is and what is accepted."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from replication.foundation.errors import InputError
from replication.verdicts.benchmarks import load_benchmarks, schema
from tests.in_small import own_benchmarks

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"
SIDE = {
    "paper": "gan2014",
    "model": "gan",
    "recipe": "toy",
    "dataset": "toy-bimodal",
    "class": "all",
    "metric": "energy_distance",
    "step": "final",
}


def written() -> dict[str, Any]:
    """A small correct file, in the shape that it has after YAML."""
    return {
        "citation": {
            "key": "someone-2014",
            "authors": ["Some One"],
            "title": "A paper",
            "year": 2014,
            "venue": "NIPS",
            "arxiv": "1406.2661",
            "released_code": "some/one",
        },
        "tables": [
            {
                "id": "table-1",
                "title": "A table",
                "source": "Table 1",
                "dataset": "mnist",
                "metric": "errors",
                "unit": "%",
                "better": "lower",
                "spread_kind": "unstated",
                "verified": True,
                "columns": [{"name": "errors"}, {"name": "labels", "better": "higher"}],
                "rows": [
                    {
                        "name": "ours",
                        "columns": {
                            "errors": {"value": 1.5, "spread": 0.2, "verified": True},
                            "labels": {"value": 100, "verified": True},
                        },
                    }
                ],
            }
        ],
        "recipes": [
            {
                "title": "A recipe",
                "model": "gan",
                "recipe": "toy",
                "rows": [{"aspect": "batch", "published": "100", "source": "§3", "ours": ["batch"]}],
            }
        ],
        "claims": [
            {
                "id": "near",
                "statement": "It is near.",
                "source": "§4",
                "verified": True,
                "origin": "statement",
                "kind": "bound",
                "family": "toy",
                "protocol": "It is measured.",
                "replicate_unit": "training",
                "better": "lower",
                "bound": 0.1,
                "evidence": {"where": dict(SIDE), "measured": {"recipe": "toy-k5"}},
            }
        ],
        "deviations": [
            {"id": "one-1", "key": "recipes.gan.toy.batch", "paper": "a", "code": "b", "ours": "c", "read_in": "d"}
        ],
    }


def directory(tmp_path: Path, **files: dict[str, Any]) -> Path:
    for stem, contents in files.items():
        (tmp_path / f"{stem}.yaml").write_text(json.dumps(contents), encoding="utf-8")  # JSON is YAML
    return tmp_path


def test_a_correct_file_loads_with_what_was_left_out_filled_in(tmp_path: Path) -> None:
    (benchmark,) = load_benchmarks(directory(tmp_path, someone2014=written()))
    (claim,) = benchmark.claims
    assert benchmark.paper == claim.paper == "someone2014"
    assert claim.evidence is not None and claim.evidence.measured == {**SIDE, "recipe": "toy-k5"}
    assert (claim.margin, claim.indicative, claim.not_assessed) == (None, (), "")
    (table,) = benchmark.tables
    assert [(column.better, column.spread_kind) for column in table.columns] == [
        ("lower", "unstated"),
        ("higher", "unstated"),
    ]
    assert table.rows[0].numbers["labels"].spread is None


def test_files_come_by_year_and_background_last(tmp_path: Path) -> None:
    files = {}
    for stem, year in (("background", 2001), ("late", 2017), ("early", 2014)):
        files[stem] = contents = written()
        contents["citation"]["year"] = year
        for kind in ("tables", "claims", "deviations"):
            contents[kind][0]["id"] += f"-{stem}"
    loaded = load_benchmarks(directory(tmp_path, **files))
    assert [benchmark.paper for benchmark in loaded] == ["early", "late", "background"]


def _change(*path: str | int, to: Any) -> Callable[[dict[str, Any]], None]:
    def change(contents: dict[str, Any]) -> None:
        node: Any = contents
        for part in path[:-1]:
            node = node[part]
        node[path[-1]] = to

    return change


def _remove(*path: str | int) -> Callable[[dict[str, Any]], None]:
    def change(contents: dict[str, Any]) -> None:
        node: Any = contents
        for part in path[:-1]:
            node = node[part]
        del node[path[-1]]

    return change


CLAIM = ("claims", 0)
ROW = ("tables", 0, "rows", 0, "columns")
MISTAKES = {
    "no source": (_remove(*CLAIM, "source"), r"claims\[0\] \(near\)\.source: "),
    "empty source": (_change(*CLAIM, "source", to=""), r"claims\[0\] \(near\)\.source: .*''"),
    "unknown key": (_change(*CLAIM, "colour", to="red"), r"\(near\)\.colour: .*'red'.*accepted.*statement"),
    "unknown kind": (_change(*CLAIM, "kind", to="vibe"), r"\(near\)\.kind: .*'superiority'.*'vibe'"),
    "wrong type": (_change(*CLAIM, "bound", to="small"), r"\(near\)\.bound: .*number.*'small'"),
    "bad identifier": (_change(*CLAIM, "id", to="Near It"), r"\(Near It\)\.id: .*'Near It'"),
    "unknown metric": (
        _change(*CLAIM, "evidence", "measured", "metric", to="beauty"),
        r"\(near\)\.evidence\.measured\.metric: 'beauty'.*accepted: success,",
    ),
    "unknown column": (
        _change(*CLAIM, "evidence", "measured", "colour", to="red"),
        r"\(near\)\.evidence\.measured\.colour: .*accepted.*profile",
    ),
    "unknown column of both": (_change(*CLAIM, "evidence", "where", "colour", to="red"), r"evidence\.where\.colour: "),
    "no bound": (_remove(*CLAIM, "bound"), r"\(near\): .*needs bound"),
    "no evidence": (_remove(*CLAIM, "evidence"), r"\(near\): .*not_assessed"),
    "bad step": (_change(*CLAIM, "evidence", "measured", "step", to="last"), r"measured\.step: .*'last'"),
    "negative step": (_change(*CLAIM, "evidence", "measured", "step", to=-1), r"measured\.step: .*-1"),
    "the paper twice": (_change(*CLAIM, "paper", to="someone2014"), "paper: the name of the file says it"),
    "other columns": (_remove(*ROW, "labels"), r"tables\[0\] \(table-1\): row 'ours' .*'errors', 'labels'"),
    "unverified number in a verified table": (
        _change(*ROW, "labels", "verified", to=False),
        r"\(table-1\): verified is",
    ),
    "recipe without model": (_remove("recipes", 0, "model"), r"recipes\[0\]: model and recipe"),
    "no section": (_remove("deviations"), "deviations: field required"),
    "same id twice": (_change("deviations", 0, "id", to="near"), r"'near' stands in someone2014.yaml \(Claim\) and in"),
    "no mapping": (lambda contents: contents.clear(), "citation: field required"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_one_sentence(mistake: str, tmp_path: Path) -> None:
    contents = written()
    change, sentence = MISTAKES[mistake]
    change(contents)
    with pytest.raises(InputError, match=sentence) as raised:
        load_benchmarks(directory(tmp_path, someone2014=contents))
    assert "someone2014.yaml" in str(raised.value)
    assert "\n" not in str(raised.value) and str(raised.value).endswith(".")


def test_the_schema_is_that_of_the_classes() -> None:
    mend = "python -m replication.verdicts.benchmarks > benchmarks/schema.json"
    assert (BENCHMARKS / "schema.json").read_text(encoding="utf-8") == schema(), mend


def test_paths_without_a_recipe_are_refused(tmp_path: Path) -> None:
    contents = written()
    del contents["recipes"][0]["model"], contents["recipes"][0]["recipe"]
    with pytest.raises(InputError, match="paths in ours need the recipe"):
        load_benchmarks(directory(tmp_path, someone2014=contents))
    contents["recipes"][0]["rows"][0]["ours"] = []
    assert load_benchmarks(directory(tmp_path, someone2014=contents))[0].recipes[0].recipe == ""


def test_identifiers_are_unique_across_files(tmp_path: Path) -> None:
    with pytest.raises(
        InputError, match=r"'near' stands in (one|two)\.yaml \(Claim\) and in (one|two)\.yaml \(Claim\)"
    ):
        load_benchmarks(directory(tmp_path, one=written(), two=written()))


def test_a_reading_is_of_one_claim(tmp_path: Path) -> None:
    contents = written()
    first = contents["claims"][0] | {"reading": "As expected."}
    contents["claims"] = [first, first | {"id": "further"}]
    with pytest.raises(InputError, match="Claims near and further have the same reading"):
        load_benchmarks(directory(tmp_path, someone2014=contents))


@pytest.mark.parametrize(
    ("text", "sentence"),
    [("claims: [", "is not YAML"), ("a: 1\na: 2\n", 'line 2: .*found duplicate key "a"'), ("- 1\n", "the whole")],
)
def test_what_is_no_benchmark_file_is_refused(text: str, sentence: str, tmp_path: Path) -> None:
    (tmp_path / "someone2014.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=sentence):
        load_benchmarks(tmp_path)


def test_an_empty_place_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="There is no directory"):
        load_benchmarks(tmp_path / "absent")
    with pytest.raises(InputError, match=r"holds no \*\.yaml"):
        load_benchmarks(tmp_path)


def test_claims_select_runs_of_papers_that_have_a_file() -> None:
    loaded = own_benchmarks()
    evidence = [one for paper in loaded for claim in paper.claims for one in (claim.evidence, *claim.indicative) if one]
    selected = {side["paper"] for one in evidence for side in (one.measured, one.against) if side and "paper" in side}
    assert len(selected) > 3 and selected <= {paper.paper for paper in loaded}
