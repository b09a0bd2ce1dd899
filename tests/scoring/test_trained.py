"""What is read of a trained cell, what of it is refused, and how samples are drawn."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from replication.errors import InputError
from replication.models import load
from replication.models.layers.networks import Networks
from replication.params import load_params
from replication.recipes import Noise, Prior, Recipe
from replication.seeding import generator as stream_of
from replication.training.draws import draw_noise
from replication.training.sampling import draw_samples, read_trained
from replication.training.state import initial_state, weights_of

PARAMS = load_params(Path(__file__).parents[2] / "params.yaml")
TOY = replace(PARAMS.recipe("gan", "toy-k1", "paper"), batch=4)
CONVOLUTIONAL = replace(
    PARAMS.recipe("dcgan", "digits", "paper"),
    batch=6,
    latent_dim=3,
    network={"kernel": 3, "init_std": 0.5, "generator": [[4, 0], [1, 2]], "discriminator": [[2, 1]]},
)


def build_toy() -> Networks:
    return load("gan").build(TOY.network, TOY.prior, TOY.latent_dim, (2,))


def build_convolutional(seed: int = 0) -> Networks:
    torch.manual_seed(seed)
    return load("dcgan").build(CONVOLUTIONAL.network, CONVOLUTIONAL.prior, CONVOLUTIONAL.latent_dim, (1, 8, 8))


@pytest.fixture
def cell(tmp_path: Path) -> Path:
    directory = tmp_path / "cpu-toy"
    directory.mkdir()
    state = weights_of(initial_state(build_toy, TOY, (5, 6)))
    for step in (0, 10):
        save_file({name: tensor + step for name, tensor in state.items()}, directory / f"step{step}.safetensors")
    save_file({"losses": torch.ones(2, 3, 2)}, directory / "history.safetensors")
    (directory / "provenance.json").write_text(json.dumps({"steps": [0, 10], "window": 5}), encoding="utf-8")
    return directory


def test_a_cell_is_read_as_written(cell: Path) -> None:
    trained, start = read_trained(cell), initial_state(build_toy, TOY, (5, 6))
    assert (trained.steps, trained.history.shape, trained.provenance["window"]) == ((0, 10), (2, 3, 2), 5)
    for index in range(2):
        networks = trained.networks(build_toy, 10, index)
        for side, network in zip(("generator", "discriminator"), networks, strict=True):
            for name, tensor in network.state_dict().items():
                assert torch.equal(tensor, start[f"{side}.{name}"][index] + 10)


@pytest.mark.parametrize("file", ["", "provenance.json", "step10.safetensors", "history.safetensors"])
def test_what_is_missing_is_named_with_its_mend(cell: Path, file: str) -> None:
    if file:
        (cell / file).unlink()
    directory = cell if file else cell.parent / "cpu-other"
    with pytest.raises(InputError) as error:
        read_trained(directory)
    assert error.match(rf"^There is no {directory}.*: run `uv run python -m replication.train {directory.name}`\.$")


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("provenance.json", b"{"),
        ("provenance.json", b"\xff\xfe"),
        ("provenance.json", b"{}"),
        ("provenance.json", b"[]"),
        ("provenance.json", b'{"steps": 5}'),
        ("step10.safetensors", b"no tensors"),
        ("step10.safetensors", b""),
        ("history.safetensors", b"\x02\0\0\0\0\0\0\0{}"),
    ],
)
def test_what_is_damaged_is_one_sentence(cell: Path, file: str, content: bytes) -> None:
    (cell / file).write_bytes(content)
    with pytest.raises(InputError) as error:
        read_trained(cell)
    assert error.match(r"does not hold what training wrote \(.+\): run `uv run python -m replication.train cpu-toy`\.$")


def test_half_a_file_is_refused(cell: Path) -> None:
    whole = (cell / "step0.safetensors").read_bytes()
    (cell / "step0.safetensors").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InputError, match="does not hold what training wrote"):
        read_trained(cell)


def test_samples_are_a_function_of_seed_and_purpose() -> None:
    def draw(seed: int, purpose: str) -> torch.Tensor:
        torch.rand(1)  # torch's own stream must not count
        return draw_samples(generator, TOY, TOY.noise, seed, purpose, 10)

    generator = build_toy().generator
    assert torch.equal(draw(3, "samples"), draw(3, "samples"))
    assert not torch.equal(draw(3, "samples"), draw(4, "samples"))
    assert not torch.equal(draw(3, "samples"), draw(3, "others"))


@pytest.mark.parametrize("recipe", [TOY, CONVOLUTIONAL], ids=["dense", "convolutional"])
def test_fewer_samples_are_the_first_of_whole_batches(recipe: Recipe) -> None:
    generator = build_toy().generator if recipe is TOY else build_convolutional().generator
    whole = draw_samples(generator, recipe, recipe.noise, 1, "samples", 2 * recipe.batch)
    part = draw_samples(generator, recipe, recipe.noise, 1, "samples", recipe.batch + 1)
    assert part.shape == (recipe.batch + 1, *whole.shape[1:])
    assert torch.equal(part, whole[: recipe.batch + 1])
    assert not part.requires_grad


def test_samples_are_the_generator_at_the_noise_of_the_stream() -> None:
    generator = build_toy().generator
    noise = draw_noise(Noise("normal", 2.0), stream_of(9, "samples"), (3, TOY.batch, TOY.latent_dim))
    found = draw_samples(generator, TOY, Noise("normal", 2.0), 9, "samples", 12)
    torch.testing.assert_close(found, generator.body(torch.from_numpy(noise.reshape(12, -1))))


@torch.no_grad()
def test_batch_normalisation_takes_each_batchs_own_statistics() -> None:
    generator = build_convolutional().generator
    for name, buffer in generator.named_buffers():
        if "running" in name:
            buffer.fill_(7.0)
    found = draw_samples(generator.eval(), CONVOLUTIONAL, CONVOLUTIONAL.noise, 2, "samples", 12)
    noise = torch.from_numpy(draw_noise(CONVOLUTIONAL.noise, stream_of(2, "samples"), (2, 6, 3)))
    project, stack = generator.body.get_submodule("project"), generator.body.get_submodule("stack")
    weight, gain, bias = (project.get_parameter(name) for name in ("0.weight", "1.weight", "1.bias"))
    for index, batch in enumerate(noise):
        units = batch @ weight.T
        units = (units - units.mean(0)) / (units.var(0, correction=0) + 1e-8).sqrt() * gain + bias
        expected = stack(units.clamp(min=0).reshape(6, 4, 4, 4))
        torch.testing.assert_close(found[6 * index : 6 * index + 6], expected, rtol=1e-4, atol=1e-5)


def test_component_i_is_row_i_of_every_batch() -> None:
    recipe = replace(TOY, prior=Prior(components=4, sigma_init=0.0))
    generator = load("deligan").build(recipe.network, recipe.prior, recipe.latent_dim, (2,)).generator
    samples = draw_samples(generator, recipe, recipe.noise, 0, "samples", 12).numpy().reshape(3, 4, 2)
    np.testing.assert_allclose(samples[1:], samples[[0, 0]], rtol=1e-5)
    assert len(np.unique(samples[0].round(4), axis=0)) == 4
