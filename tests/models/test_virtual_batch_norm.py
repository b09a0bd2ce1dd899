"""Virtual batch normalisation against one example at a time, and batch normalisation with a bias alone."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from replication.models.layers.networks import Generator
from replication.models.layers.virtual_batch_norm import BatchNorm, VirtualBatchNorm

REFERENCE, CHANNELS = 5, 3


def normalised(rows: Tensor, by: Tensor, epsilon: float) -> Tensor:
    """Rows [n, C, …] less mean and over the deviation of `by` [m, C, …], channel by channel."""
    out = torch.empty_like(rows)
    for channel in range(rows.shape[1]):
        values = by[:, channel].flatten().tolist()
        mean = sum(values) / len(values)
        variance = sum((value - mean) ** 2 for value in values) / len(values)
        out[:, channel] = (rows[:, channel] - mean) / (variance + epsilon) ** 0.5
    return out


@pytest.mark.parametrize("size", [(), (4, 4)], ids=["units", "channels"])
def test_each_example_is_normalised_by_the_reference_batch_joined_by_itself(size: tuple[int, ...]) -> None:
    torch.manual_seed(0)
    layer = VirtualBatchNorm(CHANNELS, REFERENCE, epsilon=1e-2)
    layer.bias.data.normal_()
    reference, examples = torch.randn(REFERENCE, CHANNELS, *size), 3 + 2 * torch.randn(4, CHANNELS, *size)
    result, bias = layer(torch.cat([reference, examples])), layer.bias.view(-1, *[1] * len(size))
    torch.testing.assert_close(result[:REFERENCE], normalised(reference, reference, 1e-2) + bias)
    for row, example in enumerate(examples):
        joined = torch.cat([reference, example.unsqueeze(0)])
        expected = normalised(joined[-1:], joined, 1e-2)[0] + bias
        torch.testing.assert_close(result[REFERENCE + row], expected, rtol=1e-4, atol=1e-5)


def test_batch_normalisation_uses_the_batch_and_has_a_bias_alone() -> None:
    torch.manual_seed(0)
    layer, images = BatchNorm(CHANNELS, epsilon=1e-2), 3 + 2 * torch.randn(6, CHANNELS, 4, 4)
    layer.bias.data.normal_()
    expected = normalised(images, images, 1e-2) + layer.bias.view(-1, 1, 1)
    torch.testing.assert_close(layer(images), expected, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(layer.eval()(images), expected, rtol=1e-4, atol=1e-5)
    assert set(layer.state_dict()) == {"bias"} == {name for name, _ in layer.named_parameters()}


class Body(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(2, CHANNELS, bias=False), VirtualBatchNorm(CHANNELS, REFERENCE))

    def forward(self, latent: Tensor) -> Tensor:
        return self.layers(latent)


def test_a_sample_does_not_depend_on_the_others_of_its_batch() -> None:
    torch.manual_seed(0)
    generator = Generator(None, Body(), (REFERENCE, 2))
    generator.reference.uniform_()
    noise, component = torch.randn(7, 2), torch.zeros(7, dtype=torch.int64)
    whole = generator(noise, component)
    assert whole.shape == (7, CHANNELS)
    torch.testing.assert_close(generator(noise[3:4], component[:1]), whole[3:4])
    generator.reference.uniform_()  # but on the reference batch
    assert not torch.allclose(generator(noise, component), whole)
    assert "reference" in generator.state_dict()


def test_the_gradient_flows_through_the_reference_batch() -> None:
    layer = VirtualBatchNorm(CHANNELS, REFERENCE)
    inputs = torch.randn(REFERENCE + 2, CHANNELS, requires_grad=True)
    layer(inputs)[REFERENCE:].square().sum().backward()
    assert inputs.grad is not None and bool((inputs.grad[:REFERENCE] != 0).all())
