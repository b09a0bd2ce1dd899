"""PCA against scikit-learn, densities and errors written out, and the stacked autoencoder against plain layers."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.decomposition import PCA
from torch import nn

from replication.config.experiments import Autoencoder
from replication.experiments import latent_dimension
from replication.experiments.latent_dimension import error_gradients, initial_weights, reconstruct, train_autoencoders
from replication.foundation.errors import InputError
from replication.foundation.runtime import side_by_side
from replication.metrics import reconstruction
from replication.metrics.reconstruction import image_distance, log_density, principal_components, squared_errors

STREAM = np.random.default_rng(0)
IMAGES = STREAM.normal(size=(40, 6)) @ STREAM.normal(size=(6, 6)) + 2.0
NEW = STREAM.normal(size=(15, 6)) + 2.0


@pytest.mark.parametrize("width", [1, 3, 6])
def test_components_are_scikit_learn_s(width: int) -> None:
    reference: Any = PCA(width, svd_solver="full").fit(IMAGES)
    result = principal_components(IMAGES, width)
    assert np.abs(result.components @ reference.components_.T) == pytest.approx(np.eye(width), abs=1e-9)
    assert result.reconstruct(NEW) == pytest.approx(reference.inverse_transform(reference.transform(NEW)))
    assert np.abs(result.encode(NEW)) == pytest.approx(np.abs(reference.transform(NEW)))


@pytest.mark.parametrize("width", [0, 7])
def test_a_width_that_the_images_do_not_have_is_refused(width: int) -> None:
    with pytest.raises(InputError, match=f"40 images of 6 pixels has no {width} components; name 1 to 6"):
        principal_components(IMAGES, width)


def test_errors_are_means_over_the_pixels_of_each_image() -> None:
    reconstructed = np.stack([IMAGES + 1.0, IMAGES - 2.0])
    assert squared_errors(IMAGES, reconstructed) == pytest.approx(np.repeat([[1.0], [4.0]], 40, axis=1))


def test_the_density_is_a_mean_of_gaussian_kernels() -> None:
    codes, points = IMAGES[:, :2], NEW[:4, :2]
    covariance = np.cov(codes.T) * len(codes) ** (-2 / (2 + 4))
    constant = 2 * math.pi * math.sqrt(np.linalg.det(covariance))
    for point, result in zip(points, log_density(codes, points), strict=True):
        kernels = [math.exp(-0.5 * (point - c) @ np.linalg.inv(covariance) @ (point - c)) / constant for c in codes]
        assert result == pytest.approx(math.log(np.mean(kernels)))


def test_draws_of_the_density_spread_as_codes_and_kernel_together() -> None:
    codes = IMAGES[:, :2]
    drawn = reconstruction.draw_codes(codes, 40_000, np.random.default_rng(1))
    wider = np.cov(codes.T, bias=True) + np.cov(codes.T) * len(codes) ** (-2 / (2 + 4))
    np.testing.assert_allclose(np.cov(drawn.T), wider, rtol=0.05, atol=0.1)
    assert drawn.mean(axis=0) == pytest.approx(codes.mean(axis=0), abs=0.1)


def test_the_distance_of_images_is_the_energy_distance_written_out() -> None:
    between = np.mean([np.linalg.norm(a - b) for a in IMAGES for b in NEW])
    within = [np.mean([np.linalg.norm(a - b) for i, a in enumerate(z) for b in z[:i]]) for z in (IMAGES, NEW)]
    assert image_distance(IMAGES, NEW) == pytest.approx(2 * between - sum(within))
    assert image_distance(NEW + 5.0, NEW) > 5 > image_distance(NEW[:8], NEW[8:])


def test_codes_in_a_plane_have_no_density() -> None:
    flat = np.column_stack([IMAGES[:, 0], 2 * IMAGES[:, 0]])
    with pytest.raises(InputError, match="40 codes do not span their 2 latent dimensions.*lower the width"):
        log_density(flat, flat)


SHORT = Autoencoder(hidden=16, updates=30, batch=10, learning_rate=0.01)


def images(count: int = 40, dimensions: int = 6) -> np.ndarray:
    return np.random.default_rng(0).uniform(size=(count, dimensions))


def layers_of(weights: list[torch.Tensor], seed: int) -> list[nn.Linear]:
    layers = []
    for matrix, bias in zip(weights[::2], weights[1::2], strict=True):
        layer = nn.Linear(matrix.shape[1], matrix.shape[2])
        layer.load_state_dict({"weight": matrix[seed].T, "bias": bias[seed, 0]})
        layers.append(layer)
    return layers


def test_it_is_four_dense_layers_with_relu_in_the_hidden_ones() -> None:
    weights = initial_weights(6, 2, 16, [0, 1, 2])
    inputs = torch.from_numpy(images().astype(np.float32))
    for seed in range(3):
        each, two, three, four = layers_of(weights, seed)
        with torch.no_grad():
            codes = two(torch.relu(each(inputs)))
            outputs = four(torch.relu(three(codes)))
        assert latent_dimension.encode(weights, images())[seed] == pytest.approx(codes.numpy(), abs=1e-6)
        assert reconstruct(weights, images())[seed] == pytest.approx(outputs.numpy(), abs=1e-6)


def test_initial_weights_have_the_spread_of_a_dense_layer() -> None:
    weights = initial_weights(64, 8, 128, [0])
    reference = nn.Linear(64, 128)
    assert weights[0].std().item() == pytest.approx(reference.weight.std().item(), rel=0.05)
    assert weights[0].abs().max().item() == pytest.approx(1 / 8, rel=0.01)
    assert weights[1].abs().max().item() <= 1 / 8 and weights[2].abs().max().item() <= 128**-0.5


def test_gradients_are_those_of_automatic_differentiation() -> None:
    weights = initial_weights(6, 2, 16, [0, 1, 2])
    samples = torch.from_numpy(np.random.default_rng(1).uniform(size=(3, 10, 6)).astype(np.float32))
    result = error_gradients(weights, samples)
    for seed in range(3):
        layers = layers_of(weights, seed)
        each, two, three, four = layers
        outputs = four(torch.relu(three(two(torch.relu(each(samples[seed]))))))
        (outputs - samples[seed]).square().mean().backward()
        for place, layer in enumerate(layers):
            assert layer.weight.grad is not None and layer.bias.grad is not None
            torch.testing.assert_close(result[2 * place][seed], layer.weight.grad.T, rtol=1e-4, atol=1e-6)
            torch.testing.assert_close(result[2 * place + 1][seed, 0], layer.bias.grad, rtol=1e-4, atol=1e-6)


def test_one_update_is_adam_s_on_the_mean_squared_error() -> None:
    """Adam's first step is the rate times the sign of the gradient, whose size is far above epsilon."""
    data = images(10)
    start = initial_weights(6, 2, 16, [3])
    layers = layers_of(start, 0)
    network = nn.Sequential(layers[0], nn.ReLU(), layers[1], layers[2], nn.ReLU(), layers[3])
    inputs = torch.from_numpy(data.astype(np.float32))
    (network(inputs) - inputs).square().mean().backward()
    trained = train_autoencoders(data, 2, replace(SHORT, updates=1), [3])
    gradient = layers[3].bias.grad
    assert gradient is not None
    assert trained[7][0, 0] - start[7][0, 0] == pytest.approx((-0.01 * gradient.sign()).numpy(), abs=1e-5)


def test_a_seed_is_the_same_in_every_block_and_thread() -> None:
    def run(seeds: tuple[int, ...]) -> list[torch.Tensor]:
        return train_autoencoders(images(), 2, SHORT, seeds)

    threads = torch.get_num_threads()
    whole, *parts = side_by_side(run, [(0, 1, 2), (0,), (1,), (2,)], 2)
    torch.set_num_threads(threads)
    for seed, part in enumerate(parts):
        for each, other in zip(whole, part, strict=True):
            assert torch.equal(each[seed], other[0])
    assert not torch.equal(parts[0][0], parts[1][0])


def test_a_line_needs_one_dimension_and_a_small_set_is_one_batch() -> None:
    line = np.linspace(0, 1, 30)[:, None] * np.array([[1.0, 0.5, 0.2, 0.9]])
    trained = train_autoencoders(line, 1, replace(SHORT, updates=400, batch=64), [0, 1])
    errors = np.square(reconstruct(trained, line) - line).mean(axis=(1, 2))
    assert (errors < 0.01 * line.var(axis=0).mean()).all()
