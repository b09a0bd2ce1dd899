"""The networks that DCGAN's authors released, read from their Theano arrays and built as PyTorch modules.

A release is a folder of `<epoch>_discrim_params.jl_NN.npy` and `<epoch>_gen_params.jl_NN.npy`, numbered in order of
use. Discriminator: the first kernel; kernel, batch-norm gain and bias of each further convolution; the dense output.
Generator: the dense layer's matrix, gain and bias; the same three for each transposed convolution; the last kernel.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor, nn

from replication.foundation.errors import InputError
from replication.foundation.provenance import code_hash
from replication.models.layers.convolutional import ConvolutionalDiscriminator, ConvolutionalGenerator
from replication.released.arrays import ArrayFiles, array_files, read_array

Shape = tuple[int, ...]


@dataclass(frozen=True)
class ReleasedNetwork:
    """What the arrays do not say of a released pair of networks; layers are (channels, stride)."""

    name: str
    kernel: int
    discriminator: tuple[tuple[int, int], ...]
    generator: tuple[tuple[int, int], ...]  # the first is the dense layer
    latent_dim: int
    noise: Literal["uniform", "gaussian"]
    shape: tuple[int, int, int] = (3, 32, 32)

    @property
    def discriminator_shapes(self) -> list[Shape]:
        """Of every array, in order of use: the output is [inputs, 1], kernels are [out, in, k, k]."""
        widths, square = [channels for channels, _ in self.discriminator], (self.kernel, self.kernel)
        shapes: list[Shape] = [(widths[0], self.shape[0], *square)]
        for index, width in enumerate(widths[1:]):
            shapes += [(width, widths[index], *square), (width,), (width,)]
        side = self.shape[1] // prod(stride for _, stride in self.discriminator)
        return [*shapes, (widths[-1] * side * side, 1)]

    @property
    def generator_shapes(self) -> list[Shape]:
        """Of every array, in order of use: the first is [latent, units], kernels are [in, out, k, k]."""
        widths, square = [channels for channels, _ in self.generator], (self.kernel, self.kernel)
        units = widths[0] * (self.shape[1] // prod(stride for _, stride in self.generator[1:])) ** 2
        shapes: list[Shape] = [(self.latent_dim, units), (units,), (units,)]
        for index, width in enumerate(widths[1:]):
            shapes += [(widths[index], width, *square), (width,), (width,)]
        return shapes[:-2]  # the image has no batch normalisation


# Newmu/dcgan_code: imagenet/load_pretrained.py; svhn/svhn_semisup_analysis.py and the name of its release.
NETWORKS = (
    ReleasedNetwork(
        "imagenet32",
        3,
        ((128, 1), (128, 2), (256, 1), (256, 2), (512, 1), (512, 2)),
        ((512, 0), (512, 2), (256, 1), (256, 2), (128, 1), (128, 2), (3, 1)),
        256,
        "uniform",
    ),
    ReleasedNetwork("svhn32", 5, ((64, 2), (128, 2), (256, 2)), ((256, 0), (128, 2), (64, 2), (3, 2)), 100, "gaussian"),
)


@dataclass(frozen=True)
class Missing:
    """An array that the release has and the folder lacks."""

    file: str
    what: str  # such as "kernel of convolution 5"
    layer: int  # the convolution, from 1; one more than there are for the dense output


@dataclass(frozen=True)
class ReleasedDiscriminator:
    """The convolutions up to the first gap. Batch statistics are not part of a release: they are still unset."""

    network: ReleasedNetwork
    discriminator: ConvolutionalDiscriminator  # its logits are NaN unless `missing` is empty
    missing: tuple[Missing, ...]
    epoch: int
    sha256: str  # of every discriminator file in the folder, by name and content

    @property
    def layers(self) -> int:
        """Convolutions that can be used."""
        return len(self.discriminator.blocks)

    @property
    def name(self) -> str:
        """The network's name, and where convolutions lack how many there are: `imagenet32-4-of-6`."""
        whole = len(self.network.discriminator)
        return self.network.name if self.layers == whole else f"{self.network.name}-{self.layers}-of-{whole}"


@dataclass(frozen=True)
class ReleasedGenerator:
    network: ReleasedNetwork
    generator: ConvolutionalGenerator
    epoch: int
    sha256: str


def read_discriminator(directory: Path, known: Sequence[ReleasedNetwork] = NETWORKS) -> ReleasedDiscriminator:
    """The released discriminator in a folder, without the layers from the first gap on.

    Raises:
        InputError: there is no first kernel, it begins no known network, or a file is damaged or of another shape.
    """
    files = array_files(directory, "discrim")
    network, arrays = _read(files, {network: network.discriminator_shapes for network in known})
    names = _discriminator_names(len(network.discriminator))
    missing = [
        Missing(files.name_of(number), *names[number - 1])
        for number in range(1, len(names) + 1)
        if number not in arrays
    ]
    usable = min([len(network.discriminator), *(gap.layer - 1 for gap in missing)])
    discriminator = ConvolutionalDiscriminator(network.discriminator[:usable], network.kernel, network.shape)
    turn = (arrays[number] for number in range(1, len(names) + 1))
    for block in discriminator.blocks:
        for module in block.children():
            _fill(module, turn)
    _set(discriminator.output.weight, torch.nan if missing else arrays[len(names)].T)
    return ReleasedDiscriminator(
        network, discriminator.eval(), tuple(missing), files.epoch, code_hash(files.paths.values(), directory)
    )


def read_generator(directory: Path, known: Sequence[ReleasedNetwork] = NETWORKS) -> ReleasedGenerator:
    """The released generator in a folder, set to normalise by the statistics of each batch, as its authors sample.

    Raises:
        InputError: an array is missing, damaged or of another shape, or the first belongs to no known network.
    """
    files = array_files(directory, "gen")
    network, arrays = _read(files, {network: network.generator_shapes for network in known})
    absent = [files.name_of(n) for n in range(1, len(network.generator_shapes) + 1) if n not in arrays]
    if absent:
        raise InputError(
            f"{directory} lacks {', '.join(absent)} of the {network.name} generator, which cannot draw samples without "
            "every layer: copy the whole folder of the release (Newmu/dcgan_code, models/)."
        )
    generator = ConvolutionalGenerator(network.latent_dim, network.generator, network.kernel, network.shape)
    turn = (arrays[number] for number in sorted(arrays))
    for module in (*generator.project.children(), *generator.stack.children()):
        _fill(module, turn)
    return ReleasedGenerator(network, generator.train(), files.epoch, code_hash(files.paths.values(), directory))


def _read(
    files: ArrayFiles, shapes: Mapping[ReleasedNetwork, Sequence[Shape]]
) -> tuple[ReleasedNetwork, dict[int, Tensor]]:
    """The known network to which the first array belongs, and every array by its number."""
    if 1 not in files.paths:
        raise InputError(
            f"{files.directory} lacks {files.name_of(1)}, the first layer: no layer can be used without it."
        )
    first = read_array(files.paths[1])
    network = next((known for known, expected in shapes.items() if expected[0] == tuple(first.shape)), None)
    if network is None:
        accepted = "; ".join(f"{list(expected[0])} ({known.name})" for known, expected in shapes.items())
        raise InputError(
            f"{files.paths[1]} has shape {list(first.shape)}, which begins no released network; known: {accepted}."
        )
    expected = shapes[network]
    arrays = {1: first}
    for number, path in files.paths.items():
        if number > len(expected):
            raise InputError(
                f"{path} is one too many: the {network.name} network has {len(expected)} arrays; keep one release's "
                "files in the folder."
            )
        arrays[number] = array = read_array(path)
        if tuple(array.shape) != expected[number - 1]:
            raise InputError(
                f"{path} has shape {list(array.shape)} and the {network.name} network {list(expected[number - 1])} "
                "there: copy the file again from the release."
            )
    return network, arrays


def _discriminator_names(convolutions: int) -> list[tuple[str, int]]:
    """What each array is, and its layer, in order of use."""
    inner = [
        (f"{what} of convolution {layer}", layer)
        for layer in range(2, convolutions + 1)
        for what in ("kernel", "batch-norm gain", "batch-norm bias")
    ]
    return [("kernel of convolution 1", 1), *inner, ("dense output", convolutions + 1)]


def _fill(module: nn.Module, turn: Iterator[Tensor]) -> None:
    """Give a layer the arrays whose turn it is; one without weights takes none."""
    if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
        # Theano's convolution flips its kernel and PyTorch's does not; a transposed one is its gradient, flipped alike
        # (deviation dcgan-11).
        _set(module.weight, next(turn).flip(2, 3))
    elif isinstance(module, nn.Linear):
        _set(module.weight, next(turn).T)
    elif isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
        _set(module.weight, next(turn))
        _set(module.bias, next(turn))


def _set(parameter: Tensor, value: Tensor | float) -> None:
    with torch.no_grad():
        parameter.copy_(torch.as_tensor(value))
