"""Minibatch discrimination in its three forms against plain loops, and how data set the released one."""

from __future__ import annotations

from math import exp, sqrt

import pytest
import torch
from torch import Tensor

from replication.models.layers.minibatch import MinibatchDiscrimination, MinibatchForm

FORMS: tuple[MinibatchForm, ...] = ("paper", "code", "normalised")
BATCH, FEATURES, KERNELS, DIMENSIONS = 6, 5, 3, 2


def layer_of(form: MinibatchForm) -> tuple[MinibatchDiscrimination, Tensor]:
    torch.manual_seed(0)
    layer = MinibatchDiscrimination(FEATURES, KERNELS, DIMENSIONS, form)
    if form == "paper":
        layer.direction.data *= 20  # so that distances are of the order of 1
    else:
        layer.log_scale.data.normal_()
    if form == "code":
        layer.bias.data.normal_()
    return layer, torch.randn(BATCH, FEATURES)


def distances(layer: MinibatchDiscrimination, features: Tensor) -> list[list[list[float]]]:
    """‖M_ib − M_jb‖₁ as [b][i][j], in plain loops over the equations."""
    theta, rows = layer.direction.tolist(), features.tolist()
    weight = [[[theta[a][b][c] for c in range(DIMENSIONS)] for b in range(KERNELS)] for a in range(FEATURES)]
    if layer.form != "paper":
        for b in range(KERNELS):
            for c in range(DIMENSIONS):
                norm = sqrt(sum(theta[a][b][c] ** 2 for a in range(FEATURES)))
                for a in range(FEATURES):
                    weight[a][b][c] *= exp(layer.log_scale[b, c].item()) / norm
    m = [[[sum(row[a] * weight[a][b][c] for a in range(FEATURES)) for c in range(DIMENSIONS)] for row in rows]
         for b in range(KERNELS)]  # fmt: skip
    return [[[sum(abs(x - y) for x, y in zip(each, other, strict=True)) for other in m[b]] for each in m[b]]
            for b in range(KERNELS)]  # fmt: skip


@pytest.mark.parametrize("form", FORMS)
def test_closeness_is_its_loops(form: MinibatchForm) -> None:
    layer, features = layer_of(form)
    result, apart = layer(features), distances(layer, features)
    torch.testing.assert_close(result[:, :FEATURES], features)
    total = sum(exp(-d) for kernel in apart for row in kernel for d in row)
    for b in range(KERNELS):
        for i in range(BATCH):
            near = [exp(-d) for d in apart[b][i]]
            expected = {
                "paper": sum(near),
                "normalised": sum(near) / total,
                "code": sum(near) - near[i] + (layer.bias[b].item() if form == "code" else 0.0),
            }[form]
            assert result[i, FEATURES + b].item() == pytest.approx(expected, rel=1e-4, abs=1e-6)


@pytest.mark.parametrize(
    ("form", "trained"),
    [
        ("paper", {"direction"}),
        ("code", {"direction", "log_scale", "bias"}),
        ("normalised", {"direction", "log_scale"}),
    ],
)
def test_what_each_form_trains_and_where_it_starts(form: MinibatchForm, trained: set[str]) -> None:
    torch.manual_seed(0)
    layer = MinibatchDiscrimination(200, 30, 5, form)
    assert {name for name, _ in layer.named_parameters()} == trained
    assert layer.direction.std().item() == pytest.approx(0.05, rel=0.02)
    assert form != "code" or torch.equal(layer.bias, torch.full((30,), -1.0))
    assert form == "paper" or not layer.log_scale.any()


@torch.no_grad()
def test_data_set_scale_and_bias_of_the_released_form() -> None:
    layer, features = layer_of("code")
    layer.starting = True
    set_by = layer(features)
    layer.starting = False
    result = layer(features)
    torch.testing.assert_close(result, set_by, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(result[:, FEATURES:].mean(0), torch.zeros(KERNELS), atol=1e-5, rtol=0)
    for kernel in distances(layer, features):
        nearest = [min(d for j, d in enumerate(row) if j != i) for i, row in enumerate(kernel)]
        assert 0.5 * sum(nearest) / BATCH == pytest.approx(1.0, rel=1e-4)


@pytest.mark.parametrize("form", ["paper", "normalised"])
@torch.no_grad()
def test_the_other_forms_are_not_set_from_data(form: MinibatchForm) -> None:
    layer, features = layer_of(form)
    before = layer(features)
    layer.starting = True
    assert torch.equal(layer(features), before)


@pytest.mark.parametrize("form", FORMS)
def test_gradients_are_those_of_finite_differences(form: MinibatchForm) -> None:
    layer, features = layer_of(form)
    assert torch.autograd.gradcheck(layer.double(), features.double().requires_grad_())


@pytest.mark.parametrize("form", FORMS)
def test_distances_of_a_gpu_are_those_of_the_cpu(form: MinibatchForm) -> None:
    """Values and gradients in float32, at the sizes of DeLiGAN's MNIST recipe and of its scale of distances."""
    torch.manual_seed(1)
    layer = MinibatchDiscrimination(64, 64, 5, form)
    features = torch.rand(50, 64, requires_grad=True)
    ways = {}
    for spread in (False, True):
        layer.few_kernels = spread
        closeness = layer(features)[:, 64:]
        pull = torch.linspace(-1, 1, closeness.numel()).view_as(closeness) / len(features)
        ways[spread] = closeness, *torch.autograd.grad((closeness * pull).sum(), [features, *layer.parameters()])
    for plain, spread in zip(ways[False], ways[True], strict=True):
        assert plain.abs().max() > 0
        scale = max(1.0, plain.abs().max().item())
        torch.testing.assert_close(spread / scale, plain / scale, rtol=0, atol=2e-6)
