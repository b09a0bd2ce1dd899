"""The smoke check: it sees wrong numbers, is not stopped by what is slow or fails, and times what it says."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from benchmarks.speed import smoke
from benchmarks.speed.cases import Work
from replication.models.layers.minibatch import MinibatchDiscrimination
from replication.training.units import Unit, Units
from tests.in_small import own_params

PARAMS = own_params()


@pytest.fixture(scope="module")
def work() -> Work:
    """Improved GAN with small layers, and few labels."""
    whole = smoke.work_of("improved_gan", "mnist-100", PARAMS)
    network = {"dense": {"generator": [8], "discriminator": [8, 6], "input_noise": 0.3, "hidden_noise": 0.5}}
    recipe = replace(whole.recipe, batch=20, latent_dim=4, network=network, initial_images=50)

    def build() -> smoke.Networks:
        return smoke.load("improved_gan").build(network, recipe.prior, 4, smoke.SHAPE, smoke.CLASSES)

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


@pytest.mark.parametrize("form", smoke.FORMS)
def test_a_layer_of_other_distances_is_seen(form: smoke.MinibatchForm, monkeypatch: pytest.MonkeyPatch) -> None:
    assert smoke.layer_difference(form, "cpu") < 1e-5 and smoke.distance_difference("cpu") < 1e-5

    def euclidean(left: Tensor, right: Tensor, p: float) -> Tensor:
        return torch.linalg.vector_norm(left[:, :, None] - right[:, None] + 1e-12, dim=3)

    right = MinibatchDiscrimination.forward
    with monkeypatch.context() as wrong:
        wrong.setattr(MinibatchDiscrimination, "forward", lambda self, features: right(self, 1.001 * features))
        assert smoke.layer_difference(form, "cpu") > 1e-4
    monkeypatch.setattr(torch, "cdist", euclidean)
    assert smoke.distance_difference("cpu") > 1e-2


def test_only_wrong_numbers_count(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def fails() -> float:
        raise RuntimeError("out of memory\nand more")

    left: list[int] = []
    monkeypatch.setattr(smoke.os, "_exit", left.append)
    for measure, allowed, wrong in (
        (lambda: 1e9, None, False),
        (fails, None, False),
        (lambda: 1e-3, 1e-2, False),
        (lambda: 1e-1, 1e-2, True),
        (lambda: float("nan"), 1e-2, True),
        (fails, 1e-2, True),
    ):
        tasks = [smoke.Task("first", measure, allowed), smoke.Task("second", measure)]
        record = smoke.Record(tasks)
        record.run(tasks[0])
        assert record.wrong is wrong and ("WRONG" in capsys.readouterr().out) is wrong
        record.stop()
        assert left.pop() == int(wrong) and "left out: second" in capsys.readouterr().out


@pytest.mark.integration
def test_every_recipe_is_checked_and_timed() -> None:
    works = [smoke.work_of(model, name, PARAMS) for model, name in smoke.RECIPES]
    tasks = smoke.tasks_of(works, "cpu", 1)
    for work in works:
        kinds = [task.allowed is None for task in tasks if task.name.startswith(f"{work.title}:")]
        assert kinds.count(False) >= 1 and kinds.count(True) >= 2


@pytest.mark.slow
def test_the_command_ends_well_on_a_processor(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        smoke.main(["--limit", "600"])
    assert ended.value.code == 0 and "WRONG" not in capsys.readouterr().out
