"""Networks in bfloat16: weights, losses and small differences stay float32, and training goes nearly the same way."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from replication.config.recipes import Labels
from replication.models.layers.minibatch import MinibatchDiscrimination
from replication.models.layers.networks import as_given, widened
from replication.models.layers.virtual_batch_norm import VirtualBatchNorm
from replication.training import loop
from replication.training.run import bind_runs
from replication.training.schedule import turns
from replication.training.trainer import Trainer
from tests.training.small import small


@pytest.mark.parametrize("changes", [{}, {"labels": Labels(2)}], ids=["plain", "labels"])
def test_training_in_bfloat16_is_nearly_that_in_float32(changes: dict[str, Any]) -> None:
    cases = small(**changes), small(**changes, precision="bfloat16")
    exact, near = (Trainer(case.build, case.recipe, (0, 1), case.data) for case in cases)
    losses, others = exact.advance(0, 10), near.advance(0, 10)
    assert abs(losses - others).max() < 0.05 and (losses != others).any()
    assert all(tensor.dtype != torch.bfloat16 for tensor in near.state.values())


def test_losses_and_gradients_are_float32() -> None:
    case = small(noisy=True, precision="bfloat16")
    (run,) = bind_runs(case.build, case.start())
    seen: list[torch.dtype] = []
    output = run.networks.discriminator.get_submodule("output")
    output.register_forward_hook(lambda *arguments: seen.append(arguments[2].dtype))
    drawn, stream = case.units(1).at(0).draws, torch.Generator().manual_seed(0)
    batch = loop.assemble(run.networks, case.recipe, case.data, drawn, turns(case.recipe)[0], stream)
    loss, total = loop.discriminator_objective(run, case.recipe, batch, case.recipe.objective)
    assert set(seen) == {torch.bfloat16} and loss.dtype == total.dtype == torch.float32
    assert {g.dtype for g in torch.autograd.grad(total, run.parameters("discriminator"))} == {torch.float32}


@pytest.mark.parametrize("form", ["paper", "code", "normalised"])
def test_closeness_is_computed_in_float32(form: Any) -> None:
    torch.manual_seed(0)
    layer, features = MinibatchDiscrimination(6, 4, 3, form), torch.randn(5, 6).bfloat16()
    expected = layer(features.float())
    with torch.autocast("cpu", torch.bfloat16):
        result = layer(features)
    assert result.dtype == torch.float32 and torch.equal(result, expected)


def test_virtual_batch_norm_is_computed_in_float32() -> None:
    layer, inputs = VirtualBatchNorm(3, 2), (100.0 + torch.randn(6, 3, 4, 4)).bfloat16()
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(layer(inputs), layer(inputs.float()))


def test_what_is_widened_and_what_is_left() -> None:
    assert widened(torch.ones(2).bfloat16()).dtype == torch.float32
    assert widened(torch.ones(2).double()).dtype == torch.float64
    with torch.autocast("cpu", torch.bfloat16):
        left = torch.ones(2, 2)
        assert (left @ left).dtype == torch.bfloat16
        with as_given(left):
            assert (left @ left).dtype == torch.float32
    with as_given(torch.ones(1, device="meta")):
        pass
