"""The loader of the benchmark files: each mistake is one sentence that says where it is and what is accepted."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from replication.config.strict import read_yaml
from replication.foundation.errors import InputError
from replication.verdicts.benchmarks import load_benchmarks, schema
from tests.in_small import ROOT, Change, drop, own_benchmarks, put


def written() -> dict[str, Any]:
    """A small correct file, in the shape that it has after YAML, all its values apart."""
    return json.loads(json.dumps(read_yaml(ROOT / "tests/in_small.yaml")))


def directory(tmp_path: Path, **files: dict[str, Any]) -> Path:
    for stem, contents in files.items():
        (tmp_path / f"{stem}.yaml").write_text(json.dumps(contents), encoding="utf-8")  # JSON is YAML
    return tmp_path


def test_a_correct_file_loads_with_what_was_left_out_filled_in(tmp_path: Path) -> None:
    contents = written()
    first = contents["claims"][0]["evidence"]
    side = first["measured"]
    first["where"], first["measured"] = {**side, "recipe": "digits"}, {"recipe": side["recipe"]}
    contents["tables"][1]["columns"][1]["better"] = "higher"
    (benchmark,) = load_benchmarks(directory(tmp_path, someone2014=contents))
    claim = benchmark.claims[0]
    assert benchmark.paper == claim.paper == "someone2014"
    assert claim.evidence is not None and claim.evidence.measured == side
    assert (claim.bound, claim.indicative, claim.not_assessed) == (None, (), "")
    table = benchmark.tables[1]
    assert [(column.better, column.spread_kind) for column in table.columns] == [("lower", "none"), ("higher", "none")]
    assert table.rows[0].numbers["late"].spread is None


def test_files_come_by_year_and_background_last(tmp_path: Path) -> None:
    files = {}
    for stem, year in {"background": 2001, "late": 2017, "early": 2014}.items():
        bare = {**written(), "tables": [], "recipes": [], "deviations": [], "leading": []}
        bare["citation"]["year"], bare["claims"] = year, [{**bare["claims"][0], "id": stem}]
        files[stem] = bare
    loaded = load_benchmarks(directory(tmp_path, **files))
    assert [benchmark.paper for benchmark in loaded] == ["early", "late", "background"]


CLAIM, SIDE, TABLE = "claims.0", "claims.0.evidence.measured", "tables.1"
MISTAKES: dict[str, tuple[Change, str]] = {
    "no source": (drop(f"{CLAIM}.source"), r"claims\[0\] \(hit-rate\)\.source: "),
    "empty source": (put(f"{CLAIM}.source", ""), r"claims\[0\] \(hit-rate\)\.source: .*''"),
    "unknown key": (put(f"{CLAIM}.colour", "red"), r"\(hit-rate\)\.colour: .*'red'.*accepted.*statement"),
    "unknown kind": (put(f"{CLAIM}.kind", "vibe"), r"\(hit-rate\)\.kind: .*'superiority'.*'vibe'"),
    "wrong type": (put(f"{CLAIM}.margin", "small"), r"\(hit-rate\)\.margin: .*number.*'small'"),
    "bad identifier": (put(f"{CLAIM}.id", "Near It"), r"\(Near It\)\.id: .*'Near It'"),
    "unknown metric": (put(f"{SIDE}.metric", "beauty"), r"\(hit-rate\)\.evid.*\.metric: 'beauty'.*accepted: success,"),
    "unknown column": (put(f"{SIDE}.colour", "red"), r"\(hit-rate\)\.evidence\.measured\.colour: .*accepted.*profile"),
    "unknown column of both": (put(f"{CLAIM}.evidence.where.colour", "red"), r"evidence\.where\.colour: "),
    "no margin": (drop(f"{CLAIM}.margin"), r"\(hit-rate\): .*needs margin"),
    "no evidence": (drop("claims.3.not_assessed"), r"\(question\): .*not_assessed"),
    "bad step": (put(f"{SIDE}.step", "last"), r"measured\.step: .*'last'"),
    "negative step": (put(f"{SIDE}.step", -1), r"measured\.step: .*-1"),
    "the paper twice": (put(f"{CLAIM}.paper", "someone2014"), "paper: the name of the file says it"),
    "other columns": (drop(f"{TABLE}.rows.0.columns.late"), r"tables\[1\] \(table-two\): row 'C .*'early', 'late'"),
    "unverified number": (put(f"{TABLE}.rows.0.columns.late.verified", False), r"\(table-two\): verified is"),
    "recipe without model": (drop("recipes.0.model"), r"recipes\[0\]: model and recipe"),
    "no section": (drop("deviations"), "deviations: field required"),
    "same id twice": (put("deviations.0.id", "hit-rate"), r"'hit-rate' stands in someone2014.yaml \(Claim\) and in"),
    "no mapping": (lambda contents: contents.clear(), "citation: field required"),
    "paths without a recipe": (
        lambda contents: [contents["recipes"][0].pop(key) for key in ("model", "recipe")],
        "paths in ours need the recipe",
    ),
    "a reading twice": (
        lambda contents: [claim.update(reading="As expected.") for claim in contents["claims"][:2]],
        "Claims hit-rate and more-steps have the same reading",
    ),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_one_sentence(mistake: str, tmp_path: Path) -> None:
    contents = written()
    change, sentence = MISTAKES[mistake]
    change(contents)
    with pytest.raises(InputError, match=sentence) as raised:
        load_benchmarks(directory(tmp_path, someone2014=contents))
    assert "\n" not in str(raised.value) and str(raised.value).endswith(".")
    assert "someone2014.yaml" in str(raised.value) or mistake == "a reading twice"


def test_a_recipe_without_paths_needs_no_name(tmp_path: Path) -> None:
    contents = written()
    del contents["recipes"][0]["model"], contents["recipes"][0]["recipe"]
    for row in contents["recipes"][0]["rows"]:
        row["ours"] = []
    assert load_benchmarks(directory(tmp_path, someone2014=contents))[0].recipes[0].recipe == ""


def test_identifiers_are_unique_across_files(tmp_path: Path) -> None:
    file = r"(one|two)\.yaml"
    with pytest.raises(InputError, match=rf"'.*' stands in {file} \(\w+\) and in {file} \(\w+\)"):
        load_benchmarks(directory(tmp_path, one=written(), two=written()))


@pytest.mark.parametrize(
    ("text", "sentence"),
    [("claims: [", "is not YAML"), ("a: 1\na: 2\n", 'line 2: .*found duplicate key "a"'), ("- 1\n", "the whole")],
)
def test_what_is_no_benchmark_file_is_refused(text: str, sentence: str, tmp_path: Path) -> None:
    (tmp_path / "someone2014.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=sentence):
        load_benchmarks(tmp_path)


def test_an_empty_place_is_refused(tmp_path: Path) -> None:
    for place, sentence in ((tmp_path / "absent", "There is no directory"), (tmp_path, r"holds no \*\.yaml")):
        with pytest.raises(InputError, match=sentence):
            load_benchmarks(place)


def test_the_schema_is_that_of_the_classes() -> None:
    mend = "python -m replication.verdicts.benchmarks > benchmarks/schema.json"
    assert (ROOT / "benchmarks/schema.json").read_text(encoding="utf-8") == schema(), mend


def test_claims_select_runs_of_papers_that_have_a_file() -> None:
    loaded = own_benchmarks()
    bodies = [
        body for paper in loaded for claim in paper.claims for body in (claim.evidence, *claim.indicative) if body
    ]
    selected = {side["paper"] for body in bodies for side in (body.measured, body.against) if side and "paper" in side}
    assert len(selected) > 3 and selected <= {paper.paper for paper in loaded}
