"""Trained generators in Python: what `replication.load` gives.

    import replication

    generator = replication.load("cpu-deligan-digits", seed=0)
    images = generator.sample(64)  # uint8 [64, 1, 8, 8]; of a toy cell float32 [64, 2]

A cell is read from `outputs/train/`, in the root of the repository, or with `path="FILE.tar.gz"` from an archive that
`replication.run CELL --pack DIR --weights` wrote, or from such an archive unpacked. Weights are safetensors, read only
where their SHA-256 is the recorded one, and nothing is unpickled.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import prod
from operator import index
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load as load_tensors

from replication.config.blocks import key_of
from replication.config.cell import PARTS, seeds_in
from replication.config.params import Cell, Params, load_params
from replication.config.recipes import Recipe
from replication.config.strict import shown
from replication.foundation.capacity import memory, require
from replication.foundation.errors import InputError
from replication.foundation.folders import entries_of
from replication.foundation.foreign import MOST_JSON, parse_json, read_bytes
from replication.foundation.places import TRAINED
from replication.foundation.runtime import side_by_side
from replication.models.layers.networks import Build, Networks
from replication.scoring.image_cell import draw_images
from replication.table.archives import MOST_WEIGHTS, WEIGHTS, unpack
from replication.training.cells import builder, params_sha256
from replication.training.sampling import draw_samples
from replication.training.state import State, bind, named_tensors
from replication.training.weights import recorded_weights

PROVENANCE = "provenance.json"
LARGEST = 1024  # pixels a side that an archive may claim
FLOATS = 8  # bytes of a number while samples are drawn: float32, twice


@dataclass(frozen=True)
class TrainedGenerator:
    """One seed of a trained cell at its last step."""

    cell: Cell  # with the seeds of the block that it was trained in
    seed: int
    step: int
    recipe: Recipe
    networks: Networks  # on the processor; `networks.generator.to(…)` moves what `sample` draws with
    classes: int  # of the data; sample i of a conditional generator is of class i mod classes
    provenance: Mapping[str, Any]

    def sample(self, n: int, seed: int = 0) -> np.ndarray:
        """uint8 images [n, C, H, W], or points float32 [n, 2].

        With `seed` 0 and n = `recipe.n_samples` they are those that scoring drew, bit for bit on the same device; of a
        toy cell those with the noise of training. Every other seed is another stream of the same generator.

        Raises:
            InputError: n or seed is no whole number, n is below 1, the seed below 0, or memory holds no n samples.
        """
        n, seed = _whole("n", n), _whole("seed", seed)
        if n < 1 or seed < 0:
            raise InputError(f"sample: n is {n}, seed {seed}; accepted are n of at least 1 and a seed of at least 0.")
        needed = FLOATS * n * (prod(self.provenance["sample_shape"]) + self.recipe.latent_dim)
        require(f"{n} samples", needed, memory(), "memory", "draw fewer at once")
        return side_by_side(lambda _: self._draw(n, seed), [0], 1)[0]  # on one thread, as scoring draws

    def _draw(self, n: int, seed: int) -> np.ndarray:
        points = len(self.provenance["sample_shape"]) == 1
        purpose = ("samples training-noise" if points else "samples") + (f" {seed}" if seed else "")
        generator = self.networks.generator
        if points:
            return draw_samples(generator, self.recipe, self.recipe.noise, self.seed, purpose, n)[0].cpu().numpy()
        return draw_images(generator, self.recipe, self.seed, purpose, n, self.classes)


class _Block(NamedTuple):
    name: str
    place: str  # in sentences
    provenance: dict[str, Any]
    weights: bytes | Path  # or the folder that has them


def load(cell: str = "", seed: int = 0, path: str | Path = "") -> TrainedGenerator:
    """The trained generator of one seed of a cell; see `replication.load`."""
    params, seed = load_params(), _whole("seed", seed)
    blocks = _read(Path(path)) if path else _local()
    names = sorted({key_of(block.name) for block in blocks})
    fitting = [name for name in names if name == (cell or name)]
    if len(fitting) != 1:
        where = path or TRAINED
        sentence = f"{where} has no training of {cell!r}" if cell else f"Name the cell to load from {where}"
        known = ", ".join(names) or "none: run `uv run python -m replication.train CELL`"
        raise InputError(f"{sentence}; it has {known}.")
    blocks = [block for block in blocks if key_of(block.name) == fitting[0]]
    with_seed = [(block, named) for block in blocks if seed in (named := _cell(params, block)).seed_numbers]
    if not with_seed:
        seeds = ", ".join(_cell(params, block).seeds for block in blocks)
        raise InputError(f"{blocks[0].name}: seed {seed} was not trained; trained seeds are {seeds}.")
    block, named = with_seed[0]
    return _generator(params, block, named, seed)


def _whole(name: str, number: object) -> int:
    try:
        return index(number)  # pyright: ignore[reportArgumentType]
    except TypeError as error:
        raise InputError(f"{name} is {shown(number)}; accepted are whole numbers.") from error


def _generator(params: Params, block: _Block, cell: Cell, seed: int) -> TrainedGenerator:
    recipe, step = params.recipe_of(cell), recorded_weights(block.provenance, block.place)[0]
    if block.provenance.get("params_sha256") != params_sha256(cell, recipe):
        raise InputError(
            f"{block.place} was trained by another recipe than params.yaml has for {cell.key}: take the params.yaml of "
            "that training, or train it again."
        )
    diverged = block.provenance.get("diverged_seeds")
    if not isinstance(diverged, dict):
        raise InputError(f"{block.place} does not say which seeds diverged: train and score its cell again.")
    if str(seed) in diverged:
        raise InputError(f"{block.place}: the training of seed {seed} diverged: load another seed.")
    shape, classes = _shape(block)
    networks = _bound(block, cell, builder(cell, recipe, shape, classes), cell.seed_numbers.index(seed))
    for network in networks:
        network.requires_grad_(False)
    return TrainedGenerator(cell, seed, step, recipe, networks, classes, block.provenance)


def _bound(block: _Block, cell: Cell, build: Build, place: int) -> Networks:
    """The networks with the weights of the seed at `place`, once these are what such networks have, and finite.

    The networks are built without memory first: an archive may claim samples of any shape.
    """
    try:
        weights = load_tensors(_verified(block))
        with torch.device("meta"):
            empty = named_tensors(build())
        of_seed: State = {name: weights[name][place] for name in empty}
        for name, like in empty.items():
            if (of_seed[name].shape, of_seed[name].dtype) != (like.shape, like.dtype):
                raise ValueError(f"{name} is {of_seed[name].dtype} {list(of_seed[name].shape)}")
        networks = build()
        bind(networks, weights, place)
    except (SafetensorError, RuntimeError, KeyError, IndexError, ValueError) as error:
        raise InputError(f"{block.place}: its weights do not fit the networks of {cell.recipe} ({error}).") from error
    if not all(tensor.isfinite().all() for tensor in of_seed.values()):
        raise InputError(f"{block.place}: seed {cell.seed_numbers[place]} has weights that are NaN or infinite.")
    return networks


def _cell(params: Params, block: _Block) -> Cell:
    """The cell of params.yaml, with the seeds that the block was trained with."""
    key, seeds = key_of(block.name), str(block.provenance.get("seeds", ""))
    if not seeds_in(seeds):
        raise InputError(f"{block.place} does not say which seeds it has ({seeds[:100]!r}): train and score it again.")
    for profile in params.profiles.values():
        if key in profile.cells:
            return replace(profile.cells[key], seeds=seeds)
    raise InputError(f"{block.place} is of cell {key}, which params.yaml has no more: put the cell back.")


def _shape(block: _Block) -> tuple[tuple[int, ...], int]:
    """Shape of a sample and number of classes, as the training wrote them down."""
    shape, classes = block.provenance.get("sample_shape"), block.provenance.get("classes")
    sides = shape if isinstance(shape, list) and all(type(side) is int for side in shape) else []
    shaped = len(sides) in (1, 3) and all(1 <= side <= LARGEST for side in sides)
    if not shaped or type(classes) is not int or classes < 0:
        raise InputError(f"{block.place} does not say what its samples look like: train and score its cell again.")
    return tuple(sides), classes


def _verified(block: _Block) -> bytes:
    """The bytes of the weights, once their hash is the recorded one."""
    step, digest = recorded_weights(block.provenance, block.place)
    data = block.weights
    if isinstance(data, Path):
        file = next((path for path in (data / WEIGHTS, data / f"step{step}.safetensors") if path.is_file()), None)
        if file is None:
            raise InputError(f"{data} has no weights: pack them with --weights, or train the cell again.")
        data = _content(file, MOST_WEIGHTS)
    if hashlib.sha256(data).hexdigest() != digest:
        raise InputError(f"{block.place}: the weights are not those whose hash is recorded; they were changed since.")
    return data


def _local() -> list[_Block]:
    """Every training in `outputs/train`, planned blocks before parts."""
    models = (model for profile in entries_of(TRAINED) for model in entries_of(profile))
    folders = [folder for model in models for folder in entries_of(model) if (folder / PROVENANCE).is_file()]
    return [_in_folder(folder) for folder in sorted(folders, key=lambda path: path.parts[-3].endswith(PARTS))]


def _in_folder(folder: Path) -> _Block:
    """The block of a folder: of a training, or of an archive that was unpacked."""
    return _Block(folder.name, str(folder), _parsed(_content(folder / PROVENANCE, MOST_JSON), str(folder)), folder)


def _content(file: Path, most: int) -> bytes:
    try:
        return read_bytes(file, most)
    except ValueError as error:
        raise InputError(f"{file} cannot be taken ({error}): pack the training again.") from error


def _read(path: Path) -> list[_Block]:
    """The blocks of an archive, of a folder of a block, or of a folder of such folders."""
    if path.is_dir():
        inside = [folder for folder in entries_of(path) if (folder / PROVENANCE).is_file()]
        return [_in_folder(folder) for folder in ([path] if (path / PROVENANCE).is_file() else inside)]
    content = unpack(path, weights=True)
    names = dict.fromkeys(name.split("/")[0] for name in content)
    packed = [name for name in names if f"{name}/{WEIGHTS}" in content and f"{name}/{PROVENANCE}" in content]
    if not packed:
        raise InputError(
            f"{path} carries no weights: make it with `python -m replication.run CELL --pack DIR --weights`."
        )
    return [
        _Block(name, str(path), _parsed(content[f"{name}/{PROVENANCE}"], str(path)), content[f"{name}/{WEIGHTS}"])
        for name in packed
    ]


def _parsed(data: bytes, place: str) -> dict[str, Any]:
    try:
        provenance = parse_json(data)
        if not isinstance(provenance, dict):
            raise ValueError("it holds no keys")
    except ValueError as error:
        raise InputError(f"{place} has no readable {PROVENANCE} ({error}).") from error
    return provenance
