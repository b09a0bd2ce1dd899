"""The description of every recipe, against a second count of its networks and against counts by hand."""

from __future__ import annotations

import json
import re
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
import torch

from replication.config.cell import Cell
from replication.config.datasets import class_count, sample_shape
from replication.config.expansion import recipe_sources
from replication.config.params import Params
from replication.config.recipes import Recipe
from replication.config.strict import read_yaml, strict
from replication.describe import __main__ as command
from replication.describe.__main__ import Description, describe, to_text
from replication.describe.networks import Tables
from replication.foundation.command import exit_clearly
from replication.models import load
from replication.verdicts.ledger import deviations_in_force
from tests.in_small import own_benchmarks, own_params, params_written

ROOT = Path(__file__).parents[1]
SISTERS = re.compile(r"^(digits|cifar10)-|-ensemble$")  # recipes that differ in a key from one described beside them


def described(model: str, recipe: str, variant: str, last: bool) -> Any:
    """One case; left to the slow run where another case has nearly the same networks and words."""
    return pytest.param(model, recipe, variant, marks=() if last and not SISTERS.search(recipe) else pytest.mark.slow)


RECIPES = [
    described(model, recipe, variant, variant == list(written.get("variants", {"paper": {}}))[-1])
    for model, recipes in params_written()["recipes"].items()
    for recipe, written in recipes.items()
    for variant in written.get("variants", {"paper": {}})
]

TABLES: dict[str, Tables] = {}
tables_of = command._tables


@pytest.fixture(scope="module")
def ledger() -> Any:
    papers, sources = own_benchmarks(), recipe_sources(read_yaml(ROOT / "params.yaml"))
    return lambda description: deviations_in_force(papers, description.name, description.cells, sources)


@pytest.fixture(autouse=True)
def once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Most variants and arms differ in how they train alone: the same networks are tabled once."""

    def tables(model: str, recipe: Recipe, shape: tuple[int, ...], classes: int) -> Tables:
        key = repr((model, recipe.network, recipe.prior, recipe.latent_dim, recipe.batch, shape, classes))
        if key not in TABLES:
            TABLES[key] = tables_of(model, recipe, shape, classes)
        return TABLES[key]

    monkeypatch.setattr(command, "_tables", tables)


def recounted(params: Params, said: Description, shape: tuple[int, ...]) -> dict[str, int]:
    """Trainable parameters of both networks, from a build of their own."""
    recipe = params.recipe(*said.name)
    with torch.device("meta"):
        networks = load(said.name.model).build(
            recipe.network, recipe.prior, recipe.latent_dim, shape, class_count(said.dataset)
        )
    named = [dict(network.named_parameters()) for network in networks]
    assert all(tensor.requires_grad for network in named for tensor in network.values())
    sums = [sum(tensor.numel() for tensor in network.values()) for network in named]
    return dict(zip(("generator", "discriminator"), sums, strict=True))


@pytest.mark.integration
@pytest.mark.parametrize(("model", "recipe", "variant"), RECIPES)
def test_every_recipe(params: Params, ledger: Any, model: str, recipe: str, variant: str) -> None:
    description = describe(params, model, recipe, variant)
    held = ledger(description)
    text = to_text(description, held)
    for side, total in recounted(params, description, sample_shape(description.dataset)).items():
        layers = [layer for layer in description.tables.layers if layer.network == side]
        assert description.tables.parameters[side] == sum(layer.parameters for layer in layers) == total > 0
        assert f"\n{side}: {total} trainable parameters" in text
        assert all(layer.output_shape is not None for layer in layers), "a layer that the forward pass never calls"
    assert all(f"\n  {entry.deviation.id} " in text for entry in held)
    for key, value in asdict(params.recipe(model, recipe, variant)).items():
        assert value is None or f"\n  {key} " in text


def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, *arguments: str) -> tuple[int, str, str]:
    monkeypatch.chdir(ROOT)
    status = 0
    try:
        exit_clearly(lambda: command.main(arguments))
    except SystemExit as stopped:
        assert isinstance(stopped.code, int)
        status = stopped.code
    said = capsys.readouterr()
    return status, said.out, said.err


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        ("wgan digits", "'wgan'"),
        ("gan faces", "'faces'"),
        ("deligan toy --variant ours", "'ours'"),
        ("gan toy-k1 --dataset faces", "'faces'"),
        ("dcgan cifar10 --dataset digits", "(1, 8, 8)"),
        ("dcgan cifar10 --dataset toy-bimodal", "toy-bimodal"),
        ("gan", "RECIPE"),
        ("--cells gpu", "'gpu'"),
    ],
)
def test_what_is_wrong_is_named(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, arguments: str, word: str
) -> None:
    status, page, error = run(capsys, monkeypatch, *arguments.split())
    assert (status, page) == (2, "") and word in error.splitlines()[-1]


def test_every_cell_is_a_line_with_all_its_fields(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(command, "describe", lambda *_: pytest.fail("described a recipe"))
    for arguments, name in (((), "cpu"), (("paper",), "paper")):
        status, page, _ = run(capsys, monkeypatch, "--cells", *arguments)
        cells = [line.partition(": ") for line in page.splitlines()]
        profile = own_params().profiles[name]
        assert status == 0 and [key for key, _, _ in cells] == list(profile.scored)
        for key, _, fields in cells:
            assert strict(Cell, {**json.loads(fields), "key": key, "profile": name}, "") == profile.scored[key]


def test_a_recipe_without_a_cell_takes_the_data_set_of_its_name_or_asks(params: Params) -> None:
    idle = {name: replace(profile, cells={}) for name, profile in params.profiles.items()}
    bare = replace(params, profiles=idle)
    assert describe(bare, "gan", "digits").dataset.name == "digits"
    with pytest.raises(command.InputError, match="No cell .* trains recipes.gan.toy-k1: name the data set .*--dataset"):
        describe(bare, "gan", "toy-k1")


def test_a_mixtures_networks_by_hand(params: Params) -> None:
    said = describe(params, "deligan", "toy")
    first = said.tables.layers[0]
    assert (first.kind, first.output_shape, first.parameters) == ("MixturePrior()", ("B", 2), 50 * 2 + 50 * 2)
    toy = 2 * 32 + 32 + 32 * 2 + 2
    assert said.tables.parameters == {"generator": 200 + toy, "discriminator": 2 * 32 + 32 + 32 + 1}


def test_readmes_sample_is_what_the_command_prints(params: Params, ledger: Any) -> None:
    section = (ROOT / "benchmarks/README.md").read_text("utf-8").split("## What is trained")[1].split("\n## ")[0]
    command_line, *sample = [line[4:] for line in section.splitlines() if line.startswith("    ")]
    model, recipe, _, variant = command_line.split()[-4:]
    said = describe(params, model, recipe, variant)
    printed = iter(to_text(said, ledger(said)).splitlines())
    for line in sample:
        assert line.strip() in ("", "…") or line in printed, f"README: {line}"  # in this order
