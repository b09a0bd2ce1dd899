"""Blocks beside the planned one: what they are called, where they lie, and on what they are computed."""

from __future__ import annotations

from dataclasses import replace

import pytest

from replication.config.blocks import PART, block_arguments, block_of, device_of, key_of, on_device, precision_on
from replication.config.params import Params
from replication.foundation.errors import InputError
from replication.table.archives import _NAME

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
