"""The command that trains, scores and packs: kept steps, a time limit, a cell that fails, and kills at any moment."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from replication import experiment, prepare, run, score, train
from replication.config.params import load_params
from replication.foundation.errors import InputError
from replication.table.archives import unpack
from tests.in_small import DENSE, ROOT, edit, linked, params_written

K1, K5, BROKEN, THEORY = "cpu-gan-toy-k1", "cpu-gan-toy-k5", "cpu-gan-toy-rest", "cpu-theory"
MIXTURE = "cpu-deligan-toy"  # scored in a moment, where the games of `gan` take seconds
GAN, DCGAN, REAL = "cpu-gan-digits", "cpu-dcgan-digits", "cpu-reference-points-digits"
PATIENCE = 600.0  # seconds


def write_params(root: Path, updates: dict[str, int]) -> None:
    """The suite's own params.yaml with a few short trainings of two seeds, in a profile that is not in force."""
    content = params_written()
    for name, count in updates.items():
        model, recipe = name.split(".")
        content["recipes"][model][recipe] |= {"updates": count}
    for model, name in (("gan", "toy-k1"), ("gan", "toy-k5"), ("gan", "toy-rest"), ("deligan", "toy")):
        content["recipes"][model][name] |= {"network": DENSE["network"], "n_samples": 100}
    content["recipes"]["gan"]["toy-rest"] |= {"batch": 401}  # more than there are points
    content["judges"]["digits"] |= {"epochs": 2}
    content["theory"] |= {"updates": 20, "fresh": 100}
    profile, paper = content["profiles"]["cpu"], content["profiles"]["paper"]
    for kind, keys in (("cells", (K1, K5, BROKEN, MIXTURE, GAN, DCGAN)), ("experiments", (THEORY, REAL))):
        profile[kind] = {key: {**profile[kind][key], "seeds": "0-1"} for key in keys}
    profile["models"] = ["gan", "deligan", "dcgan"]
    content["run"] = content["profiles"]["paper"] = {**paper, "cells": {}, "experiments": {}, "models": []}
    used = {(cell["model"], cell["recipe"]) for cell in profile["cells"].values()}
    for model, recipes in content["recipes"].items():
        content["recipes"][model] = {name: recipes[name] for name in recipes if (model, name) in used}
    (root / "params.yaml").write_text(json.dumps(content), encoding="utf-8")


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder with the sources alone, the current directory of the test; no process of it is left behind."""
    root = linked(tmp_path / "project")
    monkeypatch.chdir(root)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # which children of a shell's `&` ignore
    yield root
    signal.signal(signal.SIGINT, before)
    assert not processes_in(root)


def processes_in(root: Path) -> list[int]:
    """Processes but this one whose current directory it is, once those that end have had a moment."""
    until = time.monotonic() + 5
    while True:
        results = []
        for place in Path("/proc").glob("[0-9]*"):
            try:
                if place.joinpath("cwd").resolve(strict=True) == root and int(place.name) != os.getpid():
                    zombie = ") Z " in place.joinpath("stat").read_text(encoding="utf-8")
                    results += [] if zombie else [int(place.name)]
            except OSError:
                continue
        if not results or time.monotonic() > until:
            return results
        time.sleep(0.1)


def start(root: Path, cells: Sequence[str], *options: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-P", "-m", "replication.run", *cells, *options]
    # Imported from where it lies, not through the link, so that what is compiled already is found.
    whole, pipe = {**os.environ, "PYTHONPATH": str(ROOT)}, subprocess.PIPE
    return subprocess.Popen(command, cwd=root, env=whole, stdout=pipe, stderr=pipe, text=True)


def ended(process: subprocess.Popen[str]) -> tuple[int, list[str], str]:
    """Status, the lines printed and what stderr says."""
    printed, errors = process.communicate(timeout=PATIENCE)
    return process.returncode, printed.splitlines(), errors


def measured(root: Path) -> dict[str, bytes]:
    return {path.parent.name: path.read_bytes() for path in root.glob("outputs/score/*/*/*/measurements.csv")}


def undisturbed(root: Path, cells: Sequence[str]) -> dict[str, bytes]:
    """What the stages themselves measure, one after another, in the current directory."""
    edit(lambda content: content.update(run=content["profiles"]["cpu"]))
    params = load_params()
    prepare.main(sorted({params.cell(key).dataset for key in cells}))
    for key in cells:
        if key in params.profile.experiments:
            experiment.main([key])
        else:
            train.main([key])
            score.main([key])
    return measured(root)


@pytest.mark.slow
def test_cells_are_trained_scored_and_packed_and_a_second_call_keeps_them(project: Path) -> None:
    write_params(project, {"gan.toy-k1": 1000, "gan.toy-k5": 1000})
    cells = [K1, BROKEN, K5, THEORY]
    status, printed, errors = ended(start(project, cells, "--pack", "out"))
    assert status == 2
    (failed,) = (line for line in errors.splitlines() if line.startswith(f"{BROKEN} failed: "))
    assert "400 training samples do not fill one batch of 401" in failed
    order = [line.split(" in ")[0] for line in printed if " in " in line]
    trained = [line for line in order if "trained" in line]
    assert order[0] == "toy-bimodal: prepared" and trained == [f"{key}: trained on cpu" for key in (K1, K5)]
    assert [line for line in order if "scored" in line] == [f"{key}: scored" for key in (K1, K5, THEORY)]
    packed = {f"{key}: packed into out/{key}.tar.gz" for key in (K1, K5, THEORY)}
    assert packed <= set(printed)
    for key in (K1, K5, THEORY):
        members = unpack(Path("out") / f"{key}.tar.gz")
        assert members[f"{key}/measurements.csv"] == measured(project)[key]
    before = {path: path.read_bytes() for path in [*project.glob("out/*"), *project.glob("outputs/*/*/*/*/*")]}
    status, printed, _ = ended(start(project, [K1, K5, THEORY], "--pack", "out"))
    assert status == 0 and all("kept" in line for line in printed) and len(printed) == 2 + 2 * 3
    assert before == {path: path.read_bytes() for path in [*project.glob("out/*"), *project.glob("outputs/*/*/*/*/*")]}
    results = measured(project)
    assert undisturbed(project, [K1, K5, THEORY]) == results


def test_stopped_it_says_what_goes_on_and_ends_with_the_same_measurements(project: Path) -> None:
    write_params(project, {"deligan.toy": 150_000})
    process = start(project, [MIXTURE, THEORY])
    until = time.monotonic() + PATIENCE
    while not list(project.glob(f".replication/checkpoints/{MIXTURE}-*/environment.json")):  # its training has begun
        assert process.poll() is None and time.monotonic() < until
        time.sleep(0.02)
    process.send_signal(signal.SIGTERM)
    status, _, errors = ended(process)
    sentence = errors.splitlines()[-1]
    assert status == 75 and not measured(project)
    assert sentence.startswith(f"Stopped: nothing is done; the same command goes on with {MIXTURE} (stopped at update ")
    assert sentence.endswith(f" of 150000), {THEORY} (not begun).")
    (state,) = project.glob(f".replication/checkpoints/{MIXTURE}-*/state-*")
    units = int(state.name.split("-")[1])  # of five updates
    assert 0 < int(sentence.split("at update ")[1].split()[0]) == 5 * units < 150_000
    status, printed, errors = ended(start(project, [MIXTURE, THEORY], "--pack", "out"))
    assert status == 0 and "| 0/150000" not in errors  # it went on, from the checkpoint
    results = measured(project)
    assert unpack(Path(f"out/{MIXTURE}.tar.gz"))[f"{MIXTURE}/measurements.csv"] == results[MIXTURE]
    assert undisturbed(project, [MIXTURE, THEORY]) == results and len(results) == 2


@pytest.mark.slow
def test_a_part_of_the_seeds_and_no_time_at_all(project: Path) -> None:
    write_params(project, {"gan.toy-k1": 1000})
    status, printed, errors = ended(start(project, [K1], "--seeds", "1", "--minutes", "0"))
    assert status == 75 and not printed and f"goes on with {K1}+1 (not begun)." in errors
    status, _, _ = ended(start(project, [K1], "--seeds", "1", "--pack", "out"))
    assert status == 0 and Path(f"out/{K1}+1.tar.gz").is_file()
    assert (project / f"outputs/score/cpu-parts/gan/{K1}+1/measurements.csv").is_file()
    status, _, errors = ended(start(project, [K1], "--seeds", "1-2"))
    assert status == 2 and "error: --seeds 1-2 is no part of cell" in errors


@pytest.mark.parametrize("minutes", ["nan", "-1", "soon"])
def test_a_limit_is_a_time(minutes: str) -> None:
    with pytest.raises(SystemExit, match="2"):
        run.main([THEORY, f"--minutes={minutes}"])


def test_a_place_that_cannot_be_written_is_named_before_anything_is_trained(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for place in (tmp_path / "file", tmp_path / "file/inside", Path("/proc/none")):
        with pytest.raises(InputError, match=f"^--pack {place} cannot be written"):
            run.main([THEORY, "--pack", str(place)])


MOMENTS = (  # files whose appearance says how far a run is
    "outputs/data/digits",
    "outputs/judge/digits",
    f".replication/checkpoints/{K1}-*/environment.json",
    f"outputs/train/*/*/{K1}/provenance.json",
    f".replication/checkpoints/{GAN}-*/environment.json",
    f"outputs/score/*/*/{K1}/provenance.json",
    f"outputs/train/*/*/{DCGAN}/provenance.json",
    f"outputs/score/*/*/{GAN}/provenance.json",
    f"out/{DCGAN}.tar.gz",
)


def disturbed(root: Path, cells: Sequence[str], signals: Sequence[signal.Signals]) -> list[int]:
    """Run the cells, ended by a signal a random while after each of the moments; the statuses."""
    chance, statuses = random.Random(len(signals) + signals[0]), []
    for moment in (*MOMENTS, ""):
        if moment and list(root.glob(moment)):
            continue  # the call before came so far
        process = start(root, cells, "--pack", "out")
        while moment and process.poll() is None and not list(root.glob(moment)):
            time.sleep(0.02)
        if moment and process.poll() is None:
            time.sleep(chance.uniform(0.0, 1.0))
            process.send_signal(chance.choice(signals))
        statuses.append(ended(process)[0])
        assert not processes_in(root)
    return statuses


@pytest.mark.slow
@pytest.mark.parametrize("name", ["SIGKILL", "SIGTERM", "SIGINT", "any"])
def test_killed_at_any_moment_it_ends_with_the_same_measurements(project: Path, name: str) -> None:
    updates = {"gan.toy-k1": 200_000, "gan.digits": 300, "dcgan.digits": 60}
    write_params(project, updates)
    cells = [K1, GAN, DCGAN, REAL]
    chosen = [signal.Signals[each] for each in (["SIGKILL", "SIGTERM", "SIGINT"] if name == "any" else [name])]
    statuses = disturbed(project, cells, chosen)
    known = {"SIGKILL": -9, "SIGTERM": 75, "SIGINT": 130}
    assert len(statuses) > 3 and set(statuses[:-1]) <= {0, *(known[each.name] for each in chosen)}
    assert statuses[-1] == 0 and any(statuses)
    results = measured(project)
    assert sorted(path.name for path in Path("out").iterdir()) == sorted(f"{key}.tar.gz" for key in cells)
    alone = linked(project.parent / "alone")
    write_params(alone, updates)
    assert ended(start(alone, cells))[0] == 0
    assert results == measured(alone) and len(results) == len(cells)
