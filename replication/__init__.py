"""Replicates the papers that made GANs work, and judges their claims."""

import gc
import os
import sys
from importlib import import_module
from typing import Any

# Importing torch makes hundreds of thousands of objects, none of them garbage; looking through them takes a second.
if sys.argv[0] == "-m":  # as it is while Python looks for the module of a command: `exit_clearly` turns it on again
    gc.disable()
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:  # closed by whoever started the command
            setattr(sys, name, open(os.devnull, "w"))
    if not sys.stderr.isatty():  # a log is no place for a moving bar; tqdm reads this when it is imported
        os.environ.setdefault("TQDM_DISABLE", "1")


def load(cell: str = "", seed: int = 0, path: str = "") -> Any:
    """A trained generator: `load("cpu-gan-digits").sample(64)`; `scoring.trained_generators` has the class.

    `cell` is a key of params.yaml, trained into `outputs/train/` below the current folder; with `path` an archive or a
    folder that carries weights. An archive of one cell needs no key.

    Raises:
        InputError: no such cell is trained here, or its weights differ from what was recorded.
    """
    # By name, so that what trains and only needs this package does not depend on what loads.
    return import_module("replication.scoring.trained_generators").load(cell, seed, path)
