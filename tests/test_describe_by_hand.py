"""Descriptions against counts by hand, one recipe or two of each model."""

from __future__ import annotations

from replication.config.params import Params
from replication.describe.__main__ import Description, describe, to_text


def rows_of(description: Description) -> list[tuple[str, tuple[int | str, ...] | None, int]]:
    layers = description.tables.layers
    return [(layer.kind.split("(")[0], layer.output_shape, layer.parameters) for layer in layers]


def test_gans_toy_networks_by_hand(params: Params) -> None:
    description = describe(params, "gan", "toy-k5")
    assert rows_of(description) == [
        ("Linear", ("B", 32), 2 * 32 + 32),
        ("Tanh", ("B", 32), 0),
        ("Linear", ("B", 2), 32 * 2 + 2),
        ("Tanh", ("B", 2), 0),
        ("Linear", ("B", 32), 2 * 32 + 32),
        ("Tanh", ("B", 32), 0),
        ("Linear", ("B", 1), 32 + 1),
    ]
    assert description.tables.parameters == {"generator": 162, "discriminator": 129}
    assert '{"generator": 20000, "discriminator": 100000, "together": 120000}' in to_text(description, ())


def test_a_conditional_dcgan_by_hand(params: Params) -> None:
    """A label joins as ten units or channels before every layer; batch normalisation has neither gain nor bias."""
    description = describe(params, "dcgan", "mnist-conditional")
    area, ten, kernel = 7 * 7, 10, 5 * 5
    generator = (100 + ten) * 1024 + (1024 + ten) * 128 * area
    generator += ((128 + ten) * 64 + (64 + ten) * 1) * kernel
    discriminator = ((1 + ten) * 64 + (64 + ten) * 128) * kernel + (128 * area + ten) * 1024 + (1024 + ten)
    assert description.tables.parameters == {"generator": generator, "discriminator": discriminator}
    assert description.tables.conditional and "samples of 1×28×28, 10 classes" in to_text(description, ())


def test_deligans_toy_by_hand(params: Params) -> None:
    description = describe(params, "deligan", "toy")
    assert rows_of(description)[0] == ("MixturePrior", ("B", 2), 50 * 2 + 50 * 2)
    assert description.tables.parameters == {"generator": 200 + 162, "discriminator": 129}
    assert description.recipe.prior.sigma_init == 0.2
    assert describe(params, "deligan", "toy", "code").recipe.prior.sigma_init == 0.02
    assert "variant paper of paper, code" in to_text(description, ())
