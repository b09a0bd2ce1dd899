"""`params.yaml` as frozen dataclasses: the one place that reads it, where an unknown key is an error."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field, fields, is_dataclass, replace
from pathlib import Path
from typing import Any, Literal

from pydantic.dataclasses import dataclass

from replication.config.cell import BUNDLED as BUNDLED
from replication.config.cell import PARTS, Cell
from replication.config.cluster import Cluster, Runner
from replication.config.datasets import Dataset
from replication.config.expansion import expand, merged
from replication.config.experiments import Background, FeatureControls, NearDuplicates, Released, Theory
from replication.config.protocols import Judge, Probe, ProtocolOptions, RealNeighbours
from replication.config.recipes import Recipe
from replication.config.references import FILE, check_references
from replication.config.strict import CLOSED, Name, Threads, read_yaml, shown, strict
from replication.foundation.errors import InputError, chosen

RESERVED = ("recorded", "incoming", "pages", "plots", "figures")  # lie in `reports/` beside the folders of profiles


@dataclass(frozen=True, config=CLOSED)
class Profile:
    name: str  # of the pattern KEY, which params.yaml is held to when it is expanded
    device: Literal["cpu", "cuda"]
    threads: Threads
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
    runner: Runner = "local"
    cluster: Cluster = field(default_factory=Cluster)

    def __post_init__(self) -> None:
        if self.name in RESERVED or self.name.endswith(PARTS):
            raise ValueError(
                f"no profile may be called {self.name}, for folders of other contents are called "
                f"{', '.join(RESERVED)} and …{PARTS}: rename it"
            )

    @property
    def scored(self) -> dict[str, Cell]:
        """Every cell that writes `outputs/score/<key>/`, in the order of params.yaml."""
        return {**self.cells, **self.experiments}


@dataclass(frozen=True, config=CLOSED)
class _File:
    profiles: dict[str, Profile]
    run: Profile
    datasets: dict[str, dict[str, Any]]
    judges: dict[Name, Judge]
    theory: Theory
    background: Background
    released: Released
    recipes: dict[Name, dict[Name, dict[str, Any]]]
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
        return chosen(self.profile.scored, key, f"cell of profile {self.profile.name}", FILE)

    def trained_cells(self, name: str) -> list[Cell]:
        """The trained cells of the profile in force that `name` names: a model, whose cells they are, or one cell."""
        of_model = [cell for cell in self.profile.cells.values() if cell.model == name]
        what = f"model or trained cell of profile {self.profile.name}"
        return of_model or [chosen(self.profile.cells, name, what, FILE)]

    def experiment(self, key: str) -> Cell:
        """The experiment of the profile in force that `key` names."""
        return chosen(self.profile.experiments, key, f"experiment of profile {self.profile.name}", FILE)

    def judged_by(self, dataset: str) -> str:
        """The data set whose judge scores a data set: its own, or the one it names; "" where none does."""
        name = self.datasets[dataset].judged_by or dataset
        return name if name in self.judges else ""

    def variants(self, model: str, recipe: str) -> Mapping[str, Mapping[str, Any] | None]:
        """The keys of each variant of a recipe; `paper` has none where the recipe has no variants."""
        variants = self.recipes[model][recipe].get("variants", {"paper": {}})
        if not isinstance(variants, Mapping) or not all(isinstance(keys, Mapping | None) for keys in variants.values()):
            place = f"{FILE}: recipes.{model}.{recipe}.variants"
            raise InputError(f"{place}: write a mapping of names to mappings (got {shown(variants)}).")
        return variants

    def variant(
        self, model: str, recipe: str, variant: str, place: str = FILE
    ) -> tuple[dict[str, Any], Mapping[str, Any]]:
        """The common keys of a recipe, and those of one of its variants; `place` begins the sentence of an error."""
        recipes = chosen(self.recipes, model, "model", place)
        written = {**chosen(recipes, recipe, f"recipe of {model}", place)}
        variants = self.variants(model, recipe)
        written.pop("variants", None)
        return written, chosen(variants, variant, f"variant of recipes.{model}.{recipe}", place) or {}

    def recipe(self, model: str, recipe: str, variant: str) -> Recipe:
        """One recipe, with the keys of its variant laid over the common ones."""
        written, override = self.variant(model, recipe, variant)
        name = f"recipes.{model}.{recipe}"
        return strict(Recipe, merged(written, override, name), f"{FILE}: {self.places.get(name, name)} ({variant})")

    def recipe_of(self, cell: Cell) -> Recipe:
        """The recipe that a cell trains."""
        return self.recipe(cell.model, cell.recipe, cell.variant)


def load_params(path: Path = Path("params.yaml")) -> Params:
    """Read and check `params.yaml`; InputError where it is missing, no YAML, or a key or value is not accepted."""
    return checked(read_yaml(path), path)


def checked(values: Any, path: Path) -> Params:
    """What `read_yaml` returned, written out and checked; `path` begins the sentence of an error."""
    written, places = expand(values)
    parts = strict(_File, written, str(path))
    datasets = {
        name: strict(Dataset, {"name": name, **options}, f"{path}: datasets.{name}")
        for name, options in parts.datasets.items()
    }
    profiles = {name: _keyed(profile) for name, profile in parts.profiles.items()}
    shared = (parts.judges, parts.theory, parts.background, parts.released, parts.recipes)
    params = Params(_keyed(parts.run), profiles, datasets, *shared, places)
    check_references(params, parts.papers, path.parent / "benchmarks")
    return params


def _keyed(profile: Profile) -> Profile:
    named = {
        block: {key: replace(cell, key=key, profile=profile.name) for key, cell in getattr(profile, block).items()}
        for block in ("cells", "experiments")
    }
    return replace(profile, **named)


def value_at(root: object, path: str) -> object:
    """The value that a dotted path such as `prior.sigma_init` leads to, so that a table shows it and nobody types it.

    With `load_params()` as root a path starts at the top of params.yaml (`recipes.deligan.toy.noise`), with one
    recipe (`params.recipe(model, recipe, variant)`) inside that.

    Raises:
        InputError: a part of the path is no key there; the sentence names the accepted ones.
    """
    node = root
    for part in path.split("."):
        if node is None:  # what is left out has no parts
            return None
        keys = _keys(node)
        if part not in keys:
            accepted = ", ".join(keys) or "none, a plain value stands there"
            raise InputError(f"params.yaml: {path}: there is no {part!r}; accepted: {accepted}.")
        node = node[part] if isinstance(node, Mapping) else getattr(node, part)
    return node


def _keys(node: object) -> list[str]:
    if isinstance(node, Mapping):
        return [str(key) for key in node]
    return [field.name for field in fields(node)] if is_dataclass(node) else []
