"""Write down what the raw files of the profile's data sets hold: `python -m replication.data`.

Writes `outputs/raw/<name>.json` for each data set of the profile in force. `prepare` of a data set depends on its file,
so that it runs again where a raw file was added, changed, replaced or removed. `outputs/raw/_weights.json` lists the
weights that others trained: DCGAN's released discriminator, and Inception's where params.yaml names a file.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from replication.config.params import load_params
from replication.data.listing import write_listings
from replication.foundation.command import exit_clearly
from replication.foundation.places import DATA, RAW


def main(arguments: Sequence[str] | None = None) -> None:
    """Look at the raw files of each data set of the profile in force."""
    argparse.ArgumentParser(prog="python -m replication.data", description=__doc__).parse_args(arguments)
    params = load_params()
    weights = {"released": Path(params.released.directory)}
    if inception := params.profile.protocols.inception.weights:
        weights["inception"] = Path(inception)  # `none` is no file either
    write_listings([params.datasets[name] for name in params.profile.datasets], DATA, RAW, weights=weights)


if __name__ == "__main__":
    exit_clearly(main)
