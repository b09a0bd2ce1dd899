"""`params.yaml` as frozen dataclasses: the one place that reads it, where an unknown key is an error."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field, fields, replace
from pathlib import Path
from typing import Any, Literal

from pydantic.dataclasses import dataclass

from replication.config.background import Background
from replication.config.cell import BUNDLED, Cell
from replication.config.datasets import Dataset
from replication.config.expansion import expand, merged
from replication.config.feature_controls import FeatureControls
from replication.config.near_duplicates import NearDuplicates
from replication.config.protocols import ProtocolOptions, RealNeighbours
from replication.config.recipes import Recipe
from replication.config.released import Released
from replication.config.strict import CLOSED, read_yaml, strict
from replication.foundation.errors import InputError

FILE = "params.yaml"  # how a sentence on what is wrong in it begins
PROTOCOLS = {option.name.replace("_", "-"): option for option in fields(ProtocolOptions)}  # by a cell's word


@dataclass(frozen=True, config=CLOSED)
class Probe:
    """The L2-SVM on discriminator features (DCGAN §5.1; C grid and draws from the released code)."""

    costs: tuple[float, ...]
    validation_share: float
    selection_draws: int
    limited_labels: tuple[int, ...]  # labels per class of each limited column
    limited_draws: int
    shares: tuple[float, ...] = (0.0, 1.0)  # of the run, at which features are probed
    limited_labels_of: dict[str, tuple[int, ...]] = field(default_factory=dict)  # data sets whose papers have others


@dataclass(frozen=True, config=CLOSED)
class Theory:
    """GAN 2014's theory on known densities: one discriminator between the data's mixture and a known q."""

    hidden: tuple[int, ...]
    updates: int
    batch: int
    learning_rate: float  # falls linearly to zero
    q_standard_deviation: float  # of the fixed q, a Gaussian around the origin
    fresh: int  # draws of each side that a number is taken on
    generator: str  # the recipe of `gan` whose untrained generator's gradient is measured


@dataclass(frozen=True, config=CLOSED)
class Profile:
    name: str
    device: Literal["cpu", "cuda"]
    threads: int
    datasets: tuple[str, ...]
    judges: tuple[str, ...]
    models: tuple[str, ...]  # of the cells: each is scored by one stage
    probe: Probe
    cells: dict[str, Cell]
    experiments: dict[str, Cell] = field(default_factory=dict)
    protocols: ProtocolOptions = field(default_factory=ProtocolOptions)
    real_neighbours: RealNeighbours = field(default_factory=RealNeighbours)
    near_duplicates: NearDuplicates = field(default_factory=NearDuplicates)
    feature_controls: FeatureControls = field(default_factory=FeatureControls)

    @property
    def scored(self) -> dict[str, Cell]:
        """Every cell that writes `outputs/score/<key>/`, in the order of params.yaml."""
        return {**self.cells, **self.experiments}


@dataclass(frozen=True, config=CLOSED)
class Judge:
    """The classifier that stands in for Inception, trained on a data set's full training split."""

    name: str
    channels: tuple[int, ...]
    epochs: int
    batch: int
    learning_rate: float
    seed: int
    convolutions: int = 1  # of each width
    shift: int = 0  # pixels by which a training image is moved at most, each time it is seen
    flip: bool = False  # whether it is mirrored half of the time


@dataclass(frozen=True, config=CLOSED)
class _File:
    profiles: dict[str, Profile]
    run: Profile
    datasets: dict[str, dict[str, Any]]
    judges: dict[str, Judge]
    theory: Theory
    background: Background
    released: Released
    recipes: dict[str, dict[str, dict[str, Any]]]
    papers: dict[str, str] = field(default_factory=dict)  # of models, which every cell written out has


@dataclass(frozen=True)
class Params:
    profile: Profile
    profiles: dict[str, Profile]
    datasets: dict[str, Dataset]
    judges: dict[str, Judge]
    theory: Theory
    background: Background
    released: Released
    recipes: dict[str, dict[str, dict[str, Any]]]  # with what they extend; `recipe` merges a variant and checks it
    places: dict[str, str] = field(default_factory=dict)  # of recipes and cells, where they stand in params.yaml

    def cell(self, key: str) -> Cell:
        """The cell of the profile in force that `key` names, trained or an experiment."""
        return _known(self.profile.scored, key, f"cell of profile {self.profile.name}")

    def trained_cells(self, name: str) -> list[Cell]:
        """The trained cells of the profile in force that `name` names: a model, whose cells they are, or one cell."""
        of_model = [cell for cell in self.profile.cells.values() if cell.model == name]
        return of_model or [_known(self.profile.cells, name, f"model or trained cell of profile {self.profile.name}")]

    def experiment(self, key: str) -> Cell:
        """The experiment of the profile in force that `key` names."""
        return _known(self.profile.experiments, key, f"experiment of profile {self.profile.name}")

    def judged_by(self, dataset: str) -> str:
        """The data set whose judge scores a data set: its own, or the one it names; "" where none does."""
        name = self.datasets[dataset].judged_by or dataset
        return name if name in self.judges else ""

    def variant(
        self, model: str, recipe: str, variant: str, place: str = FILE
    ) -> tuple[dict[str, Any], Mapping[str, Any]]:
        """The common keys of a recipe, and those of one of its variants; `place` begins the sentence of an error."""
        recipes = _known(self.recipes, model, "model", place)
        written = dict(_known(recipes, recipe, f"recipe of {model}", place))
        variants = written.pop("variants", {"paper": {}})
        return written, _known(variants, variant, f"variant of recipes.{model}.{recipe}", place) or {}

    def recipe(self, model: str, recipe: str, variant: str) -> Recipe:
        """One recipe, with the keys of its variant laid over the common ones."""
        written, override = self.variant(model, recipe, variant)
        name = f"recipes.{model}.{recipe}"
        return strict(Recipe, merged(written, override, name), f"{FILE}: {self.places.get(name, name)} ({variant})")

    def recipe_of(self, cell: Cell) -> Recipe:
        """The recipe that a cell trains."""
        return self.recipe(cell.model, cell.recipe, cell.variant)


def load_params(path: Path = Path("params.yaml")) -> Params:
    """Read and check `params.yaml`.

    Raises:
        InputError: the file is missing or not YAML, or a key or value is not one that the dataclasses above accept.
    """
    written, places = expand(read_yaml(path))
    parts = strict(_File, written, str(path))
    datasets = {
        name: strict(Dataset, {"name": name, **options}, f"{path}: datasets.{name}")
        for name, options in parts.datasets.items()
    }
    profiles = {name: _keyed(profile) for name, profile in parts.profiles.items()}
    for dataset in datasets.values():
        _known({"": None, **parts.judges}, dataset.judged_by, f"judge (judged_by of data set {dataset.name})")
    shared = (parts.judges, parts.theory, parts.background, parts.released, parts.recipes)
    params = Params(_keyed(parts.run), profiles, datasets, *shared, places)
    for name, profile in profiles.items():
        _check_profile(params, profile, f"profiles.{name}")
    _check_profile(params, params.profile, "run")
    return params


def _keyed(profile: Profile) -> Profile:
    def keyed(cells: Mapping[str, Cell]) -> dict[str, Cell]:
        return {key: replace(cell, key=key, profile=profile.name) for key, cell in cells.items()}

    return replace(profile, cells=keyed(profile.cells), experiments=keyed(profile.experiments))


def _check_profile(params: Params, profile: Profile, where: str) -> None:
    for name in (*profile.datasets, *profile.judges):
        _known(params.datasets, name, f"dataset of profile {profile.name}")
    for block, cells in (("cells", profile.cells), ("experiments", profile.experiments)):
        for key, cell in cells.items():
            place = f"{FILE}: {params.places[f'{where}.{block}.{key}']}"
            _check_names(params, profile, cell, place)
            if not cell.experiment:
                _check_labelled(cell, params.recipe_of(cell), place)
    used = {cell.model for cell in profile.cells.values()}
    if set(profile.models) != used:
        raise InputError(f"{FILE}: models of profile {profile.name} are {sorted(used)}, as its cells have them.")


def _check_names(params: Params, profile: Profile, cell: Cell, place: str) -> None:
    """What a cell names exists; `place` is where the cell stands."""
    prepared = dict.fromkeys((*profile.datasets, *((BUNDLED,) if cell.experiment else ())))
    for name in (cell.dataset, *([] if cell.probe in ("own", "none") else [cell.probe])):
        _known(prepared, name, f"dataset of profile {profile.name}", place)
    if not cell.key.startswith(f"{profile.name}-"):
        raise InputError(f"{place}: cell {cell.key}: keys of profile {profile.name} start with {profile.name}-.")
    for name in cell.protocols:
        _known(PROTOCOLS, name, "protocol", place)
    if not cell.experiment:
        params.variant(cell.model, cell.recipe, cell.variant, place)


def _check_labelled(cell: Cell, recipe: Recipe, place: str) -> None:
    if "nearest-generated" in cell.protocols and recipe.network.get("kind") != "conditional":
        raise InputError(
            f"{place}: cell {cell.key} names protocol nearest-generated, but the network of its recipe "
            f"{cell.recipe} is not of kind conditional, so its samples have no labels: take the protocol out."
        )


def _known(known: Mapping[str, Any], name: str, what: str, place: str = FILE) -> Any:
    if name not in known:
        raise InputError(f"{place}: {name!r} is no {what}; accepted: {', '.join(map(str, known))}.")
    return known[name]
