"""Prepare data sets: `python -m replication.prepare NAME [NAME…]`, names as under `datasets` in `params.yaml`.

Writes `outputs/data/<name>/`: the arrays, `splits/<split>.json` and `manifest.json`. Raw files are read from
`data/raw/<name>` (or the data set's `root`), and downloaded there first where torchvision can.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path

from replication.config.datasets import Dataset
from replication.config.params import load_params
from replication.data.listing import raw_files, write_listing
from replication.data.reading import load_manifest
from replication.data.sources import read_source, unpack_source
from replication.data.writing import UNCHECKED, write_dataset
from replication.foundation.atomic import atomic_directory
from replication.foundation.command import exit_clearly
from replication.foundation.errors import InputError, chosen
from replication.foundation.places import DATA, RAW
from replication.foundation.printable import printable


def prepare(options: Dataset, output: Path) -> dict[str, str]:
    """Read one data set from its source and write it, whole or not at all; name → SHA-256 of the raw files.

    Raises:
        InputError: that cannot be, or a raw file changed while they were read.
    """
    unpack_source(options)
    before = raw_files(options)
    contents = read_source(options)
    files = raw_files(options)
    if name := _changed(options, before, files):
        raise InputError(
            f"{printable(name)} changed while the files of {options.raw} were read: prepare {options.name} again when "
            "nothing writes there."
        )
    with atomic_directory(output) as directory:
        write_dataset(contents, options, directory)
    return files


def _changed(options: Dataset, before: Mapping[str, str], after: Mapping[str, str]) -> str:
    """The first raw file that was added, changed or removed; "" where torchvision checks what it reads."""
    if options.source not in (*UNCHECKED, "celeba"):
        return ""
    names = before if options.source == "celeba" else {**before, **after}  # CelebA is unpacked while it is read
    return next((name for name in names if before.get(name) != after.get(name)), "")


def prepare_and_list(options: Dataset) -> None:
    """Prepare one data set where the stages read it, and write down its raw files as they were read."""
    files = prepare(options, DATA / options.name)
    write_listing(options, files, DATA, RAW)


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
