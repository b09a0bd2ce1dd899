"""How a profile uses a cluster: which one, and into what units its cells are cut."""

from __future__ import annotations

import argparse
from dataclasses import replace
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Annotated, Literal, get_args

from pydantic import Field
from pydantic.dataclasses import dataclass

from replication.config.cell import MOST_SEEDS
from replication.config.strict import CLOSED, Threads, strict

if TYPE_CHECKING:
    from replication.config.params import Params

Runner = Literal["local", "ray"]


@dataclass(frozen=True, config=CLOSED)
class Cluster:
    """`address` as of `ray start`; `local` starts Ray on this machine, `auto` joins the one that runs on it."""

    address: str = "auto"
    shared: str = ""  # a folder that every node sees, for inputs and checkpoints; "": they lie on each node
    unit_seeds: Annotated[int, Field(ge=0, le=MOST_SEEDS)] = 0  # of a unit of work; 0: as suits its device
    unit_cpus: Threads = 1  # threads that a unit asks for


def cluster_stages() -> ModuleType:
    """What carries stages to the cluster, loaded by name: it is no part of what a training or a score depends on."""
    return import_module("replication.cluster.stages")


def add_cluster_options(parser: argparse.ArgumentParser) -> None:
    """Options that take the place of what the profile says of its runner."""
    parser.add_argument(
        "--runner", choices=get_args(Runner), help="where the work is done (default: as the profile says)"
    )
    parser.add_argument("--address", help="of the Ray cluster: auto, local, or as `ray start` printed it")
    parser.add_argument("--shared", metavar="DIR", help="a folder that every node sees, for inputs and checkpoints")
    parser.add_argument("--unit-seeds", type=int, metavar="N", help="seeds of a unit of work (0: as suits the device)")
    parser.add_argument("--unit-cpus", type=int, metavar="N", help="CPU threads of a unit of work")


def with_cluster_options(params: Params, asked: argparse.Namespace) -> Params:
    """The parameters with the runner that a command line asks for."""
    names = ("address", "shared", "unit_seeds", "unit_cpus")
    options = {name: getattr(params.profile.cluster, name) for name in names}
    options |= {name: getattr(asked, name) for name in names if getattr(asked, name) is not None}
    profile, cluster = params.profile, strict(Cluster, options, "The options of the cluster")
    return replace(params, profile=replace(profile, runner=asked.runner or profile.runner, cluster=cluster))
