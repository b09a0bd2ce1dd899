"""A small convolutional classifier: the judge of samples where Inception does not apply, or cannot be had.

`replication.judge` trains judges and writes them; here they are read too.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from math import cos, pi, prod
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, pad
from tqdm import tqdm

from replication.config.params import Judge, Params
from replication.data.reading import PreparedImages, load_manifest
from replication.foundation.errors import InputError, chosen
from replication.foundation.places import DATA, JUDGE_WEIGHTS, JUDGES
from replication.foundation.provenance import is_whole, recorded
from replication.foundation.seeding import generator, torch_seed
from replication.models.layers.samples import as_samples
from replication.training.optimisers import adam_update
from replication.training.state import State

BATCH = 500


def build_classifier(
    shape: Sequence[int], channels: Sequence[int], classes: int, convolutions: int = 1
) -> nn.Sequential:
    """Images [B, C, H, W] in [−1, 1] → logits [B, classes]: 3×3 convolutions, BN, ReLU, and halving after a width."""
    layers: list[nn.Module] = []
    before, *sides = shape
    for width in channels:
        for _ in range(convolutions):
            layers += [nn.Conv2d(before, width, 3, padding=1, bias=False), nn.BatchNorm2d(width), nn.ReLU()]
            before = width
        halved = min(sides) > 1
        layers += [nn.MaxPool2d(2)] if halved else []
        sides = [side // 2 for side in sides] if halved else sides
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(before * prod(sides), classes))


def train_classifier(
    images: Tensor,
    labels: Tensor,
    options: Judge,
    classes: int,
    device: str = "cpu",
    before: tuple[int, State] | None = None,
    keep: Callable[[int, State], None] = lambda epochs, state: None,
) -> nn.Sequential:
    """Train on uint8 images [n, C, H, W] and labels [n] with Adam, the rate falling to zero along a cosine.

    Each time an image is seen it is shifted by up to `shift` pixels a side and, with `flip`, mirrored half of the time.
    After each epoch `keep` is handed the number of epochs and the state, and `before` is such a pair to go on from.
    """
    seed, shape = options.seed, tuple(images.shape[1:])
    with torch_seed(seed, "judge"):
        network = build_classifier(shape, options.channels, classes, options.convolutions).to(device)
    images, labels = images.to(device), labels.to(device)
    parameters: list[Tensor] = list(network.parameters())
    first, second = ([torch.zeros_like(parameter) for parameter in parameters] for _ in range(2))
    moments = {f"adam {i}": tensor for i, tensor in enumerate([*first, *second])}
    state: State = {**network.state_dict(), **moments}
    begun, values = before or (0, {})
    for name, value in values.items():
        state[name].copy_(value)
    network.train()
    rows_of = partial(_minibatches, len(images), options)
    update = begun * len(rows_of(0))
    for epoch in tqdm(range(begun, options.epochs), "judge", initial=begun, total=options.epochs, unit="epoch"):
        rate = options.learning_rate * (1.0 + cos(pi * epoch / options.epochs)) / 2
        for rows in rows_of(epoch):
            update += 1
            stream = generator(seed, "judge augmentation", update)
            seen = augmented(images[rows], options.shift, options.flip, stream)
            loss = cross_entropy(network(as_samples(seen)), labels[rows])
            adam_update(parameters, list(torch.autograd.grad(loss, parameters)), first, second, update, rate)
        keep(epoch + 1, state)
    return network.eval()


def _minibatches(count: int, options: Judge, epoch: int) -> list[Tensor]:
    """Rows of `count` images in the epoch's order; a last minibatch of one is left out: BN needs two."""
    order = torch.from_numpy(generator(options.seed, "judge order", epoch).permutation(count))
    return [rows for rows in order.split(options.batch) if len(rows) > 1]


def augmented(images: Tensor, shift: int, flip: bool, stream: np.random.Generator) -> Tensor:
    """uint8 images [B, C, H, W], each moved by up to `shift` pixels both ways, black coming in, and mirrored or not."""
    if not shift and not flip:
        return images
    count, _, height, width = images.shape
    down, across = (torch.from_numpy(stream.integers(0, 2 * shift + 1, (count, 1))) for _ in range(2))
    lines, columns = down + torch.arange(height), across + torch.arange(width)  # [B, H], [B, W] in the padded image
    if flip:
        mirrored = torch.from_numpy(stream.random((count, 1)) < 0.5)
        columns = torch.where(mirrored, columns.flip(1), columns)
    lines, columns = lines.to(images.device), columns.to(images.device)
    which = torch.arange(count, device=images.device)[:, None, None]
    moved = pad(images, (shift,) * 4)[which, :, lines[:, :, None], columns[:, None, :]]  # [B, H, W, C]
    return moved.permute(0, 3, 1, 2)


@dataclass(frozen=True)
class Judged:
    """Features float32 [n, d] and logits float32 [n, K] of n images."""

    features: np.ndarray
    logits: np.ndarray

    @property
    def classes(self) -> np.ndarray:
        """int64 [n]: the class of the largest logit."""
        return self.logits.argmax(axis=1)

    def __getitem__(self, rows: np.ndarray) -> Judged:
        return Judged(self.features[rows], self.logits[rows])

    def __len__(self) -> int:
        return len(self.logits)


@torch.no_grad()
def judged(network: nn.Module, images: np.ndarray) -> Judged:
    """What `build_classifier`'s network says of uint8 images [n, C, H, W], on the device that it is on.

    Features are the maps of its last convolution averaged over the image, as Inception's pool3 is of its own.
    """
    assert isinstance(network, nn.Sequential)
    network.eval()
    device = next(network.parameters()).device
    features, logits = [], []
    for part in torch.from_numpy(images).split(BATCH):
        maps = network[:-2](as_samples(part.to(device)))
        features.append(maps.mean((2, 3)).cpu())
        logits.append(network[-2:](maps).cpu())
    return Judged(torch.cat(features).numpy(), torch.cat(logits).numpy())


def is_trained(params: Params, dataset: str) -> bool:
    """Whether the data set's judge is there and whole, and of the options and data that it would be trained with."""
    key, known = judge_key(judge_options(params, dataset), dataset), recorded(JUDGES / dataset)
    same = {name: known.get(name) for name in key} == key
    return same and is_whole(JUDGES / dataset / JUDGE_WEIGHTS, known.get("weights_sha256"))


def judge_key(options: Judge, dataset: str) -> dict[str, object]:
    """What a judge is made of, as its provenance holds it."""
    arrays = {name: digest for name, digest in load_manifest(DATA / dataset)["files"].items() if name.endswith(".npy")}
    return {"options": _plain(options), "arrays": arrays}


def _plain(options: Judge) -> dict[str, Any]:
    return json.loads(json.dumps(asdict(options)))


def judge_options(params: Params, dataset: str) -> Judge:
    """The judge that `params.yaml` describes for a data set. Raises InputError: it describes none."""
    return chosen(params.judges, dataset, "data set with a judge", "params.yaml")


def read_judge(options: Judge, data: PreparedImages, directory: Path) -> nn.Module:
    """The trained judge. Raises InputError: it is not there, is damaged, or is of other options or other images."""
    path = directory / JUDGE_WEIGHTS
    again = f"run `uv run python -m replication.judge {directory.name}`"
    if not path.is_file():  # a pipe would be waited for
        raise InputError(f"There is no judge at {path}: {again}.")
    content, known = path.read_bytes(), recorded(directory)
    other = f"{path} is not the judge that params.yaml describes: {again}."
    prepared = (DATA / directory.name / "manifest.json").is_file()  # who scores other images may not have the judge's
    key = judge_key(options, directory.name) if prepared else {"options": _plain(options)}
    if {name: known.get(name) for name in key} != key:
        raise InputError(other)
    if known.get("weights_sha256") != hashlib.sha256(content).hexdigest():
        raise InputError(f"{path} is not the file whose hash was recorded when the judge was trained: {again}.")
    shape, classes = data.train_images.shape[1:], len(data.class_names)
    network = build_classifier(shape, options.channels, classes, options.convolutions)
    try:
        network.load_state_dict(load(content))
    except (SafetensorError, RuntimeError) as error:
        raise InputError(other) from error
    return network.eval()


def recorded_accuracy(directory: Path) -> tuple[float, int]:
    """A judge's recorded accuracy on its data set's test images, and their number; NaN and 0 where there are none."""
    written = recorded(directory)
    accuracy, n_test = written.get("test_accuracy"), written.get("n_test")
    tested = type(accuracy) is float and 0.0 <= accuracy <= 1.0
    if type(n_test) is not int or n_test < 0 or (not tested if n_test else accuracy is not None):
        again = f"run `uv run python -m replication.judge {directory.name}`"
        raise InputError(f"{directory / 'provenance.json'} does not say how accurate the judge is: {again}.")
    return float("nan") if accuracy is None else accuracy, n_test


def judge_accuracy(network: nn.Module, data: PreparedImages) -> float | None:
    """Share of test images that the judge classifies correctly; None where there are none."""
    tested = len(data.test_images)
    return float((judged(network, data.test_images).classes == data.test_labels).mean()) if tested else None
