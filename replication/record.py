"""Take in measurements made on another machine, such as a GPU without DVC.

An archive may hold a part of a cell's seeds, or a cell on another device than its profile's: each such block is kept
beside those recorded before. Seeds that are recorded already under the same device and precision are refused, unless
the whole block is the same: a command that was cut short may be run again.

python -m replication.record --pack OUT.tar.gz [CELL…]   there: pack scored cells (default: all of the profile);
                                                         --weights adds the networks of their last step
python -m replication.record FILE…                       here: check them, keep them, make their report again
"""

from __future__ import annotations

import argparse
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from replication.config.blocks import block_of, device_of, key_of, precision_on
from replication.config.cell import Cell
from replication.config.params import Params, Profile, load_params
from replication.foundation.atomic import scratch_directory
from replication.foundation.command import exit_clearly
from replication.foundation.errors import InputError
from replication.foundation.folders import entries_of
from replication.foundation.places import RECORDED, SCORED, TRAINED
from replication.foundation.provenance import recorded, sha256_file
from replication.report.cells import ScoredCell, read_cell, recorded_blocks, refuse_overlap
from replication.table.archives import pack, unpack
from replication.table.measurements import read_table, table_in, table_to, write_table
from replication.table.scored import write_provenance
from replication.table.validation import distinct
from replication.training.weights import verified_weights

REPORTS = RECORDED.parent


def take_in(archives: Sequence[Path], params: Params, finish: Callable[[], object] = lambda: None) -> list[str]:
    """Keep archives' cells, packed, under `reports/recorded/` and make their profile's report again: all or nothing.

    Returns the names of the blocks taken in. What `finish` raises, as it makes the page, takes all back too.

    Raises:
        InputError: an archive, a row, a hash or a provenance is wrong, a seed is recorded already, or profiles mix.
    """
    from replication.report.build import build_report  # what renders pages is absent where cells are only packed

    contents = [unpack(archive) for archive in archives]
    profile = _one_profile(params, (name.split("/")[0] for content in contents for name in content))
    added: list[Path] = []
    try:
        params_of = replace(params, profile=profile)
        places = [place for each in zip(archives, contents, strict=True) for place in _keep(*each, params_of, added)]
        with _put_back(REPORTS / profile.name):
            build_report(params, profile.name)
            finish()
    except BaseException:
        for place in added:
            shutil.rmtree(place)
        raise
    return [place.name for place in places]


@contextmanager
def _put_back(folder: Path) -> Iterator[None]:
    """Put a folder back as it was, or take it away where there was none, if what is done meanwhile fails."""
    with scratch_directory(folder) as scratch:
        before = scratch / "before"
        if folder.is_dir():
            shutil.copytree(folder, before)
        try:
            yield
        except BaseException:
            if folder.is_dir():
                folder.rename(scratch / "failed")
            if before.is_dir():
                before.rename(folder)
            raise


def _keep(archive: Path, content: Mapping[str, bytes], params: Params, added: list[Path]) -> list[Path]:
    """Move what an archive held to where it is kept, and return the places; those that are new join `added`."""
    with scratch_directory(REPORTS / "incoming") as incoming:
        for name, data in content.items():
            (incoming / name).parent.mkdir(exist_ok=True)
            (incoming / name).write_bytes(data)
        try:
            return [_kept(incoming / name, params, added) for name in sorted({name.split("/")[0] for name in content})]
        except InputError as error:
            raise InputError(f"{archive}: {str(error).replace(f'{incoming}/', '')}") from error


def _kept(folder: Path, params: Params, added: list[Path]) -> Path:
    """Move a block that was unpacked to where it is kept, its table packed; a place that is new joins `added`."""
    table = table_in(folder)
    rows = read_table(table)
    table.unlink()
    write_table(rows, table_to(folder, len(rows), packed=True))
    if "files" in (provenance := recorded(folder)):  # archives of before had none
        write_provenance(folder, provenance)
    place = _accepted(folder, params)
    if not place.exists():
        place.parent.mkdir(exist_ok=True)
        folder.rename(place)
        added.append(place)
    return place


def _one_profile(params: Params, names: Iterable[str]) -> Profile:
    """The profile that all cells of the archives belong to."""
    owners = {}
    for key in map(key_of, names):
        owner = next((profile for profile in params.profiles.values() if key in profile.scored), None)
        if owner is None:
            known = [key for profile in params.profiles.values() for key in profile.scored]
            raise InputError(f"params.yaml has no cell {key!r}; it has {', '.join(known)}.")
        owners[owner.name] = owner
    if len(owners) > 1:
        raise InputError(f"What is packed mixes profiles {' and '.join(sorted(owners))}: pack and take in each apart.")
    return next(iter(owners.values()))


def _accepted(folder: Path, params: Params) -> Path:
    """Where a block that was unpacked is kept, once it fits the plan and measures nothing that is recorded."""
    cell = params.profile.scored[key_of(folder.name)]
    scored = read_cell(folder, cell, params.profile.name, recorded=True)
    asked, block = block_of(params, cell, scored.device, scored.cell.seeds)
    _check_plan(scored, asked, block)
    place = RECORDED / block.name
    if _hashes(folder) == _hashes(place):
        return place
    _check_recipe(scored, params)
    for other in recorded_blocks(cell, params.profile):
        refuse_overlap(scored, other)
    if place.exists():
        raise InputError(f"Block {block.name} is recorded already: remove {place} to replace it.")
    return place


def _hashes(folder: Path) -> dict[str, str]:
    return {path.name: sha256_file(path) for path in entries_of(folder)}


def _check_plan(scored: ScoredCell, params: Params, block: Cell) -> None:
    """Hold a block's device, precision, length and number of training samples against what its cell and recipe say."""
    recipe = None if block.experiment else params.recipe_of(block)
    device = device_of(params, block)
    precision = precision_on(recipe, device) if recipe else "float32"
    if (scored.device, scored.precision) != (device, precision):
        raise InputError(
            f"Cell {block.key} was computed on {scored.device} in {scored.precision}, but by its recipe in params.yaml "
            f"it would be on {device} in {precision}."
        )
    updates = scored.provenance.get("updates")
    if recipe and updates != recipe.updates:
        raise InputError(
            f"Cell {block.key} was trained for {updates} updates, its recipe in params.yaml has {recipe.updates}."
        )
    options = params.datasets.get(block.dataset)
    size = options.splits[block.split].n if recipe and options else 0  # 0: the split says no number
    if size and (other := set(distinct(scored.table, "n_train")) - {size}):
        raise InputError(f"Cell {block.key} was trained on {min(other)} samples, but its split has {size}.")


def _check_recipe(scored: ScoredCell, params: Params) -> None:
    """Hold the hash of what params.yaml said where a block was computed against what it says here."""
    from replication.experiment import options_sha256  # these bring PyTorch
    from replication.training.cells import params_sha256

    cell, provenance = scored.cell, scored.provenance
    judge = str(provenance.get("judge_sha256", ""))
    if cell.experiment == "reference-points" and not judge:
        return  # an archive of before, whose hash is of a judge that nobody has here
    here = options_sha256(params, cell, judge) if cell.experiment else params_sha256(cell, params.recipe_of(cell))
    if provenance["params_sha256"] != here:
        what = "measured with other options" if cell.experiment else "trained from another recipe"
        raise InputError(
            f"Cell {cell.key} was {what} than params.yaml has here, or by a version of the suite that reads them "
            "otherwise: check out the commit that computed it, or run the cell again."
        )


def pack_blocks(blocks: Iterable[Cell], target: Path, weights: bool = False) -> list[str]:
    """Pack scored blocks, under the names of their folders; with `weights` also the networks that were scored last."""
    folders, networks = [], {}
    for block in blocks:
        folder = SCORED / block.folder
        if not table_in(folder).is_file():
            raise InputError(f"Cell {block.name} is not scored: there is no {table_in(folder)}.")
        scored = read_cell(folder, block, block.profile, recorded=False)
        folders.append(folder)
        if weights and not block.experiment:
            networks[folder.name] = verified_weights(TRAINED / block.folder, scored.provenance)
    return pack(folders, target, networks)


def main(arguments: Sequence[str] | None = None) -> None:
    """Pack cells, or take an archive in."""
    parser = argparse.ArgumentParser(prog="python -m replication.record", description=__doc__)
    parser.add_argument("--pack", type=Path, metavar="OUT.tar.gz", help="pack scored cells instead of taking some in")
    parser.add_argument("--weights", action="store_true", help="pack the networks of the last step too")
    parser.add_argument("names", nargs="*", metavar="FILE|CELL", help="archives to take in together, or cells to pack")
    asked = parser.parse_args(arguments)
    params = load_params()
    if asked.pack:
        cells = [params.cell(key) for key in asked.names] or list(params.profile.scored.values())
        names = pack_blocks(cells, asked.pack, weights=asked.weights)
        print(f"record: packed {len(names)} files into {asked.pack}")
        return
    if not asked.names:
        raise InputError("Name one archive or more to take in, or --pack OUT.tar.gz to make one.")
    from replication.page import write_page

    names = take_in([Path(name) for name in asked.names], params, finish=lambda: print(f"page: {write_page(params)}"))
    print(f"record: took in {', '.join(names)}")


if __name__ == "__main__":
    exit_clearly(main)
