from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from replication.check import main
from replication.foundation.errors import InputError
from replication.foundation.provenance import sha256_file

Harm = Callable[[Path], object]
Capture = pytest.CaptureFixture[str]


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def edited(name: str, old: str, new: str) -> Harm:
    return lambda root: edit(root / name, old, new)


def edit_measurements(root: Path) -> None:
    path = root / "reports/cpu/measurements.csv"
    for row in path.read_text(encoding="utf-8").splitlines():
        if ",hit_rate," in row and ",100,all," in row and ",toy-k1," in row:
            edit(path, row, row.replace(",0.", ",0.9", 1))


def and_hash(harm: Harm, name: str) -> Harm:
    """A harm after which the hash of the file is that of its new content."""

    def change(root: Path) -> None:
        before = sha256_file(root / "reports/cpu" / name)
        harm(root)
        edit(root / "reports/cpu/provenance.json", before, sha256_file(root / "reports/cpu" / name))

    return change


def lose_figure(root: Path) -> None:
    (root / "reports/cpu/figures/forest.svg").unlink()


edit_verdict = edited("reports/cpu/verdicts.json", '"word": "replicated"', '"word": "differs, better"')


CLAIMS, FIGURES = "benchmarks/gan2014.yaml", "reports/cpu/figures"
PLAN = "    plan: {n: 5, against_n: 5, sd: 0.01, effect: 0.1, source: a trial}\n"
HARMS: list[tuple[Harm, str]] = [
    (edit_verdict, "verdicts.json is not the file that the report made"),
    (and_hash(edit_verdict, "verdicts.json"), "word says 'differs, better', the measurements give 'replicated'"),
    (edit_measurements, "measurements.csv is not the file that the report made"),
    (and_hash(edit_measurements, "measurements.csv"), "claim hit-rate"),
    (edited(CLAIMS, "    source: §4\n", ""), "(hit-rate).source: "),
    (edited(CLAIMS, "    source: §4\n", '    source: " "\n'), "hit-rate has no source"),
    (edited(CLAIMS, "    origin: statement\n", ""), "(more-steps).origin: "),
    (edited(CLAIMS, PLAN, ""), "more-steps has no plan"),
    (edited(CLAIMS, "effect: 0.1,", "effect: 0.011,"), "more-steps would be replicated in"),
    (edited(CLAIMS, "margin: 0.05", "margin: 0.005"), "claim hit-rate"),
    (edited("reports/README.md", "measured at", "proved at"), "reports/README.md is stale: it differs from line"),
    (edited("reports/index.html", "replicated", "proved"), "index.html is stale"),
    (edited("README.md", "replicated", "proved"), "replication.page --update-readme"),
    (lambda root: (root / "README.md").write_text("# Title\n", encoding="utf-8"), "tables:begin"),
    (lambda root: (root / "README.md").write_bytes(b"caf\xe9"), "README.md is no text in UTF-8"),
    (lambda root: (root / "README.md").unlink(), "There is no README.md"),
    (lambda root: (root / "reports/README.md").write_bytes(b"caf\xe9"), "reports/README.md is stale"),
    (lose_figure, "figures/forest.svg is missing"),
    (lambda root: (root / FIGURES / "mine.svg").write_text("<svg/>"), "figures/mine.svg was not made by the report"),
    (lambda root: shutil.rmtree(root / "reports/cpu"), "There is no reports/cpu/provenance.json"),
    (edited("params.yaml", "cpu-digits", "cpu-numerals"), "Cell cpu-numerals stands only in params.yaml"),
]


@pytest.mark.parametrize(("harm", "words"), HARMS, ids=[words for _, words in HARMS])
def test_the_gate_closes(repository: Path, capsys: Capture, harm: Harm, words: str) -> None:
    harm(repository)
    with pytest.raises(SystemExit) as stopped:
        main(["--profile", "cpu"])
    assert stopped.value.code == 1
    assert words in capsys.readouterr().err


def test_the_gate_is_open_where_all_agrees(repository: Path, capsys: Capture) -> None:
    main([])
    assert "cpu follows from its measurements" in capsys.readouterr().out


def test_every_problem_is_listed_and_an_unknown_profile_is_refused(repository: Path, capsys: Capture) -> None:
    lose_figure(repository)
    edit_verdict(repository)
    with pytest.raises(SystemExit):
        main([])
    errors = capsys.readouterr().err
    assert "forest.svg is missing" in errors and "verdicts.json is not the file" in errors
    with pytest.raises(InputError, match="accepted: cpu, paper"):
        main(["--profile", "gpu"])


@pytest.fixture
def fresh(repository: Path) -> Path:
    """A second report of the same."""
    return shutil.copytree(repository / "reports/cpu", repository / "fresh")


def test_against_compares_words_and_prints_the_drift(fresh: Path, capsys: Capture) -> None:
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


def test_against_counts_rows_of_one_side_only(fresh: Path, capsys: Capture) -> None:
    lines = (fresh / "measurements.csv").read_text(encoding="utf-8").splitlines()
    (fresh / "measurements.csv").write_text("\n".join(lines[:-1]) + "\n", encoding="utf-8")
    with pytest.raises(SystemExit):
        main(["--against", "fresh"])
    assert "1 measurements stand in only one" in capsys.readouterr().err


def test_against_takes_a_class_without_samples_for_drift(fresh: Path, capsys: Capture) -> None:
    path = fresh.parent / "reports/cpu/measurements.csv"
    lines = path.read_text(encoding="utf-8").splitlines()
    row = lines[1].split(",")
    row[10] = "7"  # the column `class`
    path.write_text("\n".join([*lines, ",".join(row)]) + "\n", encoding="utf-8")
    main(["--against", "fresh"])
    assert "1 scores of a class stand in only one" in capsys.readouterr().out
