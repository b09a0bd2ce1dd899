"""The smoke check: it sees wrong numbers, and an error does not stop it."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from torch import Tensor

from benchmarks.speed import smoke
from benchmarks.speed.cases import Work, prepare_case
from replication.models import load
from replication.models.layers.networks import Networks
from replication.training.units import Unit, Units
from tests.in_small import own_params

PARAMS = own_params()


@pytest.fixture(scope="module")
def work() -> Work:
    """Improved GAN with small layers, and few labels."""
    whole = prepare_case("improved-mnist", PARAMS, cases=smoke.CASES)
    network = {"dense": {"generator": [8], "discriminator": [8, 6], "input_noise": 0.3, "hidden_noise": 0.5}}
    recipe = replace(whole.recipe, batch=20, latent_dim=4, network=network, initial_images=50)

    def build() -> Networks:
        return load("improved_gan").build(network, recipe.prior, 4, (1, 28, 28), 10)

    return replace(whole, recipe=recipe, build=build)


@pytest.mark.integration
def test_captured_units_that_share_their_draws_are_seen(work: Work, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(smoke.UNITS, "cpu", 4)
    assert smoke.captured_difference(work, "cpu") < 0.01  # seeds that share a graph round otherwise
    at = Units.at

    def first(self: Units, place: int | Tensor) -> Unit:
        """The first unit's draws for every unit that a captured seed asks for."""
        return at(self, place * 0 if isinstance(place, Tensor) else place)

    monkeypatch.setattr(Units, "at", first)
    assert not smoke.captured_difference(work, "cpu") <= 1.0


def test_only_wrong_numbers_count(capsys: pytest.CaptureFixture[str]) -> None:
    def fails() -> float:
        raise RuntimeError("out of memory\nand more")

    for difference, right in ((lambda: 1e-3, True), (lambda: 1e-1, False), (lambda: math.nan, False), (fails, False)):
        assert smoke.check("first", difference, 1e-2) is right
        assert ("WRONG" not in capsys.readouterr().out) is right


@pytest.mark.slow
def test_the_command_ends_well_on_a_processor(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        smoke.main([])
    assert ended.value.code == 0 and "WRONG" not in capsys.readouterr().out
