"""Improved GAN's networks: parameters and shapes by hand, features, noise, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from replication.config.recipes import Prior, Recipe
from replication.foundation.errors import InputError
from replication.models.improved_gan import build
from replication.models.layers.networks import LayerNoise, Networks, draw_layer_noise
from replication.models.layers.weight_norm import WeightNorm
from tests.in_small import own_params

CLASSES = 10
DENSE = {"dense": {"generator": [4], "discriminator": [5], "input_noise": 0.3, "hidden_noise": 0.5}}
CONVOLUTIONAL = {"convolutional": {"generator": [4, 3], "discriminator": [{"channels": 4, "kernel": 3, "padding": 1}]}}


def recipe_of(name: str, variant: str) -> Recipe:
    return own_params().recipe("improved_gan", name, variant)


def shape_of(name: str) -> tuple[int, int, int]:
    return {"mnist": (1, 28, 28), "digits": (1, 8, 8)}.get(name.split("-")[0], (3, 32, 32))


def networks_of(name: str, variant: str) -> Networks:
    recipe = recipe_of(name, variant)
    return build(recipe.network, recipe.prior, recipe.latent_dim, shape_of(name), CLASSES)


def size(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


def dense(inputs: int, outputs: int) -> int:
    return inputs * outputs + outputs  # direction and bias; a trained scale is outputs more


# Improved GAN's released train_mnist_feature_matching.py: batch normalisation has a bias alone, the last scale of
# either network is trained. The paper's generator has five hidden layers.
MNIST_DISCRIMINATOR = dense(784, 1000) + dense(1000, 500) + dense(500, 250) + 2 * dense(250, 250) + dense(250, 10) + 10
MNIST_GENERATOR = {
    "code": dense(100, 500) + dense(500, 500) + dense(500, 784) + 784,
    "paper": dense(100, 500) + 4 * dense(500, 500) + dense(500, 784) + 784,
}
# train_cifar_*.py: a bias per unit after the dense layer, per channel elsewhere; the last layer has direction, bias and
# scale. Convolutions have direction and bias, their scales are set from data and not trained.
IMAGE_GENERATOR = dense(100, 512 * 16) + 25 * (512 * 256 + 256 * 128 + 128 * 3) + 256 + 128 + 2 * 3


def convolutions(width: int, channels: int = 3) -> int:
    wide, kernels = 2 * width, (channels + 2 * width) * width + (width + 3 * 2 * width) * 2 * width
    return 9 * kernels + 3 * width + 4 * wide + 2 * (wide * wide + wide)


def output(inputs: int, outputs: int) -> int:
    return dense(inputs, outputs) + outputs


KERNELS = 192 * 100 * 5
SIZES = {
    ("mnist-100", "paper"): (MNIST_GENERATOR["paper"], MNIST_DISCRIMINATOR),
    ("mnist-20", "code"): (MNIST_GENERATOR["code"], MNIST_DISCRIMINATOR),
    ("cifar10-4000", "paper"): (IMAGE_GENERATOR, convolutions(96) + output(192, 10)),
    ("cifar10-1000", "code"): (IMAGE_GENERATOR, convolutions(96) + output(192, 10)),
    ("svhn-1000", "paper"): (IMAGE_GENERATOR, convolutions(96) + output(192, 10)),
    ("svhn-1000", "code"): (IMAGE_GENERATOR, convolutions(64) + output(128, 10)),
    ("cifar10-minibatch", "paper"): (IMAGE_GENERATOR, convolutions(96) + KERNELS + output(292, 10)),
    # a log scale for each kernel and dimension, and a bias for each kernel
    ("cifar10-minibatch", "code"): (IMAGE_GENERATOR, convolutions(96) + KERNELS + 500 + 100 + output(292, 10)),
    ("cifar10-batch-norm", "paper"): (IMAGE_GENERATOR, convolutions(96) + KERNELS + output(292, 10)),
    ("cifar10-no-labels", "paper"): (IMAGE_GENERATOR, convolutions(96) + KERNELS + output(292, 1)),
    ("cifar10-historical-averaging", "paper"): (IMAGE_GENERATOR, convolutions(96) + KERNELS + output(292, 1)),
    ("cifar10-no-smoothing", "paper"): (IMAGE_GENERATOR, convolutions(96) + KERNELS + output(292, 10)),
    ("cifar10-no-minibatch", "paper"): (IMAGE_GENERATOR, convolutions(96) + output(192, 10)),
    ("digits", "code"): (
        dense(32, 64) + dense(64, 64) + output(64, 64),
        dense(64, 128) + dense(128, 64) + output(64, 10),
    ),
}


@pytest.mark.parametrize(("name", "variant"), SIZES)
def test_trained_parameters_and_shapes_by_hand(name: str, variant: str) -> None:
    recipe, (generator, discriminator) = recipe_of(name, variant), SIZES[name, variant]
    with torch.device("meta"):
        networks = networks_of(name, variant)
        assert (size(networks.generator), size(networks.discriminator)) == (generator, discriminator)
        samples = networks.generator(torch.rand(7, recipe.latent_dim), torch.zeros(7, dtype=torch.int64))
        assert samples.shape == (7, *shape_of(name))
        judged = networks.discriminator(samples)
        assert judged.logits.shape == ((7,) if "labels" in name or "historical" in name else (7, CLASSES))
        assert judged.features[-1].shape == (7, {"mnist": 250, "digits": 64, "svhn": 128 if variant == "code" else 192}
                                             .get(name.split("-")[0], 192))  # fmt: skip


def test_features_are_those_of_every_layer_and_the_matched_ones_come_last() -> None:
    with torch.device("meta"):
        judged = networks_of("cifar10-4000", "code").discriminator(torch.rand(2, 3, 32, 32))
        sides = [feature.shape[2] for feature in judged.features[:-1]]
        assert sides == [32, 32, 16, 16, 16, 8, 6, 6, 6]  # dnn.Conv2DDNNLayer's padding 1, the seventh without
        assert judged.features[-1].shape == (2, 192)
        judged = networks_of("mnist-100", "code").discriminator(torch.rand(2, 1, 28, 28))
        assert [feature.shape[1] for feature in judged.features] == [1000, 500, 250, 250, 250]


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
    with torch.device("meta"):
        mnist, matching, minibatch = (
            noise_of(networks_of(name, "code").discriminator)
            for name in ("mnist-100", "cifar10-4000", "cifar10-minibatch")
        )
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
        network = {"convolutional": {**CONVOLUTIONAL["convolutional"], "discriminator": layers, "input_noise": 0.2}}
    judge, images = build(network, Prior(), 3, (1, 8, 8), 4).discriminator, torch.rand(5, 1, 8, 8)
    noise = draw_layer_noise(judge, 5, torch.Generator().manual_seed(0))
    assert len(noise) == 2
    assert torch.equal(judge(images).logits, judge(images).logits)
    assert torch.equal(judge(images, None, noise).logits, judge(images, None, noise).logits)
    assert not torch.allclose(judge(images, None, noise).logits, judge(images).logits)
    if network is DENSE:
        silent = judge(images, None, [torch.zeros_like(one) for one in noise])
        torch.testing.assert_close(silent.logits, judge(images).logits)


def test_which_scales_are_trained() -> None:
    """Each network's last layer alone (train_scale and train_g in the released code)."""
    for name in ("mnist-100", "cifar10-minibatch"):
        with torch.device("meta"):
            networks = networks_of(name, "code")
        for network in networks:
            layers = [layer for layer in network.modules() if isinstance(layer, WeightNorm)]
            assert [isinstance(layer.scale, nn.Parameter) for layer in layers] == [False] * (len(layers) - 1) + [True]


def test_initial_statistics() -> None:
    torch.manual_seed(0)
    generator, discriminator = networks_of("mnist-100", "code")
    for name, fans in (("body.0", 100 + 500), ("body.3", 500 + 500), ("body.6", 500 + 784)):
        layer = generator.body.get_submodule("body").get_submodule(name.removeprefix("body."))
        weight = layer.direction if isinstance(layer, WeightNorm) else layer.get_parameter("weight")
        bound = (6 / fans) ** 0.5  # Lasagne's default, Glorot's uniform
        assert 0.99 * bound < weight.abs().max().item() <= bound
    assert discriminator.get_parameter("stages.2.0.direction").std().item() == pytest.approx(0.1, rel=0.02)
    generator, discriminator = build(CONVOLUTIONAL, Prior(), 100, (1, 8, 8), 4)
    assert generator.get_parameter("body.project.0.weight").std().item() == pytest.approx(0.05, rel=0.05)
    assert generator.get_parameter("body.stack.0.weight").std().item() == pytest.approx(0.05, rel=0.1)


LAYERS = CONVOLUTIONAL["convolutional"]
WRONG = {
    "both": ({**DENSE, **CONVOLUTIONAL}, "write one of dense, convolutional and points, no more"),
    "neither": ({}, "write one of dense, convolutional and points"),
    "unknown key": ({"dense": {**DENSE["dense"], "dropout": 0.5}}, "dense.dropout: unexpected keyword argument"),
    "no layer": ({"dense": {**DENSE["dense"], "generator": []}}, r"dense\.generator: .*\[\]"),
    "no reference": (
        {"convolutional": {**LAYERS, "generator_norm": "virtual"}},
        "reference 0 and generator_norm virtual",
    ),
    "idle reference": ({"convolutional": {**LAYERS, "reference": 5}}, "reference 5 and generator_norm batch"),
    "too deep": (
        {"convolutional": {**LAYERS, "generator": [2, 2, 2, 2]}},
        r"cannot end in images of shape \(1, 8, 8\)",
    ),
    "nothing left": (
        {"convolutional": {**LAYERS, "discriminator": [{"channels": 1, "kernel": 9}]}},
        "layer 1 of 1 leaves",
    ),
    "unknown form": (
        {"convolutional": {**LAYERS, "minibatch": {"kernels": 2, "dimensions": 2, "form": "own"}}},
        "minibatch.form: input should be 'paper', 'code' or 'normalised'",
    ),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_what_a_network_may_not_be_is_one_sentence(wrong: str) -> None:
    network, sentence = WRONG[wrong]
    with pytest.raises(InputError, match=sentence) as error:
        build(network, Prior(), 3, (1, 8, 8), 4)
    assert "\n" not in str(error.value) and str(error.value).endswith(".")


def test_logits_of_classes_need_classes_and_a_mixture_is_refused() -> None:
    with pytest.raises(InputError, match="logits classes needs a data set with classes"):
        build(DENSE, Prior(), 3, (1, 8, 8))
    assert (
        build({**DENSE, "logits": "one"}, Prior(), 3, (1, 8, 8)).discriminator(torch.rand(2, 1, 8, 8)).logits.dim() == 1
    )
    with pytest.raises(InputError, match="prior of improved_gan"):
        build(DENSE, Prior(components=5), 3, (1, 8, 8), 4)
