"""From a folder of a reader's images to a report: the lines that README adds to params.yaml, with test/ and without."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from replication import inputs, judge, prepare, run, score, train
from replication.config.cell import LABELS
from replication.config.expansion import read_params
from replication.config.params import load_params
from replication.foundation.errors import InputError
from replication.foundation.places import SCORED
from replication.page import write_page
from replication.report import __main__ as report
from replication.scoring.experiment_requirements import HELD_OUT
from replication.scoring.left_out import say_once
from replication.scoring.requirements import require_cell
from replication.table.measurements import read_table
from tests.in_small import BENCHMARK, CONVOLUTIONS, RECIPES, ROOT, edit, put

NAME, KEY = "photographs", "cpu-own-photographs"
# What README says to add, and behind which line of params.yaml.
LINES = {
    "datasets:": "  photographs: {source: folder, image_size: 32, splits: {full: {rule: all}}}",
    "judges:": "  photographs: {name: photographs-classifier, channels: [32, 64], epochs: 10, batch: 64, learning_rate: 1.0e-3, seed: 0}",  # noqa: E501
    "  dcgan:": "    photographs: {extends: cifar10, updates: 2000, batch: 64, n_samples: 1000, network: {kernel: 5, generator: [[64, 0], [32, 2], [16, 2], [3, 2]], discriminator: [[16, 2], [32, 2], [64, 2]]}}",  # noqa: E501
    "    cells:": "      - {paper: own, model: dcgan, recipe: photographs, dataset: photographs, split: full, variant: code, seeds: 0-1}",  # noqa: E501
}
JUDGES = "digits, digits-planted, photographs"
LISTS = {"datasets": f"[toy-bimodal, {JUDGES}]", "judges": f"[{JUDGES}]"}
JUDGED = {"judge_score", "modified_judge_score", "judge_share", "mode_coverage"}
ALWAYS = {"generator_loss", "diverged", "duplicate_rate", "sample_diversity", "colour_distance", "collapsed_filters"}


def write_images(root: Path, parts: dict[str, int]) -> None:
    """Dark and bright photographs of several sizes, as JPEG and PNG: so many of a class in each part."""
    stream = np.random.default_rng(0)
    for part, count in parts.items():
        for level, name in ((40, "dark"), (180, "bright")):
            folder = root / part / name
            folder.mkdir(parents=True)
            for number in range(count):
                shape = (10 + number % 3, 12, 3)
                pixels = stream.integers(level, level + 60, shape).astype(np.uint8)
                Image.fromarray(pixels).save(folder / f"{number}.{'png' if number % 2 else 'jpg'}")


def documented() -> str:
    """params.yaml with README's lines in it."""
    written = (ROOT / "params.yaml").read_text(encoding="utf-8")
    for place, added in LINES.items():
        before, after = written.split(f"\n{place}\n", 1)
        written = f"{before}\n{place}\n{added}\n{after}"
    before, after = written.split("\nprofiles:\n", 1)
    for name, listed in LISTS.items():
        old = next(line for line in after.splitlines() if line.startswith(f"    {name}: ["))
        after = after.replace(old, f"    {name}: {listed}", 1)
    return f"{before}\nprofiles:\n{after}"


def shrunk(content: dict[str, Any], judged: bool = True) -> dict[str, Any]:
    """The same, with small networks and budgets, and that cell alone in the profile."""
    content["datasets"][NAME] |= {"image_size": 8}
    content["judges"][NAME] |= {"channels": [4], "epochs": 4, "batch": 8}
    few: dict[str, Any] = {"updates": 4, "batch": 10, "latent_dim": 3, "threads": 1, "n_samples": 40}
    few["network"] = {**CONVOLUTIONS, "generator": [[4, 0], [3, 2]]}
    content["recipes"]["dcgan"]["photographs"] |= few
    run = content["run"]
    run |= {"cells": {KEY: run["cells"][KEY]}, "experiments": {}, "models": ["dcgan"], "datasets": [NAME]}
    run |= {"judges": [NAME] if judged else [], "threads": 1}
    if not judged:
        del content["judges"][NAME]
    content["profiles"]["cpu"] = run
    return content


@pytest.fixture(scope="module")
def added(tmp_path_factory: pytest.TempPathFactory) -> str:
    """params.yaml with the added lines, written out."""
    path = tmp_path_factory.mktemp("documented") / "params.yaml"
    path.write_text(documented(), encoding="utf-8")
    return json.dumps(read_params(path))


@pytest.fixture
def project(sources: Path, added: str) -> Path:
    """Sources, the added lines in small beside a paper in small; the current directory of the test."""
    content = shrunk(json.loads(added))
    content["recipes"] = {"dcgan": {"photographs": content["recipes"]["dcgan"]["photographs"]}, **RECIPES}
    content["profiles"] = {"cpu": content["run"]}
    (sources / "params.yaml").write_text(json.dumps(content), encoding="utf-8")
    (sources / "benchmarks").mkdir()
    (sources / "benchmarks/gan2014.yaml").write_text(BENCHMARK, encoding="utf-8")
    say_once.cache_clear()
    return sources


def through_the_stages(judged: bool = True) -> pd.DataFrame:
    """What `dvc repro` runs, in its order; the table of the report, or of the scores alone where there is no judge."""
    inputs.main([])
    prepare.main([NAME])
    if judged:
        judge.main([NAME])
    train.main(["dcgan"])
    score.main(["dcgan"])
    if not judged:
        return read_table(SCORED / "cpu/dcgan" / KEY / "measurements.csv")
    report.main([])
    write_page(load_params())
    return read_table(Path("reports/cpu/measurements.csv"))


def page() -> str:
    return "\n".join(path.read_text(encoding="utf-8") for path in sorted(Path("reports/pages").glob("*.md")))


def test_readme_says_these_lines() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert all(added.strip() in readme for added in (*LINES.values(), *LISTS.values()))


def test_a_folder_with_test_images(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It is measured by all there is."""
    write_images(project / "data/raw" / NAME, {"train": 20, "test": 6})
    table = through_the_stages()
    metrics = set(table["metric"])
    assert JUDGED | ALWAYS | {"judge_accuracy", "probe_accuracy"} <= metrics
    distances = table.loc[table["metric"] == "judge_frechet_distance", "metric_variant"]
    assert set(distances) == {"training", "held-out"}
    assert set(table["paper"]) == {"own"} and set(table["seed"]) == {0, 1}
    accuracy = table.loc[table["metric"] == "judge_accuracy", "value"].to_numpy()
    assert len(accuracy) and accuracy.min() > 0.9  # dark and bright images are easy to tell apart
    pages = page()
    assert "# Runs of your own" in pages and f"generated-{KEY}" not in pages and f"figures/grid-{KEY}.png" in pages
    assert "Scores of images beside their reference points, photographs" in pages
    assert "scored without" not in pages + capsys.readouterr().out


def test_a_folder_without_test_images_says_what_is_left_out(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_images(project / "data/raw" / NAME, {"train": 20})
    table = through_the_stages()
    metrics = set(table["metric"])
    assert JUDGED | ALWAYS <= metrics and not metrics & {"judge_accuracy", "probe_accuracy"}
    assert set(table.loc[table["metric"] == "judge_frechet_distance", "metric_variant"]) == {"training"}
    assert np.isfinite(table["value"].to_numpy(dtype=float)).all()
    sentence = (
        f"Cell {KEY} is scored without the accuracy of its judge, distances to held-out images under "
        "its judge and the linear probe, for data set photographs has no test images."
    )
    out = capsys.readouterr().out
    assert out.count(sentence) == 1 and out.index(sentence) < out.index("report: ")
    assert "no test images tell its accuracy" in out and sentence in page()


def test_without_a_judge_too(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_images(project / "data/raw" / NAME, {"train": 20})
    edit(lambda content: shrunk(content, judged=False))
    metrics = set(through_the_stages(judged=False)["metric"])
    assert ALWAYS <= metrics and not any("judge" in metric for metric in metrics)
    assert "without scores under a judge (params.yaml has none for it) and the linear probe" in capsys.readouterr().out


def test_a_changed_picture_is_noticed_without_the_pipeline(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_images(project / "data/raw" / NAME, {"train": 20})
    edit(lambda content: shrunk(content, judged=False))

    def lines() -> list[str]:
        run.main([KEY])
        return [line.split(" in ")[0] for line in capsys.readouterr().out.splitlines() if line.startswith((NAME, KEY))]

    anew = [f"{NAME}: prepared", f"{KEY}: trained on cpu", f"{KEY}: scored"]
    assert lines() == anew
    assert lines() == [f"{KEY}: kept, trained on cpu before", f"{KEY}: kept, scored before"]
    (project / "data/raw" / NAME / "train/dark/3.png").unlink()
    assert lines() == anew


def test_what_would_stop_the_scoring_stops_before_the_training(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(train, "train_block", lambda *_: pytest.fail("trained"))
    write_images(project / "data/raw" / NAME, {"train": 20})
    prepare.main([NAME])
    for protocol in ("filters", "latent-walk", "latent-arithmetic", "memorisation"):
        edit(put(f"run.cells.{KEY}.protocols", [protocol]))
        with pytest.raises(InputError, match=f"^Cell {KEY}, protocol {protocol}: "):
            train.main(["dcgan"])


def test_experiments_on_held_out_images_are_refused_at_once(project: Path) -> None:
    write_images(project / "data/raw" / NAME, {"train": 20})
    prepare.main([NAME])

    def plan(content: dict[str, Any]) -> None:
        cell = {**content["run"]["cells"][KEY], "seeds": "0", "paper": "own"}
        for kind in HELD_OUT:
            model, recipe = LABELS[kind]
            named = {"experiment": kind, "model": model, "recipe": recipe or cell["recipe"]}
            content["run"]["experiments"][f"cpu-{kind}"] = {**cell, **named}

    edit(plan)
    params = load_params()
    for kind in HELD_OUT:
        with pytest.raises(InputError, match="data set photographs has no test images; take the experiment out"):
            require_cell(params, params.cell(f"cpu-{kind}"))


@pytest.mark.slow
def test_the_pipeline_itself_runs_it(tmp_path: Path) -> None:
    root = tmp_path / "copy"
    root.mkdir()
    for name in ("replication", "benchmarks", ".dvc"):
        shutil.copytree(ROOT / name, root / name, ignore=shutil.ignore_patterns("cache", "tmp", "__pycache__"))
    for name in ("dvc.yaml", "README.md", ".dvcignore", "pyproject.toml"):
        shutil.copy(ROOT / name, root)
    (root / "params.yaml").write_text(documented(), encoding="utf-8")
    content = shrunk(read_params(root / "params.yaml"))
    (root / "params.yaml").write_text(json.dumps(content), encoding="utf-8")
    write_images(root / "data/raw" / NAME, {"train": 20, "test": 6})
    (root / "reports/paper").mkdir(parents=True)  # of which there is nothing
    subprocess.run(["git", "init", "-q"], cwd=root, check=True)
    environment = {"PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin", "HOME": str(tmp_path)}
    subprocess.run([sys.executable, "-m", "dvc", "repro", "page"], cwd=root, check=True, env=environment)
    assert "Runs of your own" in (root / "reports/pages/own.md").read_text(encoding="utf-8")
