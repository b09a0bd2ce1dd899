"""The performance section: what a results file says, what is refused, and that both pages show it."""

from __future__ import annotations

import json
import re
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from replication.config.params import load_params
from replication.foundation.errors import InputError
from replication.report.page import pages, read_page
from replication.table.speed import (
    Machine,
    Peak,
    Results,
    SvmResults,
    Timing,
    Training,
    ratio_of,
    read_results,
)
from replication.table.speed_tables import FOLDER, KINDS, grids, performance
from replication.verdicts.benchmarks import load_benchmarks

ROOT = Path(__file__).parents[2]
MACHINE = Machine("A card", "cuda", 16, "Linux", 0.2, {"python": "3.11", "torch": "2.15.0"})


def timing(arm: Any, iterations: int, seconds: tuple[float, ...], seeds: int, memory: int | None) -> Timing:
    rate = seeds * iterations / sorted(seconds)[len(seconds) // 2]
    return Timing(arm, iterations, seconds, 1.5, rate, 128 * rate, memory, 0.25, 0.5)


def training(seeds: int, seconds: tuple[float, ...]) -> Training:
    ours, plain = timing("ours", 100, seconds, seeds, 2**30), timing("plain", 10, (2.0 * seeds,) * 3, seeds, None)
    data = "random uint8 images in place of celeba"
    return Training("dcgan-64", "dcgan celeba (paper)", data, 4096, 128, "float32", seeds, 12.5, 300.0, "arithmetic",
                    (ours, plain), (ratio_of(ours, plain),))  # fmt: skip


RESULTS = Results(
    "training", "python -m benchmarks.speed training --device cuda", "2026-01-02T03:04:05+00:00", "ab" * 32, MACHINE,
    3, 3.0, ("A note.",), peak=Peak(50_000.0, None, 3000.0),
    training=(training(1, (4.0, 5.0, 8.0)), training(5, (6.0, 7.5, 10.0))),
)  # fmt: skip


def write(folder: Path, content: Any) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "training-cuda.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return path


def test_a_line_says_both_rates_their_ratio_and_the_time_over_one_seed() -> None:
    (grid,) = grids(RESULTS)
    first, five = (dict(zip(grid.header, row, strict=True)) for row in grid.rows)
    assert first["ours, iterations/s"] == "20" and first["plain, iterations/s"] == "5"
    assert first["ours ÷ plain, median [least, greatest]"] == "4 [2.5, 5]"  # 100 and 10 iterations a round of 2 s
    assert first["time over that of one seed, ours; plain"] == "–"
    assert five["time over that of one seed, ours; plain"] == "1.5; 5"  # 7.5 s over 5 s, 10 s over 2 s
    assert five["ours, iterations/s"] == "66.7" and five["seeds"] == "5"
    assert first["memory, ours; plain"] == "1024 MiB; not measured"
    assert first["share of peak, ours; plain"] == "25 %; 25 % of arithmetic, 50 %; 50 % of the arithmetic bound"
    words = ("n = 3 rounds", "A card, 16 threads", "torch 2.15.0", "2026-01-02", "ababab", "A note.", "50000 GFLOP/s")
    assert all(word in grid.note for word in words)


def test_the_committed_files_can_be_read_and_fill_the_section() -> None:
    folder = ROOT / "benchmarks" / FOLDER
    files = [read_results(path) for path in sorted(folder.glob("*.json"))]
    assert sum(isinstance(file, SvmResults) and file.kind == "cpu" for file in files) >= 3
    assert len(performance(folder).grids) == len(files)


def test_a_file_is_read_as_it_was_written_and_a_device_without_one_is_not_measured(tmp_path: Path) -> None:
    missing = set(performance(tmp_path).not_measured)
    assert missing == {f"{kind} on {device}" for kind in KINDS.values() for device in ("a processor", "a GPU")}
    assert read_results(write(tmp_path, asdict(RESULTS))) == RESULTS
    assert missing - set(performance(tmp_path).not_measured) == {f"{KINDS['training']} on a GPU"}


def changed(**values: Any) -> dict[str, Any]:
    return {**json.loads(json.dumps(asdict(RESULTS))), **values}


def wrong(kind: str, key: str, value: float) -> dict[str, Any]:
    content = changed()
    content["training"][0][kind][0][key] = value
    return content


@pytest.mark.parametrize(
    ("written", "sentence"),
    [
        ("{", "is no JSON file"),
        ("[1]", "benchmark is None; accepted: training, svm"),
        (changed(benchmark="sampling"), "benchmark is 'sampling'"),
        (changed(colour="red"), r"colour: unexpected keyword argument.*accepted keys: \['benchmark'"),
        (changed(rounds="three"), "rounds: input should be a valid integer"),
        (wrong("timings", "iterations_per_second", 200.0), "200.0"),
        (wrong("ratios", "median", 99.0), "ratios"),
        ({"benchmark": "svm", "n": 40}, "features: field required"),
    ],
)
def test_a_broken_file_is_one_sentence(tmp_path: Path, written: Any, sentence: str) -> None:
    path = write(tmp_path, written)
    with pytest.raises(InputError, match=sentence) as stopped:
        performance(tmp_path)
    assert str(path) in str(stopped.value) and "\n" not in str(stopped.value)


def test_both_pages_show_the_section(repository: Path) -> None:
    def shown() -> tuple[str, str]:
        texts = pages(read_page(load_params(), load_benchmarks()))
        return texts["pages/appendices.md"], re.sub(r"<[^>]+>", "", texts["index.html"])

    assert "## Speed" in shown()[0] and "the L2-SVM beside LinearSVC on a GPU" in shown()[0]
    write(repository / "benchmarks" / FOLDER, asdict(RESULTS))
    markdown, html = shown()
    for words in ("Training, ours beside a plain loop, A card", "n = 3 rounds", "dcgan celeba (paper)"):
        assert words in markdown and words in html
    assert "4 \\[2.5, 5]" in markdown and "4 [2.5, 5]" in html
    section = markdown.split("## Speed")[1].split("## Make it again")[0]
    assert "training, ours beside a plain loop on a GPU" not in section
