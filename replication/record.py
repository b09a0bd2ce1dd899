"""Take in measurements made on another machine, such as a GPU without DVC.

python -m replication.record --pack OUT.tar.gz [CELL…]   there: pack scored cells (default: all of the profile)
python -m replication.record FILE                        here: check them, keep them, make their report again
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path

from replication.archives import pack, unpack
from replication.errors import InputError, exit_clearly
from replication.params import Params, Profile, load_params
from replication.report.build import BENCHMARKS, REPORTS, build_report
from replication.report.cells import FILES, RECORDED, SCORES, ScoredCell, read_cell


def take_in(
    archive: Path, params: Params, reports: Path = REPORTS, scores: Path = SCORES, benchmarks: Path = BENCHMARKS
) -> list[str]:
    """Keep an archive's cells under `reports/recorded/` and make their profile's report again: all of it or nothing.

    Returns:
        The keys of the cells taken in.

    Raises:
        InputError: the archive, a row, a hash or a provenance is wrong, or a cell is recorded already.
    """
    content = unpack(archive)
    reports.mkdir(parents=True, exist_ok=True)
    incoming = Path(tempfile.mkdtemp(prefix=".incoming.", dir=reports))
    kept: list[Path] = []
    try:
        for name, data in content.items():
            (incoming / name).parent.mkdir(exist_ok=True)
            (incoming / name).write_bytes(data)
        profile = _one_profile(params, (name.split("/")[0] for name in content))
        cells = [
            _accepted(incoming, key, profile, params, reports) for key in sorted({n.split("/")[0] for n in content})
        ]
        for scored in cells:
            place = reports / RECORDED.name / scored.cell.key
            place.parent.mkdir(exist_ok=True)
            scored.folder.rename(place)
            kept.append(place)
        build_report(params, profile.name, reports, scores, benchmarks)
    except BaseException:
        for place in kept:
            shutil.rmtree(place)
        raise
    finally:
        shutil.rmtree(incoming, ignore_errors=True)
    return [place.name for place in kept]


def _one_profile(params: Params, keys: Iterable[str]) -> Profile:
    """The profile that all cells of an archive belong to."""
    owners = {}
    for key in keys:
        owner = next((profile for profile in params.profiles.values() if key in profile.scored), None)
        if owner is None:
            known = [key for profile in params.profiles.values() for key in profile.scored]
            raise InputError(f"params.yaml has no cell {key!r}; it has {', '.join(known)}.")
        owners[owner.name] = owner
    if len(owners) > 1:
        raise InputError(f"The archive mixes profiles {' and '.join(sorted(owners))}: pack one for each.")
    return next(iter(owners.values()))


def _accepted(incoming: Path, key: str, profile: Profile, params: Params, reports: Path) -> ScoredCell:
    if (reports / RECORDED.name / key).exists():
        raise InputError(f"Cell {key} is recorded already: remove {reports / RECORDED.name / key} to replace it.")
    cell = profile.scored[key]
    scored = read_cell(incoming / key, cell, profile.name, recorded=True)
    if not cell.experiment:
        planned, updates = params.recipe_of(cell).updates, scored.provenance.get("updates")
        if updates != planned:
            raise InputError(f"Cell {key} was trained for {updates} updates, its recipe in params.yaml has {planned}.")
    return scored


def pack_cells(params: Params, target: Path, keys: Sequence[str], scores: Path = SCORES) -> list[str]:
    """Pack scored cells of the profile in force; all of them unless `keys` names some."""
    chosen = [params.cell(key) for key in keys] or list(params.profile.scored.values())
    for cell in chosen:
        if not (scores / cell.folder / FILES[0]).is_file():
            raise InputError(f"Cell {cell.key} is not scored: there is no {scores / cell.folder / FILES[0]}.")
        read_cell(scores / cell.folder, cell, params.profile.name, recorded=False)
    return pack((scores / cell.folder for cell in chosen), target)


def main(arguments: Sequence[str] | None = None) -> None:
    """Pack cells, or take an archive in."""
    parser = argparse.ArgumentParser(prog="python -m replication.record", description=__doc__)
    parser.add_argument("--pack", type=Path, metavar="OUT.tar.gz", help="pack scored cells instead of taking some in")
    parser.add_argument("names", nargs="*", metavar="FILE|CELL", help="the archive to take in, or the cells to pack")
    given = parser.parse_args(arguments)
    params = load_params()
    if given.pack:
        names = pack_cells(params, given.pack, given.names)
        print(f"record: packed {len(names)} files into {given.pack}")
        return
    if len(given.names) != 1:
        raise InputError(f"Name one archive to take in, or --pack OUT.tar.gz to make one (got {len(given.names)}).")
    keys = take_in(Path(given.names[0]), params)
    print(f"record: took in {', '.join(keys)}")


if __name__ == "__main__":
    exit_clearly(main)
