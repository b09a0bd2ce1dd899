"""Which deviations hold for a recipe: its own keys, lines that it inherits, its cells, its paper."""

from __future__ import annotations

import pytest
from ruamel.yaml import YAML

from replication.config.expansion import recipe_sources
from replication.verdicts.ledger import RecipeName, deviations_in_force
from replication.verdicts.published import Benchmark, Citation, Deviation

PARAMS = """
recipes:
  gan:
    base:
      batch: 5
      adam: {rate: 1, beta: 2}
      prior: {width: 1}
      variants:
        paper: {}
        code: {batch: 6}
    base-two: {extends: base, adam!: {rate: 1, beta: 2}}
    merged: {extends: base, latent: 3, variants!: {paper: {batch: 7}, code: {}}}
    deeper: {extends: base-two, prior: {height: 1}, variants: {code: {batch!: null}}}
    arms:
      slow: {extends: [base, base-two], adam: {rate: 0}}
"""
ENTRIES = {
    "one-batch": "recipes.gan.base.batch",
    "one-rate": "recipes.gan.base.adam.rate",
    "one-code": "recipes.gan.base.variants.code.batch",
    "one-own": "recipes.gan.base-two.adam",
    "one-merged": "recipes.gan.merged.variants.paper.batch",
    "one-width": "recipes.gan.base.prior.width",
    "one-arm": "recipes.gan.base-slow.adam.rate",
    "one-cell": "profiles.cpu.cells.cpu-a.dataset",
    "one-other-cell": "profiles.cpu.cells.cpu-ab.dataset",
    "one-whole": "recipes.gan.base",
    "one-model": "recipes.gan",
    "one-paper": "",
    "one-probe": "profiles.cpu.probe",
}


def benchmark(paper: str, entries: dict[str, str]) -> Benchmark:
    citation = Citation("k", ("A",), "T", 2014, "V", "", "")
    deviations = tuple(Deviation(id, key, "p", "c", "o", "r") for id, key in entries.items())
    return Benchmark(citation, (), (), (), deviations, paper=paper)


SOURCES = recipe_sources(YAML(typ="safe").load(PARAMS))


@pytest.mark.parametrize(
    ("recipe", "variant", "expected"),
    [
        ("base", "paper", {"recipe": ["one-batch", "one-rate", "one-width", "one-whole"], "shared": []}),
        ("base", "code", {"recipe": ["one-batch", "one-rate", "one-code", "one-width", "one-whole"], "shared": []}),
        ("base-two", "paper", {"recipe": ["one-own"], "shared": ["one-batch", "one-width"]}),
        ("base-two", "code", {"recipe": ["one-own"], "shared": ["one-batch", "one-code", "one-width"]}),
        ("merged", "paper", {"recipe": ["one-merged"], "shared": ["one-batch", "one-rate", "one-width"]}),
        ("merged", "code", {"recipe": [], "shared": ["one-batch", "one-rate", "one-width"]}),
        ("deeper", "code", {"recipe": [], "shared": ["one-batch", "one-own", "one-width"]}),
        ("base-slow", "paper", {"recipe": ["one-arm"], "shared": ["one-batch", "one-width"]}),
        ("base-two-slow", "paper", {"recipe": [], "shared": ["one-batch", "one-width", "one-arm"]}),
    ],
)
def test_reasons_by_hand(recipe: str, variant: str, expected: dict[str, list[str]]) -> None:
    other = benchmark("dcgan2015", {"two-paper": "", "two-key": "recipes.dcgan.base.batch"})
    papers = [benchmark("gan2014", ENTRIES), other]
    held = deviations_in_force(papers, RecipeName("gan", recipe, variant), ["profiles.cpu.cells.cpu-a"], SOURCES)
    result = {reason: [entry.deviation.id for entry in held if entry.reason == reason] for reason, _ in held}
    whole = {**expected, "cell": ["one-cell"], "paper": ["one-model", "one-paper"]}
    assert result == {reason: ids for reason, ids in whole.items() if ids}
    assert list(result) == [reason for reason in whole if whole[reason]]  # own keys first
