"""The description of every recipe, against a second count of its networks and against counts by hand."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from replication import describe as command
from replication.benchmarks import load_benchmarks
from replication.data.shapes import class_count
from replication.describe import Description, describe, to_json, to_text
from replication.errors import exit_clearly
from replication.ledger import Held, deviations_in_force, yaml_nodes
from replication.models import MODELS, load
from replication.params import Params, load_params
from replication.strict import read_yaml
from replication.training.schedule import update_counts

ROOT = Path(__file__).parents[1]
RECIPES = [
    (model, recipe, variant)
    for model, recipes in read_yaml(ROOT / "params.yaml")["recipes"].items()
    for recipe, written in recipes.items()
    for variant in written.get("variants", {"paper": {}})
]


@pytest.fixture(scope="module")
def params() -> Params:
    return load_params(ROOT / "params.yaml")


@pytest.fixture(scope="module")
def ledger() -> Any:
    papers, nodes = load_benchmarks(ROOT / "benchmarks"), yaml_nodes(ROOT / "params.yaml")
    return lambda said: deviations_in_force(papers, said.name, said.cells, nodes)


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


@pytest.mark.parametrize(("model", "recipe", "variant"), RECIPES)
def test_every_recipe(params: Params, ledger: Any, model: str, recipe: str, variant: str) -> None:
    said = describe(params, model, recipe, variant)
    held = ledger(said)
    found = json.loads(json.dumps(to_json(said, held), allow_nan=False))
    text = to_text(said, held)
    for side, total in recounted(params, said, tuple(found["shape"])).items():
        rows = [layer for layer in found["layers"] if layer["network"] == side]
        assert found[side]["parameters"] == sum(row["parameters"] for row in rows) == total > 0
        assert f"\n{side}: {total} trainable parameters" in text
        assert all(row["output_shape"] is not None for row in rows), "a layer that the forward pass never calls"
        assert rows[-1]["output_shape"][0] == "B"
    images = [row["output_shape"] for row in found["layers"] if row["network"] == "generator"]
    assert images[-1] in (["B", *found["shape"]], [images[-1][0], *found["shape"]])
    options = params.recipe(model, recipe, variant)
    assert found["updates"] == update_counts(options)
    assert (found["latent_dim"], found["batch"]) == (options.latent_dim, options.batch)
    assert found["deviations"] == [one.deviation.id for one in held]
    assert all(f"\n  {id} " in text for id in found["deviations"])


def rows_of(said: Description) -> list[tuple[str, tuple[int | str, ...] | None, int]]:
    return [(layer.type, layer.output_shape, layer.parameters) for layer in said.tables.layers]


def test_gans_toy_networks_by_hand(params: Params) -> None:
    said = describe(params, "gan", "toy-k5")
    assert rows_of(said) == [
        ("Linear", ("B", 32), 2 * 32 + 32),
        ("Tanh", ("B", 32), 0),
        ("Linear", ("B", 2), 32 * 2 + 2),
        ("Tanh", ("B", 2), 0),
        ("Linear", ("B", 32), 2 * 32 + 32),
        ("Tanh", ("B", 32), 0),
        ("Linear", ("B", 1), 32 + 1),
    ]
    assert said.tables.parameters == {"generator": 162, "discriminator": 129}
    assert to_json(said, ())["updates"] == {"generator": 20000, "discriminator": 100000, "together": 120000}


def test_dcgans_32_pixel_networks_by_hand(params: Params) -> None:
    said = describe(params, "dcgan", "cifar10")
    widths, nine = [512, 512, 256, 256, 128, 128, 3], 3 * 3
    dense = 256 * 512 * 4 * 4
    generator = dense + sum(nine * a * b for a, b in zip(widths, widths[1:], strict=False))
    generator += 2 * 512 * 4 * 4 + 2 * (512 + 256 + 256 + 128 + 128)  # gain and bias of batch normalisation
    channels = [3, 128, 128, 256, 256, 512, 512]
    discriminator = sum(nine * a * b for a, b in zip(channels, channels[1:], strict=False)) + 512 * 4 * 4
    discriminator += 2 * (128 + 256 + 256 + 512 + 512)
    assert said.tables.parameters == {"generator": generator, "discriminator": discriminator}
    convolved = [layer.output_shape for layer in said.tables.layers if layer.type == "ConvTranspose2d"]
    assert convolved[0] == ("B", 512, 8, 8) and convolved[-1] == ("B", 3, 32, 32)


def test_deligans_toy_by_hand(params: Params) -> None:
    said = describe(params, "deligan", "toy")
    assert rows_of(said)[0] == ("MixturePrior", ("B", 2), 50 * 2 + 50 * 2)
    assert said.tables.parameters == {"generator": 200 + 162, "discriminator": 129}
    found = to_json(said, ())
    assert found["updates"] == {"generator": None, "discriminator": None, "together": 320000}
    assert found["prior"] | {"components": 50, "component": "sampled", "sigma_init": 0.2} == found["prior"]
    code = to_json(describe(params, "deligan", "toy", "code"), ())
    assert code["prior"] | {"component": "row", "sigma_init": 0.02} == code["prior"]
    assert (found["variant"], found["variants"]) == ("paper", ["paper", "code"])
    assert "variant paper (--variant code describes the other)" in to_text(said, ())


def test_entries_of_a_variant_stand_with_it_alone(params: Params, ledger: Any) -> None:
    def ids(variant: str) -> set[str]:
        held: tuple[Held, ...] = ledger(describe(params, "deligan", "toy", variant))
        return {one.deviation.id for one in held if one.reason == "recipe"}

    assert "deligan-2" in ids("code") - ids("paper")


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


def test_the_command_prints_the_same_totals_as_json(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    papers = load_benchmarks(ROOT / "benchmarks")
    monkeypatch.setattr(command, "load_benchmarks", lambda _: papers)
    status, page, _ = run(capsys, monkeypatch, "deligan", "digits", "--dataset", "digits")
    assert status == 0
    status, written, _ = run(capsys, monkeypatch, "deligan", "digits", "--dataset", "digits", "--json")
    found = json.loads(written)
    assert status == 0 and found["dataset"] == "digits" and found["shape"] == [1, 8, 8]
    for side in ("generator", "discriminator"):
        assert f"{side}: {found[side]['parameters']} trainable parameters, and {found[side]['buffers']} values" in page
    assert set(found["deviations"]) <= set(page.split())


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("wgan", "digits"), f"'wgan' is no model; accepted: {', '.join(MODELS)}."),
        (("gan", "faces"), "'faces' is no recipe of gan; accepted: toy-k1, toy-k5, "),
        (
            ("deligan", "toy", "--variant", "ours"),
            "'ours' is no variant of recipes.deligan.toy; accepted: paper, code.",
        ),
        (("gan", "toy-k1", "--dataset", "faces"), "no data set 'faces'; accepted: toy-bimodal, toy-unimodal, digits, "),
        (("dcgan", "cifar10", "--dataset", "digits"), "cannot end in images of shape (1, 8, 8)"),
        (("dcgan", "cifar10", "--dataset", "toy-bimodal"), "do not fit samples of shape (2,), which data set toy-bim"),
        (("gan",), "the following arguments are required: RECIPE"),
        (("gan", "toy-k1", "--yaml"), "unrecognized arguments: --yaml"),
    ],
)
def test_what_is_wrong_is_one_sentence(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], said: str
) -> None:
    status, page, error = run(capsys, monkeypatch, *arguments)
    assert (status, page) == (2, "")
    assert said in error.splitlines()[-1] and "Traceback" not in error


def test_a_recipe_without_a_cell_takes_the_data_set_of_its_name_or_asks(params: Params) -> None:
    from dataclasses import replace

    idle = {name: replace(profile, cells={}) for name, profile in params.profiles.items()}
    bare = replace(params, profiles=idle)
    assert describe(bare, "gan", "digits").chosen_for == "for which the recipe is named; no cell trains it"
    with pytest.raises(
        command.InputError, match="No cell .* trains recipes.gan.toy-k1: name the data set .*--dataset; "
    ):
        describe(bare, "gan", "toy-k1")


def test_a_wrong_name_is_said_before_torch_loads() -> None:
    heavy = "torch", "torchvision", "pandas", "scipy", "sklearn", "matplotlib", "numba"
    program = f"import sys, replication.describe; print([m for m in {heavy} if m in sys.modules])"
    found = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
