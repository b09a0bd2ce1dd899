"""Models by name, and GAN's own networks."""

from __future__ import annotations

from pathlib import Path

import pytest

from replication.config.recipes import Prior
from replication.foundation.errors import InputError
from replication.models import MODELS, load, source_file

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("model", MODELS)
def test_a_model_is_the_module_of_its_source_file(model: str) -> None:
    module = load(model)
    assert callable(module.build)
    assert module.__file__ is not None
    assert Path(module.__file__) == ROOT / source_file(model)


@pytest.mark.parametrize("find", [load, source_file])
def test_an_unknown_model_is_one_sentence_with_those_known(find: object) -> None:
    assert callable(find)
    with pytest.raises(InputError, match=r"^'wgan' is no model; accepted: gan, dcgan, improved_gan, deligan\.$"):
        find("wgan")


@pytest.mark.parametrize(
    ("network", "message"),
    [
        ({"hidden": [32], "nonlinearity": "maxout"}, r"nonlinearity.*got 'maxout'"),
        ({"hidden": [32]}, "nonlinearity"),
        (
            {"hidden": [32], "nonlinearity": "tanh", "dropout": 0.5},
            r"dropout.*accepted keys: \['generator_hidden', 'hidden', 'nonlin",
        ),
        ({"hidden": "32", "nonlinearity": "tanh"}, r"hidden.*got '32'"),
    ],
)
def test_what_a_dense_network_may_not_have_is_one_sentence(network: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=f"^params.yaml: network of gan: {message}") as error:
        load("gan").build(network, Prior(), 2, (2,))
    assert "\n" not in str(error.value) and str(error.value).endswith(".")


@pytest.mark.parametrize("model", ["gan", "dcgan"])
def test_a_mixture_prior_is_refused_where_it_has_no_effect(model: str) -> None:
    with pytest.raises(InputError, match=f"prior of {model}.*deligan"):
        load(model).build({}, Prior(components=5), 2, (2,))
