"""Improved GAN's networks: features, noise, scales and first weights, and minibatch discrimination by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from replication.config.recipes import Prior
from replication.models.improved_gan import build
from replication.models.layers.networks import LayerNoise, draw_layer_noise
from replication.models.layers.weight_norm import WeightNorm
from replication.training.initialise import initialise_networks
from tests.in_small import builder
from tests.models.papers import IMPROVED, LAYERS, POINTS, in_small, networks_of, samples_of, shape_of

DENSE, CONVOLUTIONAL = {"dense": IMPROVED}, {"convolutional": LAYERS}


def test_the_pooled_features_are_means_and_the_dense_ones_the_input_of_the_last_layer() -> None:
    torch.manual_seed(0)
    for network in (DENSE, CONVOLUTIONAL):
        judge = build(network, Prior(), 3, (1, 8, 8), 4).discriminator
        judged = judge(torch.rand(5, 1, 8, 8))
        if network is CONVOLUTIONAL:
            torch.testing.assert_close(judged.features[-1], judged.features[-2].mean((2, 3)))
        torch.testing.assert_close(judge.get_submodule("output")(judged.features[-1]), judged.logits)


def noise_of(network: nn.Module) -> list[tuple[str, float, tuple[int, ...]]]:
    layers = [layer for layer in network.modules() if isinstance(layer, LayerNoise)]
    return [
        (type(layer).__name__, float(vars(layer).get("std") or vars(layer)["keep"]), layer.shape) for layer in layers
    ]


def test_noise_lies_where_the_released_code_has_it() -> None:
    names = "mnist-100", "cifar10-4000", "cifar10-minibatch"
    mnist, matching, minibatch = (noise_of(networks_of("improved_gan", name).discriminator) for name in names)
    widths = [(784,), (1000,), (500,), (250,), (250,), (250,)]
    assert mnist == [("GaussianNoise", 0.3 if shape == (784,) else 0.5, shape) for shape in widths]
    dropout = [("Dropout", 0.5, (96, 16, 16)), ("Dropout", 0.5, (192, 8, 8))]
    assert matching == [("Dropout", 0.8, (3, 32, 32)), *dropout]
    assert minibatch == [("GaussianNoise", 0.2, (3, 32, 32)), *dropout]


@pytest.mark.parametrize("network", [DENSE, CONVOLUTIONAL], ids=["dense", "convolutional"])
@torch.no_grad()
def test_noise_changes_the_logits_and_its_absence_repeats_them(network: dict[str, Any]) -> None:
    torch.manual_seed(0)
    if network is CONVOLUTIONAL:
        layers = [{"channels": 4, "kernel": 3, "padding": 1, "dropout": 0.5}]
        network = {"convolutional": {**LAYERS, "discriminator": layers, "input_noise": 0.2}}
    judge, images = build(network, Prior(), 3, (1, 8, 8), 4).discriminator, torch.rand(5, 1, 8, 8)
    noise = draw_layer_noise(judge, 5, torch.Generator().manual_seed(0))
    assert len(noise) == 2
    assert torch.equal(judge(images).logits, judge(images).logits)
    assert torch.equal(judge(images, None, noise).logits, judge(images, None, noise).logits)
    assert not torch.allclose(judge(images, None, noise).logits, judge(images).logits)
    if network is DENSE:
        silent = judge(images, None, [torch.zeros_like(part) for part in noise])
        torch.testing.assert_close(silent.logits, judge(images).logits)


def test_which_scales_are_trained() -> None:
    """Each network's last layer alone (train_scale and train_g in the released code)."""
    for name in ("mnist-100", "cifar10-minibatch"):
        for network in networks_of("improved_gan", name):
            layers = [layer for layer in network.modules() if isinstance(layer, WeightNorm)]
            assert [isinstance(layer.scale, nn.Parameter) for layer in layers] == [False] * (len(layers) - 1) + [True]


def test_initial_statistics() -> None:
    torch.manual_seed(0)
    generator, discriminator = networks_of("improved_gan", "mnist-100", device="cpu")
    for name, fans in (("body.0", 100 + 500), ("body.3", 500 + 500), ("body.6", 500 + 784)):
        layer = generator.body.get_submodule("body").get_submodule(name.removeprefix("body."))
        weight = layer.direction if isinstance(layer, WeightNorm) else layer.get_parameter("weight")
        bound = (6 / fans) ** 0.5  # Lasagne's default, Glorot's uniform
        assert 0.99 * bound < weight.abs().max().item() <= bound
    assert discriminator.get_parameter("stages.2.0.direction").std().item() == pytest.approx(0.1, rel=0.02)
    generator, discriminator = build(CONVOLUTIONAL, Prior(), 100, (1, 8, 8), 4)
    assert generator.get_parameter("body.project.0.weight").std().item() == pytest.approx(0.05, rel=0.05)
    assert generator.get_parameter("body.stack.0.weight").std().item() == pytest.approx(0.05, rel=0.1)


@pytest.mark.parametrize("name", ["mnist-100", "cifar10-4000", "cifar10-minibatch"])
@torch.no_grad()
def test_data_set_the_first_weights(name: str) -> None:
    """On the initial images and under the noise drawn then, each unit has its initial mean and deviation."""
    recipe = in_small("improved_gan", name)
    torch.manual_seed(0)
    networks = builder("improved_gan", recipe, shape_of(name), 10)()
    seen: list[tuple[WeightNorm, Tensor]] = []
    layers = [layer for layer in networks.discriminator.modules() if isinstance(layer, WeightNorm)]
    for layer in layers:
        layer.register_forward_hook(lambda layer, _, output: seen.append((layer, output)))  # pyright: ignore
    initialise_networks(networks, recipe, 0, samples_of(name))
    assert [layer for layer, _ in seen] == layers
    for layer, output in seen:
        std = 0.1 if layer is layers[-1] and name != "mnist-100" else 1.0
        units = output.transpose(0, 1).flatten(1)
        torch.testing.assert_close(units.mean(1), torch.zeros(len(units)), atol=1e-4, rtol=0)
        torch.testing.assert_close(units.std(1, correction=0), torch.full((len(units),), std), rtol=1e-3, atol=0)
    assert not any(vars(module).get("starting") for network in networks for module in network.modules())
    last = [layer for layer in networks.generator.modules() if isinstance(layer, WeightNorm)][-1]
    assert torch.equal(last.scale, torch.ones_like(last.scale)) == (name == "mnist-100")


def test_points_are_judged_beside_their_batch_as_written_out_in_numpy() -> None:
    torch.manual_seed(0)
    discriminator = build({"points": POINTS, "logits": "one"}, Prior(), 2, (2,)).discriminator
    points = torch.randn(5, 2)
    weights = {name: value.detach().double().numpy() for name, value in discriminator.named_parameters()}
    features = np.tanh(points.double().numpy() @ weights["body.0.weight"].T + weights["body.0.bias"])  # [5, 4]
    rows = np.einsum("bf,fkd->bkd", features, weights["minibatch.direction"])  # [5, 3, 2]
    closeness = np.exp(-np.abs(rows[:, None] - rows[None]).sum(3)).sum(1)  # [5, 3]
    logits = np.hstack([features, closeness]) @ weights["output.0.weight"].T + weights["output.0.bias"]
    judged = discriminator(points)
    np.testing.assert_allclose(judged.logits.detach().numpy(), logits[:, 0], rtol=1e-5)
    np.testing.assert_allclose(judged.features[-1].detach().numpy(), features, rtol=1e-5)
