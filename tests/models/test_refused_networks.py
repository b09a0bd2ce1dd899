"""What a network may not be is one sentence."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from replication.config.recipes import Prior
from replication.foundation.errors import InputError
from replication.models import MODELS, load, source_file
from replication.models.layers.convolutional import ConvolutionalDiscriminator, ConvolutionalGenerator
from replication.training.toy.plan import plan_of
from tests.in_small import ROOT, builder
from tests.models.papers import CONDITIONAL, DCGAN, IMPROVED, LAYERS, POINTS, recipe_of

DENSE = {"hidden": [32], "nonlinearity": "tanh"}
POOLED = {"channels": 4, "pieces": 2, "kernel": 3, "pad": 1, "pool": 2, "pool_stride": 2}
GAN_GENERATOR = {"hidden": [[12, "relu"], [200, "sigmoid"]], "output": "linear", "weight_range": 0.5,
                 "output_range": 0.5}  # fmt: skip
GAN_DISCRIMINATOR = {"hidden": [[6, 5]], "weight_range": 0.5, "keep_input": 0.8, "keep_hidden": 0.5}
DELIGAN = recipe_of("deligan", "digits").network


def gan(generator: Any = None, discriminator: Any = None) -> dict[str, Any]:
    sides = {"generator": (GAN_GENERATOR, generator), "discriminator": (GAN_DISCRIMINATOR, discriminator)}
    return {side: {**whole, **(changes or {})} for side, (whole, changes) in sides.items()}


def layers(**changes: Any) -> dict[str, Any]:
    return {"convolutional": {**LAYERS, **changes}, "logits": "one"}


def deligan(**changes: Any) -> dict[str, Any]:
    return {"convolutional": {**DELIGAN["convolutional"], **changes}}


TRANSPOSED = {"channels": 2, "kernel": 5, "stride": 3}
# Networks of a model for samples of a shape, and what the sentence says.
WRONG: dict[tuple[str, tuple[int, ...]], list[tuple[dict[str, Any], str]]] = {
    ("gan", (2,)): [
        ({**DENSE, "dropout": 0.5}, r"dropout.*accepted keys: \['generator_hidden', 'hidden', 'nonlin"),
        (gan(None, {"convolutions": [POOLED]}), r"need square images, not samples of shape \(2,\)"),
    ],
    ("gan", (3, 32, 32)): [
        (gan({"hidden": []}), r"generator\.hidden: .*\[\]"),
        (gan(None, {"hidden": [[4, 0]]}), r"discriminator\.hidden\[0\]\[1\]: .*0"),
        (gan(None, {"keep_input": 1.2}), r"discriminator\.keep_input: .*1\.2"),
        (gan({"bias_clip": 1e-7}), "bias_clip 1e-07"),  # from means, of a linear output
        (gan({"hidden": [[150, "relu"]], "transposed": TRANSPOSED}), "the 150 units before it must fill"),
        (gan({"transposed": {**TRANSPOSED, "kernel": 4}}), "makes images of side 31"),
        (gan(None, {"convolutions": [{**POOLED, "pool_stride": 3}]}), "does not fit maps of side 32"),
    ],
    ("dcgan", (1, 8, 8)): [
        ({**DCGAN, "kernel": 4}, "kernel 4"),
        ({**DCGAN, "generator": [[4, 0, 1]]}, "generator"),
        ({**DCGAN, "generator": [[4, 0], [1, 3]]}, "cannot end in images"),
        ({**DCGAN, "discriminator": [[4, 0]]}, "discriminator"),
        ({**DCGAN, "kind": "recurrent"}, "kind is 'recurrent'; accepted: convolutional, conditional, dense"),
        ({**DCGAN, "guidelines": {"leak": 1.5}}, "guidelines.leak: .*1.5"),
        ({**CONDITIONAL, "dense": []}, r"dense layers \[\]"),
        (CONDITIONAL, "0 classes"),
    ],
    ("improved_gan", (2,)): [({"points": {**POINTS, "hidden": []}, "logits": "one"}, r"points\.hidden: .*\[\]")],
    ("improved_gan", (1, 8, 8)): [
        ({"dense": IMPROVED, "convolutional": LAYERS}, "write one of dense, convolutional and points"),
        ({}, "write one of dense, convolutional and points"),
        ({"dense": {**IMPROVED, "generator": []}}, r"dense\.generator: .*\[\]"),
        ({"dense": IMPROVED}, "logits classes needs a data set with classes"),
        (layers(generator_norm="virtual"), "reference 0 and generator_norm virtual"),
        (layers(reference=5), "reference 5 and generator_norm batch"),
        (layers(generator=[2] * 4), r"cannot end in images of shape \(1, 8, 8\)"),
        (layers(discriminator=[{"channels": 1, "kernel": 9}]), "layer 1 of 1 leaves"),
    ],
    ("deligan", (1, 8, 8)): [
        (deligan(minibatch=[0, 5]), r"minibatch\[0\]: .*0"),
        (deligan(minibatch=[16]), "minibatch"),
        (deligan(pool=3), "pool 3 does not fit maps of 2×2"),
        (deligan(generator=[[16, 1, 2], [1, 3, 1]]), "no kernel is smaller than its stride"),
        (deligan(generator=[[16, 3, 2], [2, 3, 1]]), "its last layer has their channels"),
        (deligan(discriminator=[]), "layers"),
        ({}, "network of deligan"),
        ({**DELIGAN, "class_logits": True}, "network of deligan"),
        ({**DELIGAN, "latent_layer": -1}, "network of deligan"),
    ],
}


@pytest.mark.parametrize(
    ("model", "shape", "network", "sentence"), [(*key, *case) for key, cases in WRONG.items() for case in cases]
)
def test_what_a_network_may_not_be_is_one_sentence(
    model: str, shape: tuple[int, ...], network: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(InputError, match=f"(?i){sentence}") as error:
        load(model).build(network, Prior(), 5, shape)
    assert "\n" not in str(error.value) and str(error.value).endswith(".")
    assert model != "gan" or str(error.value).startswith("params.yaml: network of gan: ")


@pytest.mark.parametrize(("model", "accepted"), [("gan", "deligan"), ("dcgan", "deligan"), ("improved_gan", "")])
def test_a_mixture_prior_is_refused_where_it_has_no_effect(model: str, accepted: str) -> None:
    with pytest.raises(InputError, match=f"prior of {model}.*{accepted}"):
        load(model).build({"dense": IMPROVED} if model == "improved_gan" else {}, Prior(components=5), 2, (1, 8, 8), 4)


def test_an_ensemble_makes_points_alone() -> None:
    with pytest.raises(InputError, match="form ensemble makes points"):
        load("deligan").build(DELIGAN, Prior(components=50, form="ensemble"), 30, (1, 8, 8))


@pytest.mark.parametrize(
    "prior",
    [
        {"regulariser": 0.1},
        {"components": 5, "form": "one-hot", "sigma_init": 0.2},
        {"components": 5, "form": "ensemble", "regulariser": 0.1},
        {"form": "ensemble"},
    ],
)
def test_a_priors_key_without_effect_is_refused(prior: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="of form"):
        replace(recipe_of("deligan", "toy-gan"), prior=Prior(**prior))


def test_compiled_loops_refuse_minibatch_discrimination_by_name() -> None:
    recipe = recipe_of("improved_gan", "toy-minibatch", "paper", engine="kernel", initial_images=0)
    networks = builder("improved_gan", recipe, (2,))()
    with pytest.raises(InputError, match="does not compute network: MinibatchDiscrimination; write engine: eager"):
        plan_of(networks, recipe, 8)


@pytest.mark.parametrize(
    ("layers", "shape"),
    [
        ([(8, 1), (1, 2)], (1, 8, 8)),  # the first is not dense
        ([(8, 0), (1, 3)], (1, 8, 8)),  # 8 is no multiple of 3
        ([(8, 0), (4, 2), (2, 2)], (1, 8, 8)),  # two channels for one
        ([(8, 0), (1, 2)], (1, 8, 6)),  # not square
        ([(8, 0), (4, 0), (1, 2)], (1, 8, 8)),  # a second dense one
        ([(8, 0), (4, -2), (1, -2)], (1, 8, 8)),
        ([(0, 0), (1, 2)], (1, 8, 8)),
        ([(8, 0)], (1, 8, 8)),  # no layer that makes the image
        ([], (1, 8, 8)),
    ],
)
def test_generators_that_cannot_end_in_the_images_are_refused(
    layers: list[tuple[int, int]], shape: tuple[int, int, int]
) -> None:
    with pytest.raises(InputError, match=r"^The generator \[.*\] cannot end in images of shape \(1, 8, \d\): .*\.$"):
        ConvolutionalGenerator(4, layers, 3, shape)


@pytest.mark.parametrize("layers", [[], [(4, 0)], [(4, -1)], [(0, 1)]])
def test_discriminators_without_a_convolution_are_refused(layers: list[tuple[int, int]]) -> None:
    with pytest.raises(InputError, match=r"^The discriminator \[.*\] .*\.$"):
        ConvolutionalDiscriminator(layers, 3, (1, 8, 8))


@pytest.mark.parametrize("kernel", [0, 2, 4])
def test_kernels_that_have_no_middle_are_refused(kernel: int) -> None:
    for build in (
        lambda: ConvolutionalGenerator(4, [(8, 0), (1, 2)], kernel, (1, 8, 8)),
        lambda: ConvolutionalDiscriminator([(4, 2)], kernel, (1, 8, 8)),
    ):
        with pytest.raises(InputError, match=rf"kernel {kernel} .*odd.*\.$"):
            build()


@pytest.mark.parametrize("find", [load, source_file])
def test_an_unknown_model_is_one_sentence_with_those_known(find: Callable[[str], object]) -> None:
    with pytest.raises(InputError, match=r"^'wgan' is no model; accepted: gan, dcgan, improved_gan, deligan\.$"):
        find("wgan")
    for model in MODELS:
        assert load(model).__file__ == str(ROOT / source_file(model))
