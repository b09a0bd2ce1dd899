"""The description of every recipe and tables of layers, against a second count and against counts by hand."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import asdict, replace
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
from tests.in_small import ROOT, own_benchmarks, own_params

SISTERS = re.compile(r"^(digits|cifar10)-|-ensemble$")  # recipes that differ in a key from one described beside them


def cases() -> Iterator[Any]:
    """Those whose networks and words are nearly the same as of another case are left to the slow run."""
    for model, recipes in own_params().recipes.items():
        for recipe in recipes:
            *others, last = own_params().variants(model, recipe)
            for variant in (*others, last):
                is_like_another = variant != last or SISTERS.search(recipe)
                yield pytest.param(model, recipe, variant, marks=pytest.mark.slow if is_like_another else ())


Capture = pytest.CaptureFixture[str]
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


def recounted(params: Params, description: Description, shape: tuple[int, ...]) -> dict[str, int]:
    """Trainable parameters of both networks, from another build of them."""
    recipe, build = params.recipe(*description.name), load(description.name.model).build
    with torch.device("meta"):
        classes = class_count(description.dataset)
        networks = build(recipe.network, recipe.prior, recipe.latent_dim, shape, classes)
    named = [dict(network.named_parameters()) for network in networks]
    assert all(tensor.requires_grad for network in named for tensor in network.values())
    sums = [sum(tensor.numel() for tensor in network.values()) for network in named]
    return dict(zip(("generator", "discriminator"), sums, strict=True))


@pytest.mark.integration
@pytest.mark.parametrize(("model", "recipe", "variant"), list(cases()))
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
def test_what_is_wrong_is_named(capsys: Capture, monkeypatch: pytest.MonkeyPatch, arguments: str, word: str) -> None:
    monkeypatch.chdir(ROOT)
    with pytest.raises(SystemExit) as stopped:
        exit_clearly(lambda: command.main(arguments.split()))
    page, error = capsys.readouterr()
    assert (stopped.value.code, page) == (2, "") and word in error.splitlines()[-1]


def test_every_cell_is_a_line_with_all_its_fields(capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr(command, "describe", lambda *_: pytest.fail("described a recipe"))
    for arguments, name in ((["--cells"], "cpu"), (["--cells", "paper"], "paper")):
        command.main(arguments)
        cells = [line.partition(": ") for line in capsys.readouterr().out.splitlines()]
        profile = own_params().profiles[name]
        assert [key for key, _, _ in cells] == list(profile.scored)
        for key, _, fields in cells:
            assert strict(Cell, {**json.loads(fields), "key": key, "profile": name}, "") == profile.scored[key]


def test_a_recipe_without_a_cell_takes_the_data_set_of_its_name_or_asks(params: Params) -> None:
    idle = {name: replace(profile, cells={}) for name, profile in params.profiles.items()}
    bare = replace(params, profiles=idle)
    assert describe(bare, "gan", "digits").dataset.name == "digits"
    with pytest.raises(command.InputError, match="No cell .* trains recipes.gan.toy-k1: name the data set .*--dataset"):
        describe(bare, "gan", "toy-k1")


def test_a_mixtures_networks_by_hand(params: Params) -> None:
    tables = describe(params, "deligan", "toy").tables
    first = tables.layers[0]
    assert (first.kind, first.output_shape, first.parameters) == ("MixturePrior()", ("B", 2), 50 * 2 + 50 * 2)
    toy = 2 * 32 + 32 + 32 * 2 + 2
    assert tables.parameters == {"generator": 200 + toy, "discriminator": 2 * 32 + 32 + 32 + 1}


def test_a_conditional_recipes_networks_by_hand(params: Params) -> None:
    tables = describe(params, "dcgan", "mnist-gan").tables
    shapes = [layer.output_shape for layer in tables.layers if layer.network == "generator" and layer.parameters]
    assert shapes == [("B", 1024), ("B", 1024), ("B", 784)]
    generator, discriminator = (110 + 1034) * 1024 + 1034 * 784, (794 + 1034) * 1024 + 1034
    assert tables.parameters == {"generator": generator, "discriminator": discriminator}
    assert tables.buffers == {"generator": 2 * 2049, "discriminator": 2049}  # means, variances, count of batches
    virtual = describe(params, "improved_gan", "cifar10-minibatch").tables
    assert virtual.buffers["generator"] == 100 * 100  # a reference batch of 100 latents


def test_readmes_sample_is_what_the_command_prints(params: Params, ledger: Any) -> None:
    section = (ROOT / "benchmarks/README.md").read_text("utf-8").split("## What is trained")[1].split("\n## ")[0]
    command_line, *sample = [line[4:] for line in section.splitlines() if line.startswith("    ")]
    model, recipe, _, variant = command_line.split()[-4:]
    description = describe(params, model, recipe, variant)
    printed = iter(to_text(description, ledger(description)).splitlines())
    for line in sample:
        assert line.strip() in ("", "…") or line in printed, f"README: {line}"  # in this order


@pytest.mark.integration
@pytest.mark.parametrize("closed", [">&-", "2>&-", ">&- 2>&-"])
def test_a_command_works_where_nobody_listens(closed: str) -> None:
    command = f"{sys.executable} -m replication.describe gan toy-k1 {closed}"
    assert subprocess.run(["bash", "-c", command], cwd=ROOT, capture_output=True, check=False).returncode == 0
