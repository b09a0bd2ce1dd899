"""Descriptions against counts by hand, one recipe or two of each model."""

from __future__ import annotations

from replication.config.params import Params
from replication.describe.__main__ import Description, describe, to_json, to_text


def rows_of(said: Description) -> list[tuple[str, tuple[int | str, ...] | None, int]]:
    return [(layer.type, layer.output_shape, layer.parameters) for layer in said.tables.layers]


def test_gans_toy_networks_by_hand(params: Params) -> None:
    said = describe(params, "gan", "toy-k5")
    assert rows_of(said) == [
        ("Linear", ("B", 32), 2 * 32 + 32),
        ("Tanh", ("B", 32), 0),
        ("Linear", ("B", 2), 32 * 2 + 2),
        ("Tanh", ("B", 2), 0),
        ("Linear", ("B", 32), 2 * 32 + 32),
        ("Tanh", ("B", 32), 0),
        ("Linear", ("B", 1), 32 + 1),
    ]
    assert said.tables.parameters == {"generator": 162, "discriminator": 129}
    assert to_json(said, ())["updates"] == {"generator": 20000, "discriminator": 100000, "together": 120000}


def test_a_conditional_dcgan_by_hand(params: Params) -> None:
    """A label joins as ten units or channels before every layer; batch normalisation has neither gain nor bias."""
    said = describe(params, "dcgan", "mnist-conditional")
    area, ten, kernel = 7 * 7, 10, 5 * 5
    generator = (100 + ten) * 1024 + (1024 + ten) * 128 * area
    generator += ((128 + ten) * 64 + (64 + ten) * 1) * kernel
    discriminator = ((1 + ten) * 64 + (64 + ten) * 128) * kernel + (128 * area + ten) * 1024 + (1024 + ten)
    assert said.tables.parameters == {"generator": generator, "discriminator": discriminator}
    found = to_json(said, ())
    assert found["conditional"] and found["classes"] == 10
    assert found["in_words"]["labels"] == "given to the generator as a condition; none learnt"


def test_deligans_toy_by_hand(params: Params) -> None:
    said = describe(params, "deligan", "toy")
    assert rows_of(said)[0] == ("MixturePrior", ("B", 2), 50 * 2 + 50 * 2)
    assert said.tables.parameters == {"generator": 200 + 162, "discriminator": 129}
    found = to_json(said, ())
    assert found["updates"] == {"generator": None, "discriminator": None, "together": 320000}
    assert found["prior"] | {"components": 50, "component": "sampled", "sigma_init": 0.2} == found["prior"]
    code = to_json(describe(params, "deligan", "toy", "code"), ())
    assert code["prior"] | {"component": "row", "sigma_init": 0.02} == code["prior"]
    assert (found["variant"], found["variants"]) == ("paper", ["paper", "code"])
    assert "variant paper (--variant code describes the other)" in to_text(said, ())
