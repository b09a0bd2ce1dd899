"""Check what every cell needs, and write down which data and judges each stage reads: `python -m replication.prepared`.

Writes `outputs/prepared/<stage>/<model>.json` and `outputs/prepared/experiment.json`: hashes of the data sets' files
and of the judges, by name. A stage in dvc.yaml depends on its file, so a data set that none of its cells names may
come, go or change, and the stage stays as it is. First it looks for what each cell's training and protocols need of
data, weights, memory and disk, so that nothing fails after hours that could be known before.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Sequence
from pathlib import Path

from replication.config.params import BUNDLED, Cell, Params, load_params
from replication.config.strict import strict
from replication.data.listing import WEIGHTS
from replication.data.reading import load_manifest
from replication.foundation.command import exit_clearly
from replication.foundation.errors import InputError
from replication.foundation.foreign import read_json
from replication.foundation.places import DATA, JUDGE_WEIGHTS, JUDGES, RAW
from replication.foundation.provenance import sha256_file
from replication.inputs import write_each
from replication.scoring.left_out import INCEPTION
from replication.scoring.probe import probed_data
from replication.scoring.requirements import require_cell

OUTPUT = Path("outputs/prepared")
Hashes = dict[str, object]


def used(params: Params) -> dict[str, Hashes]:
    """What each stage of the profile in force reads, by its file; InputError where a data set is not prepared."""
    cells, stages = params.profile.cells.values(), {}
    for model in params.profile.models:
        of_model = [cell for cell in cells if cell.model == model]
        stages[f"train/{model}"] = _data(cell.dataset for cell in of_model)
        probed = (name for cell in of_model for name in (cell.dataset, *probed_data(cell)))
        stages[f"score/{model}"] = _data(probed) | _judges(params, of_model)
    experiments = params.profile.experiments.values()
    stages["experiment"] = _data(cell.dataset for cell in experiments) | _judges(params, experiments)
    weights = listed_weights(RAW / WEIGHTS)
    if any(cell.experiment == "released-probe" for cell in experiments):
        stages["experiment"]["weights/released"] = weights.get("released")
    for cell in cells:
        if INCEPTION in cell.protocols:
            stages[f"score/{cell.model}"]["weights/inception"] = weights.get("inception")
    return stages


def listed_weights(path: Path) -> dict[str, dict[str, int | str]]:
    """What the listing of foreign weights holds, if there is one; InputError where it is damaged."""
    try:
        return strict(dict[str, dict[str, int | str]], read_json(path), str(path))
    except FileNotFoundError:
        return {}
    except ValueError as error:
        raise InputError(f"{path} is no listing ({error}): delete it and run `uv run dvc repro data`.") from error


def _data(names: Iterable[str]) -> Hashes:
    return {f"data/{name}": load_manifest(DATA / name)["files"] for name in sorted({*names} - {BUNDLED})}


def _judges(params: Params, cells: Iterable[Cell]) -> Hashes:
    names = {params.judged_by(cell.dataset) for cell in cells if cell.dataset != BUNDLED} - {""}
    files = {name: JUDGES / name / JUDGE_WEIGHTS for name in sorted(names)}
    return {f"judge/{name}": sha256_file(path) for name, path in files.items() if path.is_file()}


def main(arguments: Sequence[str] | None = None) -> None:
    """Write what each stage of the profile in force reads of prepared data and of judges."""
    argparse.ArgumentParser(prog="python -m replication.prepared", description=__doc__).parse_args(arguments)
    params = load_params()
    for cell in (*params.profile.cells.values(), *params.profile.experiments.values()):
        require_cell(params, cell)
    write_each(OUTPUT, used(params))


if __name__ == "__main__":
    exit_clearly(main)
