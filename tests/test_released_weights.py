"""Released arrays as networks: against Theano's convolution written out, and refused where a file is damaged."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable
from itertools import product
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from replication.foundation.errors import InputError
from replication.models.layers.samples import as_samples
from replication.released.weights import NETWORKS, ReleasedNetwork, read_discriminator, read_generator

SHARED = Path(__file__).parents[2] / "shared" / "data" / "dcgan-released"
NEEDS_ARRAYS = pytest.mark.skipif(not SHARED.is_dir(), reason="the released arrays are not on this machine")
TINY = {
    3: ReleasedNetwork("tiny3", 3, ((2, 1), (3, 2), (2, 1)), ((4, 0), (3, 2), (2, 1), (3, 1)), 5, "uniform", (3, 8, 8)),
    5: ReleasedNetwork("tiny5", 5, ((2, 2), (3, 1)), ((2, 0), (3, 2), (3, 2)), 4, "gaussian", (3, 8, 8)),
}


Arrays = list[np.ndarray]


def file_of(number: int, net: str = "discrim", epoch: int = 7) -> str:
    return f"{epoch}_{net}_params.jl_{number:02d}.npy"


def write_release(folder: Path, network: ReleasedNetwork, net: str = "discrim", spread: float = 1.0) -> Arrays:
    """Random arrays of a network, as its release would hold them."""
    stream = np.random.default_rng(0)
    shapes = network.discriminator_shapes if net == "discrim" else network.generator_shapes
    arrays = [stream.normal(0.2, spread, shape).astype(np.float32) for shape in shapes]
    for number, array in enumerate(arrays, start=1):
        np.save(folder / file_of(number, net), array)
    return arrays


def theano_convolution(images: np.ndarray, kernels: np.ndarray, stride: int, border: int) -> np.ndarray:
    """y[n, o, i, j] = Σ w[o, c, u, v] · x[n, c, is + k−1−u, js + k−1−v], x padded by `border` zeros on every side."""
    (count, channels, side, _), (outputs, _, size, _) = images.shape, kernels.shape
    padded = np.pad(images.astype(np.float64), ((0, 0), (0, 0), (border, border), (border, border)))
    reach = (side + 2 * border - size) // stride + 1
    result = np.zeros((count, outputs, reach, reach))
    for i, j, u, v, c in product(range(reach), range(reach), range(size), range(size), range(channels)):
        seen = padded[:, c, i * stride + size - 1 - u, j * stride + size - 1 - v]  # [n]
        result[:, :, i, j] += seen[:, None] * kernels[None, :, c, u, v]
    return result


def theano_deconvolution(maps: np.ndarray, kernels: np.ndarray, stride: int, border: int) -> np.ndarray:
    """Its gradient with respect to images of side · stride: each output hands its share back."""
    (count, inputs, side, _), (_, channels, size, _) = maps.shape, kernels.shape
    whole = side * stride + 2 * border
    padded = np.zeros((count, channels, whole, whole))
    for i, j, u, v, o in product(range(side), range(side), range(size), range(size), range(inputs)):
        share = maps[:, o, i, j, None] * kernels[o, :, u, v]  # [n, c]
        padded[:, :, i * stride + size - 1 - u, j * stride + size - 1 - v] += share
    return padded[:, :, border : whole - border, border : whole - border]


def normalised(values: np.ndarray, gain: np.ndarray, bias: np.ndarray) -> np.ndarray:
    """By mean and biased variance of the batch, per unit [n, u] or channel [n, c, h, w], with eps 1e-8."""
    axes = (0, 2, 3) if values.ndim == 4 else (0,)
    shape = (1, -1, 1, 1) if values.ndim == 4 else (1, -1)
    centred = values - values.mean(axes, keepdims=True)
    scaled = centred / np.sqrt((centred**2).mean(axes, keepdims=True) + 1e-8)
    return scaled * gain.reshape(shape) + bias.reshape(shape)


def leaky(values: np.ndarray) -> np.ndarray:
    return np.where(values > 0, values, 0.2 * values)


@pytest.mark.parametrize("kernel", TINY)
def test_every_convolution_is_theanos(tmp_path: Path, kernel: int) -> None:
    network = TINY[kernel]
    arrays = write_release(tmp_path, network)
    images = np.random.default_rng(1).integers(0, 256, (6, 3, 8, 8), dtype=np.uint8)
    released = read_discriminator(tmp_path, tuple(TINY.values()))
    assert released.network == network and released.epoch == 7 and not released.missing
    strides = [stride for _, stride in network.discriminator]
    maps: Arrays = [leaky(theano_convolution(images / 127.5 - 1.0, arrays[0], strides[0], kernel // 2))]
    for index, stride in enumerate(strides[1:]):
        weights, gain, bias = arrays[1 + 3 * index : 4 + 3 * index]
        maps.append(leaky(normalised(theano_convolution(maps[-1], weights, stride, kernel // 2), gain, bias)))
    logits = (maps[-1].reshape(6, -1) @ arrays[-1])[:, 0]
    with torch.no_grad():
        judged = released.discriminator.train()(as_samples(torch.from_numpy(images)))
    assert len(judged.features) == len(maps)
    for features, expected in zip(judged.features, maps, strict=True):
        np.testing.assert_allclose(features.numpy(), expected, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(judged.logits.numpy(), logits, rtol=1e-4, atol=1e-3)


@pytest.mark.parametrize("kernel", TINY)
def test_a_transposed_convolution_is_the_gradient_of_theanos(tmp_path: Path, kernel: int) -> None:
    network = TINY[kernel]
    arrays = write_release(tmp_path, network, "gen")
    latent = np.random.default_rng(2).normal(size=(6, network.latent_dim)).astype(np.float32)
    values = np.maximum(normalised(latent @ arrays[0], arrays[1], arrays[2]), 0.0)
    channels = network.generator[0][0]
    side = int((values.shape[1] / channels) ** 0.5)
    values = values.reshape(6, channels, side, side)
    for index, (_, stride) in enumerate(network.generator[1:]):
        values = theano_deconvolution(values, arrays[3 + 3 * index], stride, kernel // 2)
        if index < len(network.generator) - 2:
            values = np.maximum(normalised(values, *arrays[4 + 3 * index : 6 + 3 * index]), 0.0)
    released = read_generator(tmp_path, tuple(TINY.values()))
    with torch.no_grad():
        samples = released.generator(torch.from_numpy(latent))
    np.testing.assert_allclose(samples.numpy(), np.tanh(values), rtol=1e-3, atol=1e-3)


def test_the_known_networks_have_the_published_sizes() -> None:
    """DCGAN §5.1: 28 672 features, at most 512 units a layer; the arrays counted in the release's two folders."""
    imagenet, svhn = NETWORKS
    assert 16 * sum(channels for channels, _ in imagenet.discriminator) == 28_672
    assert [len(each.discriminator_shapes) for each in NETWORKS] == [17, 8]
    assert [len(each.generator_shapes) for each in NETWORKS] == [19, 10]
    assert imagenet.discriminator_shapes[-1] == (8192, 1) and svhn.discriminator_shapes[-1] == (4096, 1)


@pytest.mark.parametrize(
    ("lost", "layers", "what"),
    [
        ([2], 1, ["kernel of convolution 2"]),
        ([6], 2, ["batch-norm gain of convolution 3"]),
        ([4, 5], 1, ["batch-norm bias of convolution 2", "kernel of convolution 3"]),
        ([8], 3, ["dense output"]),
    ],
)
def test_layers_before_the_first_gap_are_used(tmp_path: Path, lost: list[int], layers: int, what: list[str]) -> None:
    write_release(tmp_path, TINY[3])
    images = torch.rand(4, 3, 8, 8)
    whole = read_discriminator(tmp_path, [TINY[3]])
    for number in lost:
        (tmp_path / file_of(number)).unlink()
    released = read_discriminator(tmp_path, [TINY[3]])
    assert released.layers == layers and [gap.what for gap in released.missing] == what
    assert [gap.file for gap in released.missing] == [file_of(number) for number in lost]
    assert released.sha256 != whole.sha256
    features, expected = released.discriminator.features(images), whole.discriminator.features(images)[:layers]
    assert all(map(torch.equal, features, expected)) and len(features) == layers
    assert released.discriminator(images).logits.isnan().all()


def test_a_generator_needs_every_array(tmp_path: Path) -> None:
    write_release(tmp_path, TINY[3], "gen")
    (tmp_path / file_of(5, "gen")).unlink()
    with pytest.raises(InputError, match=f"lacks {file_of(5, 'gen')} of the tiny3 generator"):
        read_generator(tmp_path, [TINY[3]])


@NEEDS_ARRAYS
def test_the_released_generator_draws_smooth_images() -> None:
    """Kernels mirrored one way, the other or both (as without Theano's flip) tear the images apart."""
    released = read_generator(SHARED / "svhn32")
    latent = torch.from_numpy(np.random.default_rng(0).standard_normal((64, 100)).astype(np.float32))

    roughness: list[float] = []
    for axes in ((), (2,), (3,), (2,)):  # as it is, then mirrored across rows, both, and columns alone
        for module in released.generator.modules():
            if isinstance(module, nn.ConvTranspose2d):
                module.weight.data = module.weight.data.flip(axes)
        with torch.no_grad():
            images = released.generator(latent)
        bends = (images.diff(n=2, dim=axis).abs().mean() for axis in (2, 3))
        roughness.append(float(sum(bends) / images.std()))
    assert roughness[0] == min(roughness), roughness


@NEEDS_ARRAYS
def test_the_released_discriminators_are_read() -> None:
    svhn, imagenet = (read_discriminator(SHARED / name) for name in ("svhn32", "imagenet32"))
    assert (svhn.layers, svhn.epoch, svhn.missing) == (3, 200, ())
    assert imagenet.epoch == 30 and imagenet.layers == min([6, *(gap.layer - 1 for gap in imagenet.missing)])


DAMAGES = {
    "truncated": lambda path: path.write_bytes(path.read_bytes()[:-5]),
    "infinite": lambda path: np.save(path, np.full_like(np.load(path), np.nan)),
    "integers": lambda path: np.save(path, np.load(path).astype(int)),
    "another shape": lambda path: np.save(path, np.zeros((3, 2, 5, 5), np.float32)),
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_a_damaged_file_is_named(tmp_path: Path, damage: Callable[[Path], object]) -> None:
    write_release(tmp_path, TINY[3])
    damage(tmp_path / file_of(2))
    with pytest.raises(InputError, match=file_of(2)):
        read_discriminator(tmp_path, [TINY[3]])


def test_a_folder_that_is_no_release_is_refused(tmp_path: Path) -> None:
    write_release(tmp_path, TINY[3])

    def refused(words: str, folder: Path = tmp_path, networks: Iterable[ReleasedNetwork] = (TINY[3],)) -> None:
        with pytest.raises(InputError, match=words):
            read_discriminator(folder, tuple(networks))

    (tmp_path / "empty").mkdir()
    refused("none", tmp_path / "none")
    refused("empty", tmp_path / "empty")
    refused(r"\[2, 3, 3, 3\].*\[128, 3, 3, 3\]", networks=NETWORKS)
    np.save(tmp_path / file_of(9), np.zeros(2, np.float32))
    refused(file_of(9))
    shutil.copy(tmp_path / file_of(1), tmp_path / file_of(1, epoch=8))
    refused("epochs 7, 8")
    for path in tmp_path.glob("*_01.npy"):
        path.unlink()
    refused("jl_01.npy")
