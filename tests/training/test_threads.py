"""A recipe's threads: each operation has as many, and what is trained depends on neither cores nor other seeds."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from replication.training.initialise import Samples
from replication.training.trainer import Trainer
from tests.in_small import ROOT, builder, own_params
from tests.training.small import small

pytestmark = pytest.mark.integration

RECIPES = {
    "gan mnist code": (1, 28, 28),
    "improved_gan digits code": (1, 8, 8),
    "deligan digits paper": (1, 8, 8),
    "dcgan digits paper": (1, 8, 8),
}
UNITS, SEED = 2, 3


def trained(name: str, seeds: tuple[int, ...], machine: int) -> str:
    """SHA-256 of what SEED has become; each operation on two threads, `machine` seeds at once."""
    model, recipe_name, variant = name.split()
    recipe = replace(own_params().recipe(model, recipe_name, variant), threads=2)
    stream = np.random.default_rng(0)
    images = torch.from_numpy(stream.integers(0, 256, (200, *RECIPES[name]), dtype=np.uint8))
    samples = Samples(images, torch.arange(200) % 10)
    trainer = Trainer(builder(model, recipe, RECIPES[name], 10), recipe, seeds, samples, "cpu", machine)
    trainer.advance(0, UNITS)
    digest = hashlib.sha256()
    for tensor in trainer.state.values():
        digest.update(tensor[seeds.index(SEED)].contiguous().numpy().tobytes())
    return digest.hexdigest()


@pytest.fixture(scope="module")
def on_a_core() -> dict[str, str]:
    """Each recipe trained in a process that sees a single core."""
    code = f"""import json, runpy
this = runpy.run_path({__file__!r})
this["torch"].set_num_threads(1)
print(json.dumps({{name: this["trained"](name, ({SEED},), 1) for name in this["RECIPES"]}}))"""
    command = ["taskset", "-c", str(min(os.sched_getaffinity(0))), sys.executable, "-c", code]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


@pytest.mark.skipif(sys.platform != "linux", reason="taskset is Linux's")
@pytest.mark.parametrize("name", RECIPES)
def test_a_seed_ends_the_same_in_any_block_and_on_any_number_of_cores(name: str, on_a_core: dict[str, str]) -> None:
    alone = trained(name, (SEED,), 1)
    assert trained(name, (5, SEED), 2) == alone
    assert on_a_core[name] == alone


@pytest.mark.parametrize("threads", [1, 2])
def test_forward_and_backward_have_the_recipes_threads(threads: int) -> None:
    seen: set[tuple[str, int]] = set()

    class Watched(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, samples: Tensor) -> Tensor:
            seen.add(("forward", torch.get_num_threads()))
            return samples.clone()

        @staticmethod
        def backward(ctx: Any, *gradients: Tensor) -> Tensor:
            seen.add(("backward", torch.get_num_threads()))
            return gradients[0]

    case, before = small(threads=threads), torch.get_num_threads()
    for machine in (1, 2):  # in the caller's thread, and in others
        trainer = Trainer(case.build, case.recipe, (0, 1), case.data, "cpu", machine)
        for seed in trainer._seeds:
            body = seed._run.networks.generator.body  # pyright: ignore[reportAttributeAccessIssue]
            body.register_forward_hook(lambda module, inputs, output: Watched.apply(output))
        trainer.advance(0, 2)
        assert seen == {("forward", threads), ("backward", threads)}
        seen.clear()
    assert torch.get_num_threads() == before
