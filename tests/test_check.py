from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from replication.check import main
from replication.foundation.errors import InputError


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def edit_verdict(root: Path) -> None:
    edit(root / "reports/cpu/verdicts.json", '"word": "replicated"', '"word": "differs, better"')


def edit_verdict_and_hash(root: Path) -> None:
    edit_verdict(root)
    rehash(root, "verdicts.json")


def edit_measurement(root: Path) -> None:
    path = root / "reports/cpu/measurements.csv"
    row = next(line for line in path.read_text(encoding="utf-8").splitlines() if ",hit_rate," in line)
    edit(path, row, row.replace(",0.", ",0.1", 1))


def edit_measurement_and_hash(root: Path) -> None:
    path = root / "reports/cpu/measurements.csv"
    lines = path.read_text(encoding="utf-8").splitlines()
    rows = [line for line in lines if ",hit_rate," in line and ",100,all," in line and ",toy-k1," in line]
    for row in rows:
        edit(path, row, row.replace(",0.", ",0.9", 1))
    rehash(root, "measurements.csv")


def rehash(root: Path, name: str) -> None:
    from replication.foundation.provenance import sha256_file

    path = root / "reports/cpu/provenance.json"
    written = json.loads(path.read_text(encoding="utf-8"))
    written["files"][name] = sha256_file(root / "reports/cpu" / name)
    path.write_text(json.dumps(written), encoding="utf-8")


def remove_source(root: Path) -> None:
    edit(root / "benchmarks/gan2014.yaml", "    source: §4\n", "")


def blank_source(root: Path) -> None:
    edit(root / "benchmarks/gan2014.yaml", "    source: §4\n", '    source: " "\n')


def remove_origin(root: Path) -> None:
    edit(root / "benchmarks/gan2014.yaml", "    origin: statement\n", "")


def remove_plan(root: Path) -> None:
    edit(
        root / "benchmarks/gan2014.yaml", "    plan: {n: 5, against_n: 5, sd: 0.01, effect: 0.1, source: a trial}\n", ""
    )


def plan_a_small_effect(root: Path) -> None:
    edit(root / "benchmarks/gan2014.yaml", "effect: 0.1,", "effect: 0.011,")


def move_margin(root: Path) -> None:
    edit(root / "benchmarks/gan2014.yaml", "margin: 0.05", "margin: 0.005")


def stale_markdown(root: Path) -> None:
    edit(root / "reports/README.md", "measured at", "proved at")


def stale_html(root: Path) -> None:
    edit(root / "reports/index.html", "replicated", "proved")


def readme_differs(root: Path) -> None:
    edit(root / "README.md", "replicated", "proved")


def readme_without_markers(root: Path) -> None:
    (root / "README.md").write_text("# Title\n", encoding="utf-8")


def lost_figure(root: Path) -> None:
    (root / "reports/cpu/figures/forest.svg").unlink()


def stray_figure(root: Path) -> None:
    (root / "reports/cpu/figures/mine.svg").write_text("<svg/>", encoding="utf-8")


def lost_report(root: Path) -> None:
    shutil.rmtree(root / "reports/cpu")


def more_cells(root: Path) -> None:
    edit(root / "params.yaml", "cpu-digits", "cpu-numerals")


@pytest.mark.parametrize(
    ("harm", "sentence"),
    [
        (edit_verdict, "verdicts.json is not the file that the report made"),
        (edit_verdict_and_hash, "word says 'differs, better', the measurements give 'replicated'"),
        (edit_measurement, "measurements.csv is not the file that the report made"),
        (edit_measurement_and_hash, "claim hit-rate"),
        (remove_source, "key source is missing"),
        (blank_source, "hit-rate has no source"),
        (remove_origin, "key origin is missing"),
        (remove_plan, "more-steps has no plan"),
        (plan_a_small_effect, "more-steps would be replicated in"),
        (move_margin, "claim hit-rate"),
        (stale_markdown, "reports/README.md is stale: it differs from line"),
        (stale_html, "index.html is stale"),
        (readme_differs, "replication.page --update-readme"),
        (readme_without_markers, "tables:begin"),
        (lost_figure, "figures/forest.svg is missing"),
        (stray_figure, "figures/mine.svg was not made by the report"),
        (lost_report, "There is no reports/cpu/provenance.json"),
        (more_cells, "Cell cpu-numerals stands only in params.yaml"),
    ],
)
def test_the_gate_closes(
    repository: Path, capsys: pytest.CaptureFixture[str], harm: Callable[[Path], None], sentence: str
) -> None:
    harm(repository)
    with pytest.raises(SystemExit) as stopped:
        main(["--profile", "cpu"])
    assert stopped.value.code == 1
    assert sentence in capsys.readouterr().err


def test_the_gate_is_open_where_all_agrees(repository: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main([])
    assert "cpu follows from its measurements" in capsys.readouterr().out


def test_every_problem_is_listed_and_an_unknown_profile_is_refused(
    repository: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lost_figure(repository)
    edit_verdict(repository)
    with pytest.raises(SystemExit):
        main([])
    said = capsys.readouterr().err
    assert "forest.svg is missing" in said and "verdicts.json is not the file" in said
    with pytest.raises(InputError, match="accepted: cpu, paper"):
        main(["--profile", "gpu"])


def test_against_compares_words_and_prints_the_drift(repository: Path, capsys: pytest.CaptureFixture[str]) -> None:
    fresh = repository / "fresh"
    shutil.copytree(repository / "reports/cpu", fresh)
    row = ",generator_loss,,,0,training,cpu,float32,"
    edit(fresh / "measurements.csv", f"{row}0.", f"{row}1.")
    main(["--against", "fresh"])
    drift = {line.split(":")[0]: line for line in capsys.readouterr().out.splitlines()}
    assert "difference 0 over" in drift["hit_rate"] and "difference 0 over" not in drift["generator_loss"]
    edit(fresh / "verdicts.json", '"word": "replicated"', '"word": "reversed"')
    with pytest.raises(SystemExit) as stopped:
        main(["--against", "fresh"])
    assert stopped.value.code == 1
    assert "is reversed (replicated after Holm) in fresh, but replicated" in capsys.readouterr().err


def test_against_counts_rows_of_one_side_only(repository: Path, capsys: pytest.CaptureFixture[str]) -> None:
    fresh = repository / "fresh"
    shutil.copytree(repository / "reports/cpu", fresh)
    lines = (fresh / "measurements.csv").read_text(encoding="utf-8").splitlines()
    (fresh / "measurements.csv").write_text("\n".join(lines[:-1]) + "\n", encoding="utf-8")
    with pytest.raises(SystemExit):
        main(["--against", "fresh"])
    assert "1 measurements stand in only one" in capsys.readouterr().err


def test_against_takes_a_class_without_samples_for_drift(repository: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shutil.copytree(repository / "reports/cpu", repository / "fresh")
    path = repository / "reports/cpu/measurements.csv"
    lines = path.read_text(encoding="utf-8").splitlines()
    row = lines[1].split(",")
    row[10] = "7"  # the column `class`
    path.write_text("\n".join([*lines, ",".join(row)]) + "\n", encoding="utf-8")
    main(["--against", "fresh"])
    assert "1 scores of a class stand in only one" in capsys.readouterr().out
