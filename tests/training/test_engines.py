"""Compiled loops against the reference: same draws, same schedule, same networks."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
import torch
from torch import Tensor

from replication.config.params import Params
from replication.config.recipes import Adam, Balance, Recipe
from replication.data.embedded import draw_points
from replication.foundation import compiled
from replication.foundation.errors import InputError
from replication.training.initialise import Samples
from replication.training.state import State
from replication.training.toy import kernel, lanes, logistic
from replication.training.toy.plan import place
from replication.training.trainer import Trainer
from tests.in_small import builder
from tests.training.small import assert_same

pytestmark = pytest.mark.integration

UNITS = 30
HALF, ONE = np.float32(0.5), np.float32(1.0)
# Moves within few units, where the recipes' own threshold stands still for hundreds.
LIVELY = Balance(0.7, 0.8, 0.68, 2, 0.01, -3, 0.02, floor_count=0, floor_by=0.005, floor_least=0.66)
CASES = (
    ("deligan", "toy", "code"),
    ("deligan", "toy", "paper"),
    ("deligan", "toy-gan", "code"),
    ("deligan", "toy-unregularised", "code"),
    ("deligan", "toy-gan-plus-plus", "code"),
    ("deligan", "toy-moe-gan", "code"),
    ("deligan", "toy-moe-gan", "paper"),
    ("deligan", "toy-ensemble-gan", "code"),
    ("deligan", "toy-ensemble-gan", "paper"),
    ("deligan", "toy-nx-gan", "code"),
    ("gan", "toy-k1", "paper"),
    ("gan", "toy-k5", "paper"),
    ("gan", "toy-k1-saturating", "paper"),
    ("gan", "toy-rest", "paper"),
    ("gan", "toy-g2", "paper"),
    ("gan", "toy-g2-same", "paper"),
    ("deligan", "toy-fixed", "paper"),
    ("deligan", "toy-mean-only", "paper"),
    ("deligan", "toy-sigma-only", "paper"),
)


@pytest.fixture(scope="module")
def points() -> Tensor:
    return torch.from_numpy(draw_points(((0.6, 0.6), (-0.6, -0.6)), 0.15, 200, 0).points)


def trained_alike(model: str, recipe: Recipe, points: Tensor, units: int) -> State:
    """The state after so many units of compiled loops, held with its losses against the reference's, in two pieces."""
    build, data = builder(model, recipe, (2,)), Samples(points)
    compiled, reference = (Trainer(build, replace(recipe, engine=way), (7,), data) for way in ("kernel", "eager"))
    for begin, end in ((0, units // 3), (units // 3, units)):
        losses, expected = (trainer.advance(begin, end - begin) for trainer in (compiled, reference))
        np.testing.assert_allclose(losses, expected, rtol=0, atol=1e-5)
    assert compiled.state.keys() == reference.state.keys()
    assert torch.equal(compiled.state["steps"], reference.state["steps"])
    assert_same(compiled.state, reference.state, 1e-5)
    return compiled.state


@pytest.mark.parametrize("case", CASES, ids="-".join)
def test_the_compiled_engine_trains_as_the_reference_does(
    params: Params, points: Tensor, case: tuple[str, str, str]
) -> None:
    recipe = params.recipe(*case)
    recipe = replace(recipe, balance=LIVELY) if recipe.balance else recipe
    state = trained_alike(case[0], recipe, points, UNITS)
    assert (state["steps"] > 0).all()  # else one side of the game was never compared
    if recipe.schedule == "alternate":
        assert state["steps"].tolist() == [[UNITS * recipe.generator_steps, UNITS * recipe.inner_steps]]
    else:
        assert state["steps"].sum() == UNITS * recipe.inner_steps
        assert state["balance"][0, [0, 2]].tolist() != [LIVELY.threshold, LIVELY.floor]


@pytest.mark.parametrize("name", ["toy", "toy-moe-gan", "toy-ensemble-gan"])
def test_sizes_that_do_not_fill_a_vector_and_deeper_networks(params: Params, points: Tensor, name: str) -> None:
    recipe = params.recipe("deligan", name, "paper")
    prior = replace(recipe.prior, components=3)
    network = {"hidden": [5, 3], "nonlinearity": "tanh"}
    recipe = replace(recipe, batch=7, latent_dim=3, prior=prior, network=network, balance=LIVELY, inner_steps=2)
    state = trained_alike("deligan", recipe, points[:30], 24)
    assert (state["steps"] > 0).all()  # else one side of the game was never compared


@pytest.mark.parametrize(
    "change",
    [
        {"network": {"hidden": [4], "nonlinearity": "relu"}},
        {"network": {"hidden": [], "nonlinearity": "tanh"}},
        {"adam": Adam(1e-3, 0.5, l2=1e-5)},
    ],
)
def test_what_the_compiled_engine_cannot_do_is_refused(
    params: Params, points: Tensor, change: dict[str, object]
) -> None:
    recipe = replace(params.recipe("gan", "toy-k1", "paper"), **change)  # pyright: ignore[reportArgumentType]
    with pytest.raises(InputError, match="write engine: eager"):
        trained_alike("gan", recipe, points, 3)


def test_the_compiled_tanh_is_tanh_and_shows_what_is_not_finite() -> None:
    x = np.linspace(-12, 12, 4001, dtype=np.float32)
    x = np.concatenate([x, np.zeros(4, np.float32)])
    row = np.concatenate([np.full(32, 7, np.float32), x, np.array([np.nan, np.inf, -np.inf], np.float32)])
    row = np.concatenate([row, np.full(-len(row) % 32 + 32, 7, np.float32)])
    end = len(row) - 32
    kernel.tanh_row(row, 32, end)
    assert (row[:32] == 7).all() and (row[end:] == 7).all()
    row = row[32 : 32 + len(x) + 3]
    np.testing.assert_allclose(row[:-3], np.tanh(x.astype(np.float64)), rtol=0, atol=5e-7)
    assert np.isnan(row[-3])
    np.testing.assert_allclose(row[-2:], [1, -1], atol=5e-7)


@pytest.mark.parametrize("toward_one", [True, False])
def test_the_compiled_logistic_loss_and_its_slope(toward_one: bool) -> None:
    logits = torch.tensor([-200.0, -3.0, 0.0, 0.5, 90.0], requires_grad=True)
    target = torch.full((5,), float(toward_one))
    expected = torch.nn.functional.binary_cross_entropy_with_logits(logits, target)
    (slope,) = torch.autograd.grad(0.5 * expected, logits)
    padded, delta = np.full(8, 3.0, np.float32), np.full(8, 9.0, np.float32)
    padded[:5] = logits.detach().numpy()
    loss = logistic.logistic_loss(padded, 5, toward_one, delta, 0.5)
    assert loss == pytest.approx(expected.item(), rel=1e-6)
    np.testing.assert_allclose(delta[:5], slope.numpy(), rtol=1e-5, atol=1e-8)
    assert not delta[5:].any()


def test_lanes_compute_as_arrays_do() -> None:
    @compiled.njit()
    def compute(numbers: np.ndarray) -> float:
        each, two = lanes.load(numbers, 0), lanes.load(numbers, 32)
        lanes.store(numbers, 64, (each + two) * (two - HALF) / lanes.spread(numbers, 5))
        lanes.store(numbers, 96, lanes.root(lanes.every(HALF) * each))
        lanes.store(numbers, 128, lanes.clamp(HALF / (two - two), ONE))
        return lanes.total(each)

    stream = np.random.default_rng(0)
    numbers = stream.uniform(0.1, 2, 160).astype(np.float32)
    each, two = numbers[:32].astype(np.float64), numbers[32:64].astype(np.float64)
    assert compute(numbers) == pytest.approx(each.sum(), rel=1e-6)
    np.testing.assert_allclose(numbers[64:96], (each + two) * (two - 0.5) / each[5], rtol=1e-5)
    np.testing.assert_allclose(numbers[96:128], np.sqrt(each / 2), rtol=1e-6)
    assert (numbers[128:] == 1).all()


@pytest.mark.parametrize("members", [0, 3])
def test_forward_and_backward_against_a_naive_network(members: int) -> None:
    stream, sizes, batch = np.random.default_rng(1), (3, 40, 5, 2), 7
    network = place(sizes, batch, 0, members)
    count = max(members, 1)
    component = stream.integers(0, count, batch)
    state = torch.from_numpy(stream.normal(0, 0.5, len(network.order))).requires_grad_()
    inputs = torch.from_numpy(stream.normal(0, 1, (batch, 3))).requires_grad_()
    value, at = inputs, 0
    for width, out in pairwise(sizes):
        weight = state[at : at + count * width * out].view(count, out, width)[component]
        at += count * width * out
        bias = state[at : at + count * out].view(count, out)[component]
        at += count * out
        value = torch.tanh((weight @ value[:, :, None])[:, :, 0] + bias)
    slope = torch.from_numpy(stream.normal(0, 1, (batch, 2)))
    (value * slope).sum().backward()

    flat, gradient = (np.zeros(network.weights, np.float32) for _ in range(2))
    row, deltas = (np.zeros(network.row, np.float32) for _ in range(2))
    flat[network.order] = state.detach().numpy()
    row[:96].reshape(3, 32)[:, :batch] = inputs.detach().numpy().T
    kernel.forward(flat, network.layers, component, row, True)
    result = row[-64:].reshape(2, 32)[:, :batch].T
    np.testing.assert_allclose(result, value.detach().numpy(), rtol=0, atol=3e-6)
    deltas[-64:].reshape(2, 32)[:, :batch] = (slope.numpy() * (1 - result**2)).T
    kernel.backward(flat, network.layers, component, row, deltas, gradient, True, True)
    assert state.grad is not None and inputs.grad is not None
    np.testing.assert_allclose(gradient[network.order], state.grad.numpy(), rtol=1e-4, atol=2e-5)
    np.testing.assert_allclose(deltas[:96].reshape(3, 32)[:, :batch].T, inputs.grad.numpy(), rtol=1e-4, atol=2e-5)
    pads = np.setdiff1d(np.arange(network.weights), network.order)
    assert not gradient[pads].any()  # a pad that moves would join the sums
