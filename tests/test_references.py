"""Names in params.yaml stand for something, no two cells write the same rows, and what looks optional is."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from replication import inputs
from replication.config.cell import LABELS, MOST_SEEDS, seeds_in
from replication.config.expansion import OPTIONAL, expand, read_params
from replication.config.params import checked
from replication.config.protocols import ProtocolOptions
from replication.config.strict import SEEDS, read_yaml
from replication.describe import __main__ as describe
from replication.experiment import EXPERIMENTS
from replication.foundation.errors import InputError
from tests.in_small import ROOT, Change, drop, put

WRITTEN = read_yaml(ROOT / "params.yaml")
CPU = WRITTEN["profiles"]["cpu"]
TOY, THEORY = CPU["cells"][0], CPU["experiments"][0]


def judged(change: Change) -> str:
    """The sentence on the suite's own file after a change of a copy; "" where it is accepted."""
    written = deepcopy(WRITTEN)
    change(written)
    try:
        checked(written, ROOT / "params.yaml")
    except InputError as error:
        return str(error)
    return ""


def entry(kind: str, **changes: Any) -> Change:
    """Another entry of the cpu profile, with changes of its first one."""
    first = {"cells": TOY, "experiments": THEORY}[kind]
    return lambda written: written["profiles"]["cpu"][kind].append({**first, "name": "new", **changes})


def renamed(name: str) -> Change:
    """The cpu profile under another name."""

    def change(written: dict[str, Any]) -> None:
        profile = {**written["profiles"].pop("cpu"), "name": name}
        written["profiles"][name] = written["run"] = profile

    return change


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (entry("cells", paper="gan2015"), ("'gan2015'", "gan2014", "own")),
        (entry("cells", split="fulll"), ("'fulll'", "toy-bimodal", "full")),
        (entry("cells", model="gann", paper="own"), ("'gann'", "deligan")),
        (entry("cells", recipe="toys"), ("'toys'", "toy-gan")),
        (entry("cells", variant="cod"), ("'cod'", "paper")),
        (entry("cells", probe="digit"), ("'digit'", "digits-planted")),
        (entry("cells", experiment="theory"), ("theory", "experiments")),
        (entry("experiments", experiment=""), ("''", "theory")),
        (entry("experiments", model="dcgan"), ("'dcgan'", "gan")),
        (entry("experiments", recipe="theories"), ("'theories'", "theory")),
        (entry("experiments", dataset="bundled"), ("'bundled'", "toy-bimodal")),
        (put("papers.gan", "gan2013"), ("papers.gan", "'gan2013'", "gan2014")),
        (put("theory.generator", "toy-k9"), ("theory.generator", "'toy-k9'", "toy-k1")),
        (put("datasets.svhn.judged_by", "svhm"), ("judged_by", "'svhm'", "cifar10-jpeg")),
        (put("judges.svhm", WRITTEN["judges"]["svhn"]), ("judges", "'svhm'", "svhn")),
        (drop("judges.digits-planted"), ("judges", "'digits-planted'", "cifar10")),
        (lambda written: written["profiles"]["cpu"]["judges"].append("mnist"), ("judges", "'mnist'", "digits-planted")),
        (lambda written: written["profiles"]["cpu"]["datasets"].append("digits"), ("datasets", "'digits'")),
        (lambda written: written["profiles"]["cpu"]["judges"].remove("digits"), ("judge of digits", "cpu.judges")),
        (put("profiles.cpu.name", "cpus"), ("profiles.cpu", "cpus")),
        (lambda written: written.update(run={**written["run"], "name": "gpu", "cells": [], "models": []}), ("gpu",)),
        (put("profiles.cpu.probe.limited_labels_of", {"svhm": [9]}), ("'svhm'",)),
        *[(renamed(name), (name,)) for name in ("../../t", "recorded", "cpu-parts", "a_b", "Cpu", "")],
        (put("datasets.bundled", WRITTEN["datasets"]["digits"]), ("bundled",)),
        (put("datasets.digits.splits.a/b", {"rule": "all"}), ("'a/b'",)),
        (put("recipes.gan.=tiny", WRITTEN["recipes"]["gan"]["toy-k1"]), ("'=tiny'",)),
        *[(put("judges.digits.name", name), (repr(name),)) for name in ("=SUM(1)", "")],
        *[(entry("cells", name=name), ("entry", str(name))) for name in ("a/b", "x@2", "a_b", ["x", "y"], 99 * "x")],
        (entry("experiments", variant="=1"), ("'=1'",)),
        (put("recipes.experiments", WRITTEN["recipes"]["gan"]), ("recipes", "experiments")),
        (entry("cells", protocols=["memorisation"] * 2), ("'memorisation'",)),
        (put("profiles.cpu.probe.limited_labels", [10, 10]), ("10",)),
    ],
)  # fmt: skip
def test_a_name_that_stands_for_nothing_is_refused(change: Change, words: tuple[str, ...]) -> None:
    sentence = judged(change).removeprefix(f"{ROOT}/")
    assert sentence.startswith("params.yaml: ") and all(word in sentence for word in words), sentence


@pytest.mark.parametrize(
    ("seeds", "shared"),
    [("0-39", "seed 0"), ("39", "seed 39"), ("30-60", "seed 30"), ("40-60", ""), (40, ""), (0, "seed 0")],
)
def test_no_two_cells_write_the_same_rows(seeds: Any, shared: str) -> None:
    sentence = judged(entry("cells", recipe="toy", seeds=seeds, probe="none", name="again"))
    assert shared in sentence and bool(sentence) == bool(shared)
    assert not shared or {"cpu-deligan-toy", "cpu-again"} <= set(sentence.replace("(", " ").split())


def test_the_generator_of_the_theory_is_asked_for_where_it_is_planned_alone() -> None:
    def unplanned(written: dict[str, Any]) -> None:
        written["theory"]["generator"] = "toy-k9"
        for profile in written["profiles"].values():
            profile["experiments"] = [entry for entry in profile["experiments"] if entry["experiment"] != "theory"]

    assert judged(unplanned) == ""
    written = deepcopy(WRITTEN)
    unplanned(written)
    assert "recipes.gan.toy-k9" not in inputs.stage_inputs(expand(written).written, ROOT)["experiment"]["params"]


ENDLESS = ["0-999999999999", f"0-{MOST_SEEDS}", str(SEEDS)]


def test_a_block_of_seeds_is_bounded() -> None:
    for text in (*ENDLESS, "٣", "1-0", "0-1\n", "1_0", "", "0-", "-3", "0,1", "0 - 4", "a"):
        assert seeds_in(text) == (), text
    assert len(seeds_in(f"0-{MOST_SEEDS - 1}")) == MOST_SEEDS
    assert seeds_in(str(SEEDS - 1)) == (SEEDS - 1,)


def test_every_experiment_has_its_labels() -> None:
    assert set(LABELS) == set(EXPERIMENTS)


@pytest.mark.integration
def test_what_looks_optional_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    written = {**deepcopy(WRITTEN), "judges": {}}  # one of images that are scored would be asked for
    del written["datasets"]["cifar10-first4000"]["judged_by"]
    bare = {key: value for key, value in CPU.items() if key not in OPTIONAL}
    bare["cells"] = [{key: value for key, value in cell.items() if key != "protocols"} for cell in CPU["cells"]]
    for name in ("replication", "benchmarks"):
        (tmp_path / name).symlink_to(ROOT / name)
    (tmp_path / "params.yaml").write_text(json.dumps({**written, "profiles": {"cpu": bare}, "run": bare}))
    monkeypatch.chdir(tmp_path)
    inputs.main([])
    describe.main(["gan", "toy-k1"])
    describe.main(["--cells"])
    assert "cpu-gan-toy-k1: " in capsys.readouterr().out
    profile = checked(read_yaml(Path("params.yaml")), Path("params.yaml")).profile
    assert profile.protocols == ProtocolOptions() and profile.judges == () and profile.experiments == {}
    assert set(read_params(Path("params.yaml"))["run"]) == {*bare, *OPTIONAL}


def test_a_product_of_too_many_cells_is_refused() -> None:
    entry = {**TOY, "seeds": [str(seed) for seed in range(6000)]}
    with pytest.raises(InputError, match="12000 cells"):
        expand({"papers": WRITTEN["papers"], "profiles": {"a": {"name": "a", "cells": [entry]}}})


@pytest.mark.parametrize("make", [os.mkfifo, Path.mkdir])
def test_what_is_no_plain_file_is_not_waited_for(tmp_path: Path, make: Callable[[Path], None]) -> None:
    make(tmp_path / "params.yaml")
    with pytest.raises(InputError, match=r"params\.yaml is not YAML: it is no plain file\."):
        read_yaml(tmp_path / "params.yaml")
