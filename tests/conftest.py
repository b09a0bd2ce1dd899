"""A repository in small: three blocks of seeds scored, two papers' claims, and the report made from them."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from replication.config.expansion import read_params
from replication.config.params import Cell, load_params

# Imported where needed: the process that hands out the tests reads this file too, and computes nothing.
from replication.foundation.atomic import write_atomically

ROOT = Path(__file__).parents[1]

TOY = {
    "engine": "kernel",
    "objective": "non-saturating",
    "discriminator_scale": 0.5,
    "schedule": "alternate",
    "inner_steps": 1,
    "updates": 100,
    "batch": 10,
    "latent_dim": 2,
    "noise": {"distribution": "uniform"},
    "adam": {"learning_rate": 0.001, "beta1": 0.5},
    "network": {"hidden": [4]},
}
RECIPES = {"gan": {"toy-k1": TOY, "toy-k5": {**TOY, "inner_steps": 5}, "digits": {**TOY, "engine": "eager"}}}
BLOCKS = {
    "cpu": {"cpu-k1": ("toy-k1", "0-4"), "cpu-k5": ("toy-k5", "0-4"), "cpu-digits": ("digits", "0-2")},
    "paper": {"paper-k1": ("toy-k1", "0-2"), "paper-k5": ("toy-k5", "0-2")},
}


def params_in_small() -> str:
    """The suite's own params.yaml with small recipes and few cells, as JSON, which is YAML too."""
    written = {**read_params(ROOT / "params.yaml"), "recipes": RECIPES, "papers": {"gan": "gan2014"}}
    for name, blocks in BLOCKS.items():
        cells = {}
        for key, (recipe, seeds) in blocks.items():
            dataset = "digits" if recipe == "digits" else "toy-bimodal"
            cells[key] = {"paper": "gan2014", "model": "gan", "recipe": recipe, "dataset": dataset, "split": "full",
                          "variant": "paper", "seeds": seeds}  # fmt: skip
        few = {"cells": cells, "experiments": {}, "models": ["gan"], "threads": 1}
        written["profiles"][name] = {**written["profiles"][name], **few}
    profiles = {name: written["profiles"][name] for name in BLOCKS}
    return json.dumps({**written, "profiles": profiles, "run": profiles["cpu"]}, indent=1)


BENCHMARK = """
citation: {key: one-2014, authors: [A. Author], title: "Nets <& more>", year: 2014, venue: NIPS 2014,
           arxiv: "1406.2661", released_code: someone/something}
tables:
  - id: table-one
    title: Scores
    source: Table 1
    dataset: mnist
    metric: parzen_log_likelihood
    unit: nats
    better: higher
    spread_kind: standard error over test examples
    verified: false
    columns: [{name: MNIST}]
    rows:
      - {name: A model, columns: {MNIST: {value: 225, spread: 2, verified: true}}}
      - {name: B model, columns: {MNIST: {value: null, verified: false}}}
  - id: table-two
    title: Hit rates
    source: Table 2
    dataset: toy-bimodal
    metric: hit_rate
    unit: "%"
    better: lower
    spread_kind: none
    verified: true
    columns: [{name: early}, {name: late}]
    rows:
      - {name: C model, trained: true, columns: {early: {value: 50, verified: true, claim: hit-rate},
                                                late: {value: 50, verified: true, claim: elsewhere}}}
      - {name: D model, trained: true, columns: {early: {value: 3, verified: true, why: nobody has the data},
                                                late: {value: 4, verified: true, claim: more-steps, side: against}}}
recipes:
  - title: The toy recipe
    model: gan
    recipe: toy-k5
    rows: [{aspect: "steps | k", published: "1", source: Algorithm 1, ours: [inner_steps]},
           {aspect: rate, published: unstated, source: text, ours: [adam.learning_rate, adam.beta1]}]
claims:
  - &claim
    id: hit-rate
    statement: The hit rate tends to 50 % | at last.
    source: §4
    verified: true
    origin: instrument
    kind: value
    family: one
    protocol: Scored at the end.
    replicate_unit: training
    margin: 0.05
    margin_reason: Five points.
    better: lower
    published: {value: 0.5, spread_kind: none, verified: true, source: §4}
    plan: {n: 5, sd: 0.01, source: a trial}
    evidence:
      measured: &toy {paper: gan2014, model: gan, recipe: toy-k1, variant: paper, dataset: toy-bimodal, split: full,
                      class: all, metric: hit_rate, step: final}
  - id: more-steps
    statement: More steps lower the gap.
    source: §3
    verified: true
    origin: statement
    kind: order
    family: one
    protocol: Gaps are compared.
    replicate_unit: training
    margin: 0.001
    margin_reason: Small.
    better: lower
    plan: {n: 5, against_n: 5, sd: 0.01, effect: 0.1, source: a trial}
    evidence:
      measured: {<<: *toy, recipe: toy-k5, metric: discriminator_gap}
      against: {<<: *toy, metric: discriminator_gap}
    indicative:
      - measured: {<<: *toy, recipe: digits, dataset: digits, metric: duplicate_rate}
        against: {<<: *toy, recipe: digits, dataset: digits, metric: duplicate_rate, step: 0}
        paired: true
        substitutes: digits for the toy
  - id: success-rate
    statement: More steps succeed more often.
    source: §3
    verified: true
    origin: instrument
    kind: rate
    family: one
    protocol: Shares are compared.
    replicate_unit: training
    margin: 0.1
    margin_reason: A tenth of the runs.
    better: higher
    plan: {n: 5, against_n: 5, share: 1.0, against_share: 0.05, source: a trial}
    evidence:
      measured: {<<: *toy, recipe: toy-k5, metric: success}
      against: {<<: *toy, metric: success}
  - id: question
    statement: Does it last?
    source: §5
    verified: true
    origin: instrument
    kind: question
    family: one
    protocol: It is plotted.
    replicate_unit: training
    better: lower
    not_assessed: Nothing measures it.
  - {<<: *claim, id: elsewhere, evidence: {measured: {<<: *toy, dataset: mnist}}, not_assessed: There is no MNIST here.}
leading: [dev-1]
deviations:
  - {id: dev-1, key: recipes.gan.toy-k5.inner_steps, paper: k, code: "1", ours: "5", read_in: text}
"""


def score(folder: Path, cell: Cell, profile: str) -> None:
    """Scores of one cell, drawn rather than measured; equal arguments give equal files."""
    from replication.table.measurements import Measurement, to_table, write_table

    rows = []
    common = {column: getattr(cell, column) for column in ("paper", "model", "recipe", "variant", "dataset", "split")}
    generator = np.random.default_rng([len(cell.key), *cell.key.encode()])
    spread, many = 0.01, "k5" in cell.recipe
    metrics = {"hit_rate": 0.5, "discriminator_gap": 0.02 if many else 0.2, "generator_loss": 0.7}
    if cell.dataset == "digits":
        metrics = {"duplicate_rate": 0.2}
    for seed in cell.seed_numbers:
        for step in (0, 50, 100):
            for metric, mean in metrics.items():
                value = float(mean + 0.001 * step + spread * generator.normal() - (0.1 if metric == "hit_rate" else 0))
                rows.append(Measurement(profile, **common, n_train=40, seed=seed, step=step, metric=metric, value=value,
                                        n_samples=100))  # fmt: skip
        if cell.dataset != "digits":
            success = float(many or seed == 0)
            rows.append(Measurement(profile, **common, n_train=40, seed=seed, step=100, metric="success", value=success,
                                    n_samples=100))  # fmt: skip
    folder.mkdir(parents=True)
    write_table(to_table(rows), folder / "measurements.csv")
    (folder / "provenance.json").write_text(json.dumps(provenance_of(cell)), encoding="utf-8")
    np.savez(folder / "samples.npz", allow_pickle=False, **samples_of(cell, generator))


def provenance_of(cell: Cell) -> dict[str, object]:
    where = {"python": "3.11", "torch": "2.11", "device": "A processor (2 cores)", "threads": 1}
    hashes = {
        field: letter * 64 for field, letter in zip(("code_sha256", "params_sha256", "data_sha256"), "abc", strict=True)
    }
    names = {name: getattr(cell, name) for name in ("model", "recipe", "variant", "dataset", "split", "seeds")}
    clock = {"started": "2020-01-01T00:00:00+00:00", "duration_s": 1.5, "host": "somewhere"}
    return {
        "cell": cell.key,
        **names,
        **hashes,
        "device": "cpu",
        "precision": "float32",
        "environment": where,
        "updates": 100,
        "diverged_seeds": {},
        "clock": clock,
    }


def samples_of(cell: Cell, generator: np.random.Generator) -> dict[str, np.ndarray]:
    if cell.dataset == "digits":
        return {
            name: generator.integers(0, 255, (9, 1, 8, 8)).astype(np.uint8) for name in ("grid", "neighbours", "real")
        }
    points = generator.normal(size=(len(cell.seed_numbers), 30, 2))
    return {"points": points, "early_points": 0.1 * points, "real": points[0]}


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> Iterator[None]:
    """As every stage has it: more threads than cores are slow on small tensors."""
    import torch
    from threadpoolctl import threadpool_limits

    torch.set_num_threads(1)
    with threadpool_limits(1):
        yield


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The repository in small, with reports/cpu and a README that fits it; tests copy it."""
    root = tmp_path_factory.mktemp("made") / "repository"
    (root / "benchmarks").mkdir(parents=True)
    (root / "benchmarks" / "gan2014.yaml").write_text(BENCHMARK, encoding="utf-8")
    (root / "params.yaml").write_text(params_in_small(), encoding="utf-8")
    params = load_params(root / "params.yaml")
    for profile in params.profiles.values():
        for cell in profile.scored.values():
            score(root / "outputs" / "score" / cell.folder, cell, profile.name)
    remake(root)
    return root


def remake(root: Path) -> None:
    """Make reports/cpu, the page and README.md's tables of a repository in small."""
    from replication.report.build import build_report
    from replication.report.page import read_page
    from replication.report.render import BEGIN, END, pages, with_tables
    from replication.verdicts.benchmarks import load_benchmarks

    params = load_params(root / "params.yaml")
    build_report(params, "cpu", root / "reports", root / "outputs" / "score", root / "benchmarks")
    page = read_page(params, load_benchmarks(root / "benchmarks"), root)
    for name, text in pages(page).items():
        write_atomically(root / "reports" / name, text)
    (root / "README.md").write_text(with_tables(f"# Title\n\n{BEGIN}\n{END}\n\nMore.\n", page), encoding="utf-8")


@pytest.fixture
def repository(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A copy of the repository in small, the current directory of the test."""
    root = tmp_path / "repository"
    shutil.copytree(made, root)
    monkeypatch.chdir(root)
    yield root


@pytest.fixture
def sources(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder with the suite's own sources and params.yaml, the current directory of the test."""
    shutil.copy(ROOT / "params.yaml", tmp_path)
    (tmp_path / "replication").symlink_to(ROOT / "replication")
    monkeypatch.chdir(tmp_path)
    yield tmp_path
