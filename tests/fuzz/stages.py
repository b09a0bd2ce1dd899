"""The numbers of judges, theory, background experiments and protocols set to the same values, and each stage run."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import chdir, redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from replication import experiment, judge, score, train
from replication.config.expansion import expand
from replication.config.params import load_params
from replication.foundation.places import DATA, SCORED
from replication.prepare import prepare
from replication.table.measurements import read_table
from tests.fuzz.leaves import VALUES, as_before, numbers, trial
from tests.fuzz.outcomes import ACCEPTED, TRACEBACK, Outcome, Trial, outcome_of
from tests.fuzz.subject import ROOT, Place, at, changed, written
from tests.in_small import CONVOLUTIONS

AUTOENCODER = {"hidden": 4, "updates": 3, "batch": 8, "learning_rate": 5e-3}
SECTIONS: dict[str, Any] = {  # of params.yaml, in small
    "theory": {"hidden": [4], "updates": 3, "batch": 4, "fresh": 50},
    "generative_discriminative": {"datasets": ["iris"], "splits": 2, "sizes": 2},
    "latent_dimension": {"widths": [1, 2], "samples": 20, "autoencoder": AUTOENCODER},
    "outliers": {"width": 2, "autoencoder": AUTOENCODER},
    "judge": {"channels": [2], "epochs": 1, "batch": 256, "convolutions": 1, "shift": 1},
}
PROFILE: dict[str, Any] = {
    "probe": {
        **{"costs": [1e-3, 1e-2], "validation_share": 0.2, "selection_draws": 1, "limited_labels": [2]},
        **{"limited_draws": 1, "shares": [0.0, 1.0]},
    },
    "feature_controls": {"units": [4], "patch": 3, "patches": 100, "iterations": 2, "costs": [1e-2]},
    "real_neighbours": {"window": 20, "per_class": [2]},
    "near_duplicates": {
        **{"autoencoder": AUTOENCODER, "noise": 0.2, "keep": 0.8, "pairs": 10},
        "strengths": {"shift": 1.0, "brightness": 8.0, "noise": 4.0, "jpeg": 75.0},
    },
    "protocols": {
        "reference_points": {"limited": [20], "samples": 20},
        "filters": {"filters": 2, "images": 40},
        "latent_walk": {"points": 2, "steps": 2, "walks": 2},
        "latent_arithmetic": {
            **{"pool": 40, "trials": 2, "exemplars": 2, "results": 2, "noise": 0.25},
            **{"turn_exemplars": 2, "shares": 3},
        },
        "memorisation": {"samples": 20},
    },
}
CELL = {
    **{"name": "cell", "model": "dcgan", "recipe": "digits", "dataset": "digits", "split": "last25", "seeds": "0"},
    **{"variant": "paper", "protocols": ["filters", "latent-walk", "latent-arithmetic", "memorisation"]},
}
DATASETS = ("toy-bimodal", "digits")
CPU = ("profiles", "cpu")
# Numbers at a place, and what reads them: an experiment, or the command of a cell or of a data set's judge.
READ_BY: dict[Place, str] = {
    ("theory",): "theory",
    ("background", "generative_discriminative"): "generative-discriminative",
    ("background", "latent_dimension"): "latent-dimension",
    ("background", "outliers"): "outliers",
    (*CPU, "feature_controls"): "feature-controls",
    (*CPU, "real_neighbours"): "real-neighbours",
    (*CPU, "near_duplicates"): "near-duplicates",
    (*CPU, "protocols", "reference_points"): "reference-points",
    **{(*CPU, "protocols", name): "score" for name in PROFILE["protocols"] if name != "reference_points"},
    (*CPU, "probe"): "score",
    ("judges", "digits"): "judge",  # the last: others are scored under the judge that was trained first
}


def in_small() -> dict[str, Any]:
    """The suite's params.yaml with one small cell, every experiment that needs no other's files, and small stages."""
    values = written()
    cpu, recipes = values["profiles"]["cpu"], expand(values).written["recipes"]
    small = {"updates": 8, "batch": 8, "latent_dim": 3, "network": CONVOLUTIONS, "n_samples": 70}
    kinds = {entry["experiment"]: entry for entry in cpu["experiments"]}
    experiments = {kind: {**entry, "name": kind, "seeds": "0"} for kind, entry in kinds.items()}
    experiments["reference-points"]["dataset"] = "digits"
    for name in ("real-neighbours", "latent-dimension"):
        experiments[name]["split"] = "last25"
    profile = {
        **{**cpu, **PROFILE, "threads": 1, "datasets": list(DATASETS), "judges": ["digits"]},
        **{"models": ["dcgan"], "cells": [CELL], "experiments": list(experiments.values())},
    }
    background = {name: {**options, **SECTIONS[name]} for name, options in values["background"].items()}
    digits, toy = {**recipes["dcgan"]["digits"], **small}, recipes["gan"]["toy-k1"]
    return {
        **values,
        "datasets": {name: values["datasets"][name] for name in DATASETS},
        "recipes": {"dcgan": {"digits": digits}, "gan": {"toy-k1": toy}},
        "theory": {**values["theory"], **SECTIONS["theory"]},
        "judges": {"digits": {**values["judges"]["digits"], **SECTIONS["judge"]}},
        **{"background": background, "profiles": {"cpu": profile}, "run": profile},
    }


def stage_trials(every: int = 1) -> Iterator[Trial]:
    """Set one number after another to one value after another, or each so-manieth of these pairs, and run its stage."""
    values = in_small()
    places = [(place, section) for section in READ_BY for place in numbers(at(values, section), section)]
    pairs = [(*place, value) for place in places for value in VALUES]
    with tempfile.TemporaryDirectory() as folder, chdir(folder):
        _begin(values)
        lacking = {reader: _numberless(reader) for reader in READ_BY.values() if _outcome(reader).kind == ACCEPTED}
        for place, section, value in pairs[::every]:
            now, reader = as_before(value, at(values, place)), READ_BY[section]
            _write(changed(values, place, now))
            outcome = _outcome(reader)
            if outcome.kind == ACCEPTED and (new := _numberless(reader) - lacking[reader]):
                outcome = Outcome(TRACEBACK, f"{', '.join(sorted(new))}: no number, which it is without the change")
            yield trial(place, now, outcome)


def _begin(values: dict[str, Any]) -> None:
    """Data, a judge and a training, as the stages find them."""
    os.symlink(ROOT / "replication", "replication")
    _write(values)
    params = load_params()
    with redirect_stdout(StringIO()), redirect_stderr(StringIO()):
        for name in params.profile.datasets:
            prepare(params.datasets[name], DATA / name)
        judge.main(["digits"])
        train.main(["dcgan"])


def _write(values: dict[str, Any]) -> None:
    """As YAML, which has words for what is no finite number."""
    written = {**values, "run": values["profiles"]["cpu"]}
    with Path("params.yaml").open("w", encoding="utf-8") as stream:
        YAML(typ="safe").dump(written, stream)


def _outcome(reader: str) -> Outcome:
    with redirect_stdout(StringIO()), redirect_stderr(StringIO()):
        if reader == "judge":
            return outcome_of(lambda: judge.main(["digits"]))
        if reader == "score":
            return outcome_of(lambda: score.main(["dcgan"]))
        return outcome_of(lambda: experiment.main([f"cpu-{reader}"]))


def _numberless(reader: str) -> set[str]:
    """The metrics that a stage measured without getting a number."""
    if reader == "judge":
        return set()
    folder = SCORED / ("cpu/dcgan/cpu-cell" if reader == "score" else f"cpu/experiments/cpu-{reader}")
    table = read_table(folder / "measurements.csv")
    return set(table.loc[table["value"].isna(), "metric"])
