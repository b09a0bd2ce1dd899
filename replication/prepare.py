"""Prepare data sets: `python -m replication.prepare NAME [NAME…]`, names as under `datasets` in `params.yaml`.

Writes `outputs/data/<name>/`: the arrays, `splits/<split>.json` and `manifest.json`. Raw files are read from
`data/raw/<name>` (or the data set's `root`), and downloaded there first where torchvision can.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from replication.config.datasets import Dataset
from replication.config.params import load_params
from replication.data.listing import write_listings
from replication.data.reading import load_manifest
from replication.data.sources import read_source
from replication.data.writing import write_dataset
from replication.foundation.atomic import atomic_directory
from replication.foundation.command import exit_clearly
from replication.foundation.errors import chosen
from replication.foundation.places import DATA, RAW


def prepare(options: Dataset, output: Path) -> None:
    """Read one data set from its source and write it, whole or not at all; InputError where that cannot be."""
    contents = read_source(options)
    with atomic_directory(output) as directory:
        write_dataset(contents, options, directory)


def prepare_and_list(options: Dataset) -> None:
    """Prepare one data set where the stages read it, and write down its raw files as they were read."""
    prepare(options, DATA / options.name)
    write_listings([options], DATA, RAW)  # what was downloaded or unpacked belongs to them


def main(arguments: Sequence[str] | None = None) -> None:
    """Prepare each data set named on the command line."""
    parser = argparse.ArgumentParser(prog="python -m replication.prepare", description="Prepare data sets.")
    parser.add_argument("names", nargs="+", metavar="NAME", help="a data set of params.yaml")
    names = parser.parse_args(arguments).names
    datasets = load_params().datasets
    known = {name: chosen(datasets, name, "data set of params.yaml") for name in names}  # before any is prepared
    for name, options in known.items():
        prepare_and_list(options)
        manifest = load_manifest(DATA / name)
        counts = ", ".join(f"{part['total']} {split}" for split, part in manifest["counts"].items())
        print(f"{DATA / name}: {counts}" + (f" ({manifest['reason']})" if manifest["reason"] else ""))


if __name__ == "__main__":
    exit_clearly(main)
