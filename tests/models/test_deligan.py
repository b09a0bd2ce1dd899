"""DeLiGAN's prior and minibatch layer against their equations in plain loops."""

from __future__ import annotations

from math import exp
from pathlib import Path
from typing import Any

import pytest
import torch

from replication.errors import InputError
from replication.models.deligan import MinibatchDiscrimination, MixturePrior, build
from replication.models.layers import Networks
from replication.params import load_params
from replication.recipes import Recipe

PARAMS = load_params(Path(__file__).parents[2] / "params.yaml")


def networks_of(recipe: Recipe, shape: tuple[int, ...]) -> Networks:
    torch.manual_seed(0)
    return build(recipe.network, recipe.prior, recipe.latent_dim, shape)


def size(module: torch.nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


def test_the_prior_shifts_and_scales_noise_by_its_component() -> None:
    prior = MixturePrior(4, 3, 1.0, 0.2)
    prior.sigma.data.uniform_(-1, 1)
    noise, component = torch.randn(6, 3), torch.tensor([3, 0, 0, 2, 1, 3])
    found = prior(noise, component)
    for row, i in enumerate(component.tolist()):
        for d in range(3):
            expected = prior.mean[i, d].item() + prior.sigma[i, d].item() * noise[row, d].item()
            assert found[row, d].item() == pytest.approx(expected, abs=1e-6)


def test_the_priors_gradient_reaches_the_components_drawn_alone() -> None:
    prior, noise = MixturePrior(3, 2, 1.0, 0.2), torch.randn(4, 2)
    prior(noise, torch.tensor([0, 2, 2, 0])).sum().backward()
    assert prior.mean.grad is not None and prior.sigma.grad is not None
    assert prior.mean.grad.tolist() == [[2, 2], [0, 0], [2, 2]]
    expected = torch.stack([noise[0] + noise[3], torch.zeros(2), noise[1] + noise[2]])
    torch.testing.assert_close(prior.sigma.grad, expected)


def test_means_start_uniform_and_sigmas_at_their_value() -> None:
    torch.manual_seed(0)
    prior = MixturePrior(50, 40, 0.7, 0.02)
    assert 0.69 < prior.mean.abs().max() <= 0.7
    assert prior.mean.std().item() == pytest.approx(0.7 / 3**0.5, rel=0.05)
    assert torch.equal(prior.sigma, torch.full((50, 40), 0.02))


def test_minibatch_discrimination_is_its_triple_loop() -> None:
    torch.manual_seed(0)
    layer, features = MinibatchDiscrimination(5, 3, 2), torch.randn(4, 5)
    found = layer(features)
    rows = (features @ layer.project.weight.T).reshape(4, 3, 2).tolist()
    for b in range(3):
        closeness = [[exp(-sum(abs(rows[i][b][c] - rows[j][b][c]) for c in range(2))) for j in range(4)]
                     for i in range(4)]  # fmt: skip
        total = sum(map(sum, closeness))
        for i in range(4):
            assert found[i, 5 + b].item() == pytest.approx(sum(closeness[i]) / total, rel=1e-5)
    torch.testing.assert_close(found[:, :5], features)
    assert layer.project.bias is None


def test_a_batch_of_one_image_repeated_is_equally_close() -> None:
    found = MinibatchDiscrimination(5, 3, 2)(torch.ones(8, 5))
    torch.testing.assert_close(found[:, 5:], torch.full((8, 3), 1 / 8))


def test_toy_networks_by_hand() -> None:
    mixture, plain = (networks_of(PARAMS.recipe("deligan", name, "code"), (2,)) for name in ("toy", "toy-gan"))
    assert size(plain.generator) == (2 * 32 + 32) + (32 * 2 + 2)
    assert size(mixture.generator) == size(plain.generator) + 2 * 50 * 2  # μ and σ of 50 components in 2 dimensions
    assert size(mixture.discriminator) == size(plain.discriminator) == (2 * 32 + 32) + (32 + 1)
    assert plain.generator.prior is None
    assert mixture.generator.get_parameter("prior.sigma").unique().item() == pytest.approx(0.02)


def test_image_networks_by_hand() -> None:
    recipes = [PARAMS.recipe("deligan", name, "code") for name in ("digits", "digits-gan")]
    mixture, plain = (networks_of(recipe, (1, 8, 8)) for recipe in recipes)
    body = 30 * 32 * 16 + 2 * 512 + 9 * 32 * 16 + 2 * 16 + (9 * 16 + 1)
    assert size(plain.generator) == body
    assert size(mixture.generator) == body + 2 * 50 * 30
    seen = 32 * 2 * 2
    assert size(mixture.discriminator) == (9 + 1) * 16 + 9 * 16 * 32 + 2 * 32 + seen * 16 * 5 + (seen + 16 + 1)
    images = mixture.generator(torch.randn(7, 30), torch.arange(7))
    assert images.shape == (7, 1, 8, 8)
    assert mixture.discriminator(images).shape == (7,)
    # the prior keeps its own start where the other weights are normal
    assert mixture.generator.get_parameter("prior.mean").abs().max() > 0.9
    assert mixture.generator.get_parameter("prior.sigma").unique().item() == pytest.approx(0.2)
    closeness = mixture.discriminator.get_parameter("before_output.project.weight")
    assert closeness.std().item() == pytest.approx(0.02, rel=0.05)


@pytest.mark.parametrize("change", [{"minibatch": [0, 5]}, {"minibatch": [16, -1]}, {"minibatch": [16]}, {"pool": 4}])
def test_what_an_image_network_may_not_have_is_one_sentence(change: dict[str, Any]) -> None:
    recipe = PARAMS.recipe("deligan", "digits", "code")
    with pytest.raises(InputError, match=next(iter(change))) as error:
        build({**recipe.network, **change}, recipe.prior, recipe.latent_dim, (1, 8, 8))
    assert "\n" not in str(error.value) and str(error.value).endswith(".")


def test_points_take_a_dense_network_and_images_do_not() -> None:
    toy, digits = PARAMS.recipe("deligan", "toy", "code"), PARAMS.recipe("deligan", "digits", "code")
    with pytest.raises(InputError, match="network of deligan: kernel: field required"):
        networks_of(toy, (1, 8, 8))
    with pytest.raises(InputError, match="network of deligan: hidden: field required"):
        networks_of(digits, (2,))
