"""params.yaml: what is wrong with it becomes one sentence, what is in it can be built, and blocks beside the plan."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
import torch

from replication.config.blocks import PART, block_arguments, block_of, device_of, key_of, on_device, precision_on
from replication.config.datasets import sample_shape
from replication.config.params import BUNDLED, Params, checked
from replication.config.recipes import Noise
from replication.experiment import EXPERIMENTS
from replication.foundation.errors import InputError
from replication.models import load
from replication.table.archives import _NAME
from replication.training.block import scored_units
from replication.training.schedule import unit_steps
from tests.in_small import ROOT, Change, drop, params_written, put

CELL = "cpu-gan-toy-k1"


@pytest.fixture(scope="module")
def written() -> str:
    """params.yaml as JSON, which is YAML too, with the cells and recipes of the cpu profile alone: read sooner."""
    content = params_written()
    used = {(cell["model"], cell["recipe"]) for cell in content["run"]["cells"].values()}
    for model, recipes in content["recipes"].items():
        content["recipes"][model] = {name: recipes[name] for name in recipes if (model, name) in used}
    profile, key = content["profiles"]["paper"], "paper-deligan-toy"
    profile |= {"cells": {key: profile["cells"][key]}, "experiments": {}, "models": ["deligan"]}
    return json.dumps(content)


RECIPE, RUN = "recipes.gan.toy-k1", f"run.cells.{CELL}"
WRONG = [  # what is changed, and what the sentence names
    (put("seeds", 3), "seeds: .*3.*accepted keys: .'background', 'datasets', 'judges',"),
    (put("run.gpu", True), "run.gpu: .*True.*accepted"),
    (put("profiles.cpu.probe.cost", 1.0), "profiles.cpu.probe.cost: .*1.0.*accepted keys: .'costs', 'limited_draws',"),
    (put(f"{RECIPE}.adam.momentum", 0.5), r"recipes.gan.toy-k1 \(paper\): adam.momentum: .*0.5.*accepted.*'beta1'"),
    (put("datasets.digits.size", 8), "datasets.digits: size: .*8"),
    (put(f"{RECIPE}.batch", "50"), "batch: .*integer.*'50'"),
    (put(f"{RECIPE}.updates", 1e4 + 0.5), "updates: .*integer"),
    (put(f"{RECIPE}.schedule", "alternating"), "schedule: .*'alternate', 'simultaneous' or 'balanced'.*'alternating'"),
    (put("run.device", "tpu"), "run.device: .*'cpu' or 'cuda'.*'tpu'"),
    (drop("theory.fresh"), "theory.fresh: "),
    (put("run.datasets", ["toy-bimodal", "digits", "toy"]), "'toy' is no dataset of profile cpu; accepted: toy-bim"),
    (put(f"{RUN}.dataset", "mnist"), f"run.cells.{CELL}: 'mnist' is no dataset of profile cpu; accepted: toy-bimodal"),
    (put(f"{RUN}.dataset", "bundled"), f"run.cells.{CELL}: 'bundled' is no dataset of profile cpu; "),
    (put(f"{RUN}.recipe", "toy"), f"run.cells.{CELL}: 'toy' is no recipe of gan; accepted: toy-k1, toy-k5"),
    (
        put("run.cells.cpu-dcgan-digits.protocols", ["nearest-generated"]),
        "run.cells.cpu-dcgan-digits: .*nearest-generated.* digits is not of kind conditional",
    ),
    (put("run.experiments.cpu-theory.experiment", "practice"), "cpu-theory: 'practice' is no experiment: .*: theory, "),
    (
        lambda content: content["run"]["cells"].update({"paper-k1": content["run"]["cells"].pop(CELL)}),
        "cell paper-k1: keys of profile cpu start with cpu-",
    ),
    (put("profiles.paper.cells.paper-deligan-toy.variant", "cod"), "'cod' is no variant .*deligan.toy"),
    (put(f"{RUN}.seeds", "4-2"), f"run.cells.{CELL}: seeds is '4-2'"),
]


@pytest.mark.parametrize(("change", "words"), WRONG)
def test_what_is_wrong_is_named_with_what_is_accepted(written: str, change: Change, words: str) -> None:
    content = json.loads(written)
    change(content)
    with pytest.raises(InputError, match=rf"params.yaml: .*{words}.*\.$") as caught:
        checked(content, ROOT / "params.yaml")
    assert "\n" not in str(caught.value)


def test_a_variant_lies_over_the_common_keys(params: Params) -> None:
    paper, code = (params.recipe("deligan", "toy", variant) for variant in ("paper", "code"))
    assert (paper.noise, code.noise) == (Noise("normal"), Noise("uniform"))
    assert (paper.prior.component, paper.prior.sigma_init) == ("sampled", 0.2)
    assert (code.prior.component, code.prior.sigma_init) == ("row", 0.02)
    assert (code.prior.components, code.prior.regulariser) == (50, 0.1)  # merged key by key, not replaced
    assert replace(code, noise=paper.noise, prior=paper.prior) == paper
    assert params.recipe("deligan", "toy", "paper") == paper  # reading one variant leaves no trace in the next


@pytest.mark.parametrize("profile", ["cpu", pytest.param("paper", marks=pytest.mark.slow)])
def test_every_cell_builds_its_networks_on_its_data(params: Params, profile: str) -> None:
    for cell in params.profiles[profile].cells.values():
        recipe = params.recipe_of(cell)
        shape = sample_shape(params.datasets[cell.dataset])
        classes = 0 if shape == (2,) else 10
        with torch.device("meta"):
            networks = load(cell.model).build(recipe.network, recipe.prior, recipe.latent_dim, shape, classes)
            rows = torch.zeros(2, dtype=torch.int64)
            samples = networks.generator(torch.zeros(2, recipe.latent_dim), rows, rows)
            judged = networks.discriminator(samples, rows)
        assert samples.shape == (2, *shape), cell.key
        assert judged.logits.shape == ((2, classes) if recipe.labels else (2,)) and judged.source.shape == (2,), (
            cell.key
        )
        units, rest = divmod(recipe.updates, unit_steps(recipe))
        assert not rest and scored_units(recipe)[-1] == units, cell.key
        assert recipe.prior.component == "sampled" or recipe.prior.components in (0, recipe.batch), cell.key


@pytest.mark.parametrize("profile", ["cpu", "paper"])
def test_every_experiment_exists_and_image_cells_have_a_judge(params: Params, profile: str) -> None:
    chosen = params.profiles[profile]
    assert {cell.experiment for cell in chosen.experiments.values()} <= set(EXPERIMENTS)
    assert not set(chosen.cells) & set(chosen.experiments)
    prepared = {cell.dataset for cell in chosen.scored.values()} - {BUNDLED}
    judged = {name for name in prepared if name in params.judges}
    assert judged <= set(chosen.judges) <= set(params.judges)
    unjudged = {params.datasets[name].source for name in prepared - judged}
    assert unjudged <= {"toy", "folder", "celeba", "lsun"}  # points, and images that have no classes of their own
    assert {cell.dataset for cell in chosen.scored.values() if cell.experiment == "controls"} <= judged
    assert params.recipe("gan", params.theory.generator, "paper").latent_dim


IMAGES, TOY, CONTROLS, THEORY = "cpu-gan-digits", "cpu-gan-toy-k1", "cpu-feature-controls", "cpu-theory"


NAMES = [
    (IMAGES, "", "", ""),
    (IMAGES, "cpu", "0-4", ""),  # as planned, though it was said
    (IMAGES, "", "1-3", "+1-3"),
    (IMAGES, "", "2-2", "+2"),
    (IMAGES, "cuda", "", "@cuda"),
    (IMAGES, "cuda", "0-1", "@cuda+0-1"),
    (TOY, "cuda", "", ""),  # compiled: on the processor under any profile
    (THEORY, "cuda", "4", "+4"),
    (CONTROLS, "cuda", "", "@cuda"),
]


@pytest.mark.parametrize(("key", "device", "seeds", "part"), NAMES)
def test_a_block_is_named_by_what_differs(params: Params, key: str, device: str, seeds: str, part: str) -> None:
    cell = params.cell(key)
    asked, block = block_of(params, cell, device, seeds)
    assert block.name == key + part and key_of(block.name) == key
    assert asked.profile.device == (device or "cpu")
    (apart, folder), planned = block.folder.split("/", 1), cell.folder.split("/", 1)
    assert (apart, folder) == ("cpu-parts" if part else "cpu", planned[1] + part)
    assert set(block.seed_numbers) <= set(cell.seed_numbers) and PART.fullmatch(part)
    assert _NAME.fullmatch(f"{block.name}/measurements.csv")  # an archive takes the name


@pytest.mark.parametrize("seeds", ["0-5", "7", "3-1", "-1", "a", "0,1"])
def test_seeds_that_are_not_planned_are_refused(params: Params, seeds: str) -> None:
    with pytest.raises(InputError, match=f"^--seeds {seeds} is no part of cell {IMAGES}, whose seeds are 0-4: name"):
        block_of(params, params.cell(IMAGES), "", seeds)


def test_a_processor_has_no_tf32_and_compiled_code_float32_alone(params: Params) -> None:
    digits, toy = (params.recipe_of(params.cell(key)) for key in (IMAGES, TOY))
    for precision, on_processor in (("float32", "float32"), ("tf32", "float32"), ("bfloat16", "bfloat16")):
        recipe = replace(digits, precision=precision)
        assert (precision_on(recipe, "cpu"), precision_on(recipe, "cuda")) == (on_processor, precision)
    assert precision_on(toy, "cpu") == "float32"


def test_what_is_large_computes_on_the_profiles_device(params: Params) -> None:
    gpu = on_device(params, "cuda")
    devices = {key: device_of(gpu, gpu.cell(key)) for key in (IMAGES, TOY, CONTROLS, THEORY)}
    assert devices == {IMAGES: "cuda", TOY: "cpu", CONTROLS: "cuda", THEORY: "cpu"}


def test_the_command_line_of_a_stage(capsys: pytest.CaptureFixture[str]) -> None:
    asked = block_arguments("train", "a cell", [IMAGES])
    assert (asked.name, asked.device, asked.seeds) == (IMAGES, "", "")
    asked = block_arguments("train", "a cell", [IMAGES, "--device", "cpu", "--seeds", "0-2"])
    assert (asked.device, asked.seeds) == ("cpu", "0-2")
    for wrong in ([], ["one", "two"], [IMAGES, "--device", "tpu"]):
        with pytest.raises(SystemExit) as stopped:
            block_arguments("train", "a cell", wrong)
        assert stopped.value.code == 2
        assert "python -m replication.train" in capsys.readouterr().err
