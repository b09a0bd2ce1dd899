"""The committed report of one profile as the page reads it: measurements, verdicts, provenance and figures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from replication.foundation.errors import InputError
from replication.report.cells import IDENTITY, read_provenance
from replication.report.pictures import Figure, figure
from replication.table.measurements import each_seed_once, read_table, table_in
from replication.verdicts.claims import Claim, Selection
from replication.verdicts.records import from_json
from replication.verdicts.verdict import Verdict

VERDICTS, PROVENANCE = "verdicts.json", "provenance.json"


@dataclass(frozen=True)
class Source:
    """What one profile measured. `table` counts a seed once; `rows` are those of all devices."""

    profile: str
    folder: Path
    table: pd.DataFrame
    rows: int
    verdicts: Mapping[str, Verdict]  # by claim
    provenance: Mapping[str, Any]
    figures: tuple[Figure, ...]

    @property
    def cells(self) -> Mapping[str, Mapping[str, Any]]:
        """Provenance of each block of seeds, by the name of its folder."""
        return self.provenance["cells"]

    def blocks(self, selection: Selection) -> dict[str, Mapping[str, Any]]:
        """Blocks of the cells that a claim's selection reads; none where an experiment names its rows otherwise."""
        wanted = {column: str(selection[column]) for column in IDENTITY if column in selection and column != "paper"}
        return {
            name: block
            for name, block in self.cells.items()
            if all(block[column] == value for column, value in wanted.items())
        }


def read_source(folder: Path, claims: Sequence[Claim]) -> Source:
    """Read a report's folder, `reports/<profile>`.

    Raises:
        InputError: a file of the folder is missing or broken, or its verdicts are not those of the claims.
    """
    measured, provenance = read_table(table_in(folder)), read_provenance(folder / PROVENANCE)
    return Source(
        profile=provenance["profile"],
        folder=folder,
        table=each_seed_once(measured, provenance["device"]),
        rows=len(measured),
        verdicts=_verdicts(folder / VERDICTS, claims),
        provenance=provenance,
        figures=tuple(figure(record, folder) for record in provenance["figures"]),
    )


def _verdicts(path: Path, claims: Sequence[Claim]) -> dict[str, Verdict]:
    try:
        verdicts = {verdict.claim: verdict for verdict in from_json(path.read_text(encoding="utf-8"))}
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise InputError(f"{path} holds no verdicts ({error}): run `uv run dvc repro` to make it again.") from error
    difference = verdicts.keys() ^ {claim.id for claim in claims}
    if difference:
        first = sorted(difference)[0]
        command = f"uv run python -m replication.report --profile {path.parent.name}"
        raise InputError(f"{path} and benchmarks/ have different claims (such as {first}): run `{command}`.")
    return verdicts
