"""Training on a CUDA device: it runs, and starts off as on the CPU. Results are not equal bit for bit there."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from replication.data.digits import read_digits
from replication.models import load
from replication.params import load_params
from replication.training.block import Outcome, train_block

pytestmark = [pytest.mark.gpu, pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")]
ROOT = Path(__file__).parents[1]
UNITS = 8


@pytest.mark.parametrize("model", ["gan", "dcgan", "deligan"])
def test_the_first_units_agree_with_the_cpu(tmp_path: Path, model: str) -> None:
    recipe = load_params(ROOT / "params.yaml").recipe(model, "digits", "paper")
    steps = recipe.inner_steps if recipe.schedule == "balanced" else 1
    recipe = replace(recipe, updates=UNITS * steps, scored_shares=(0.0, 1.0))
    images = torch.from_numpy(read_digits().train_images)
    assert images.dtype == torch.uint8 and len(images) > recipe.batch

    def train(device: str) -> Outcome:
        directory = tmp_path / device
        directory.mkdir()
        shape = tuple(images.shape[1:])
        module = load(model)
        return train_block(
            lambda: module.build(recipe.network, recipe.prior, recipe.latent_dim, shape),
            recipe, (0, 1), images, directory, device, threads=2,
        )  # fmt: skip

    cpu, cuda = train("cpu"), train("cuda")
    assert cuda.diverged == (-1, -1) and all(t.device.type == "cpu" for t in cuda.snapshots[UNITS * steps].values())
    for name, tensor in cpu.snapshots[0].items():
        assert torch.equal(tensor, cuda.snapshots[0][name])
    np.testing.assert_allclose(cuda.history, cpu.history, rtol=0, atol=0.02)
    first = next(name for name in cuda.snapshots[0] if name.startswith("discriminator."))
    assert not torch.equal(cuda.snapshots[0][first], cuda.snapshots[UNITS * steps][first])
