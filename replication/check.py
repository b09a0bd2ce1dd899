"""The gate, outside the pipeline: do the committed verdicts and pages follow from the committed measurements?

python -m replication.check [--profile NAME]    every problem on a line of its own, exit status 1 if there is one
python -m replication.check --against DIR       a report made anew must give the committed verdicts in every word
"""

from __future__ import annotations

import argparse
import json
import math
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from replication.config.blocks import key_of
from replication.config.params import Params, load_params
from replication.foundation.command import exit_clearly
from replication.foundation.errors import InputError, chosen
from replication.foundation.folders import files_below
from replication.foundation.foreign import read_json
from replication.foundation.places import RECORDED
from replication.foundation.provenance import sha256_file
from replication.report.cells import grouped
from replication.report.page import README, Page, committed_reports, pages, read_page, read_readme, with_tables
from replication.report.provenance import read_report
from replication.report.sources import PROVENANCE, REPORTS, VERDICTS
from replication.report.wording import ORIGINS
from replication.table.columns import KEY
from replication.table.measurements import read_table, table_in
from replication.verdicts.benchmarks import claims_of, load_benchmarks
from replication.verdicts.published import Benchmark
from replication.verdicts.records import to_json
from replication.verdicts.studies.power import problems as of_plans
from replication.verdicts.verdict import judge_all

WORDS = ("claim", "origin", "word", "adjusted_word")  # texts of a verdict
TOLERANCE = 1e-4  # relative; verdicts.json keeps six digits, and the last ones may differ between machines


def problems(params: Params, profiles: Sequence[str]) -> list[str]:
    """Everything that is wrong with the reports of `profiles`, with the page and with the README, one sentence each."""
    try:
        benchmarks = load_benchmarks()
    except InputError as error:
        return [str(error)]
    wrong = [
        f"benchmarks/{paper.paper}.yaml: {entry.id} has no source: say where the paper says it."
        for paper in benchmarks
        for entry in (*paper.claims, *paper.tables)
        if not entry.source.strip()
    ]
    wrong += of_plans(claims_of(benchmarks))
    for profile in profiles:
        wrong += _of_report(params, profile, benchmarks)
    if not wrong:  # a page of reports that are wrong themselves says nothing new
        try:
            page = read_page(params, benchmarks)
            wrong += [*_of_page(page), *_of_readme(page)]
        except (InputError, FileNotFoundError) as error:
            wrong.append(str(error))
    return wrong


def _of_report(params: Params, profile: str, benchmarks: Sequence[Benchmark]) -> list[str]:
    folder = REPORTS / profile
    wrong: list[str] = []
    try:
        provenance = read_report(folder / PROVENANCE)
        wrong += _edited(folder, provenance)
        wrong += _of_cells(params, profile, provenance)
        wrong += _of_verdicts(folder, benchmarks, provenance["device"])
    except InputError as error:
        wrong.append(str(error))
    return list(dict.fromkeys(wrong))


def _edited(folder: Path, provenance: dict[str, Any]) -> Iterator[str]:
    """Files that are missing, differ from the hash taken when they were made, or were never made by the report."""
    for name, digest in provenance["files"].items():
        path = folder / name
        if not path.is_file():
            yield f"{path} is missing: run `uv run dvc repro` to make it again."
        elif sha256_file(path) != digest:
            yield f"{path} is not the file that the report made: it was edited; run `uv run dvc repro`."
    known = {*provenance["files"], PROVENANCE}
    for path in files_below(folder):
        if path.relative_to(folder).as_posix() not in known:
            yield f"{path} was not made by the report: remove it."


def _of_cells(params: Params, profile: str, provenance: dict[str, Any]) -> Iterator[str]:
    """Cells that params.yaml has otherwise, and recorded cells that differ from what the report joined."""
    cells = provenance["cells"]
    named = {name: key_of(name) for name in cells}
    expected, reported = set(params.profiles[profile].scored), {*named.values(), *provenance["not_measured"]}
    for key in sorted(expected ^ reported):
        where = "params.yaml" if key in expected else f"reports/{profile}"
        yield f"Cell {key} stands only in {where}: run `uv run dvc repro`."
    for name, cell in cells.items():
        path = table_in(RECORDED / name)
        if cell["recorded"] and (not path.is_file() or sha256_file(path) != cell["measurements_sha256"]):
            yield f"{path} is missing or not what the report of {profile} joined: restore it from Git."


def _of_verdicts(folder: Path, benchmarks: Sequence[Benchmark], device: str) -> Iterator[str]:
    claims = claims_of(benchmarks)
    derived = json.loads(to_json(judge_all(claims, read_table(table_in(folder)), device)))
    path = folder / VERDICTS
    committed = _records(path) if path.is_file() else []
    ours, theirs = ({record["claim"]: record for record in records} for records in (derived, committed))
    for claim in sorted(ours.keys() | theirs.keys()):
        difference = _difference(ours.get(claim), theirs.get(claim), "")
        if difference:
            yield f"{folder / VERDICTS}: claim {claim}{difference}."


def _difference(derived: Any, committed: Any, place: str) -> str:
    """The first place where two JSON values differ by more than the last digits; "" where none does."""
    if isinstance(derived, dict) and isinstance(committed, dict) and derived.keys() == committed.keys():
        parts = (_difference(derived[key], committed[key], f"{place}.{key}") for key in derived)
        return next(filter(None, parts), "")
    if isinstance(derived, list) and isinstance(committed, list) and len(derived) == len(committed):
        pairs = enumerate(zip(derived, committed, strict=True))
        return next(filter(None, (_difference(a, b, f"{place}[{n}]") for n, (a, b) in pairs)), "")
    if isinstance(derived, float | int) and isinstance(committed, float | int) and type(derived) is not bool:
        if math.isclose(derived, committed, rel_tol=TOLERANCE, abs_tol=1e-9):
            return ""
    if derived == committed:
        return ""
    text = " ".join(f"{committed!r}"[:80].split())
    return f"{place} says {text}, the measurements give {f'{derived!r}'[:80]}"


def _of_page(page: Page) -> Iterator[str]:
    for name, text in pages(page).items():
        path = REPORTS / name
        committed = path.read_text(encoding="utf-8", errors="surrogateescape") if path.is_file() else ""
        if committed != text:
            lines = zip(f"{committed}\n".splitlines(), f"{text}\n".splitlines(), strict=False)
            line = next((n for n, (before, now) in enumerate(lines, start=1) if before != now), 0)
            where = f" from line {line}" if line else ""
            yield f"{path} is stale: it differs{where} from what the reports give; run `uv run dvc repro`."


def _of_readme(page: Page) -> Iterator[str]:
    readme = read_readme(README)
    if with_tables(readme, page) != readme:
        command = "uv run python -m replication.page --update-readme"
        yield f"The tables in {README} are not those of the page: run `{command}`."


def against(fresh: Path, committed: Path) -> tuple[list[str], list[str]]:
    """Problems (words or rows that differ) and the drift of numbers between two report folders, a line a metric."""
    wrong = []
    words = [_words(folder / VERDICTS) for folder in (fresh, committed)]
    for claim in sorted(words[0].keys() | words[1].keys()):
        new, old = (by_claim.get(claim) for by_claim in words)
        if new != old:
            wrong.append(f"Claim {claim} is {new or 'absent'} in {fresh}, but {old or 'absent'} in {committed}.")
    tables = [read_table(table_in(folder)) for folder in (fresh, committed)]
    joined = pd.merge(*tables, on=list(KEY), how="outer", suffixes=("", "_old"), indicator=True, validate="1:1")
    both = (joined["_merge"] == "both").to_numpy(dtype=bool)
    whole = (joined["class"] == "all").to_numpy(dtype=bool)
    lone, classes = int((~both & whole).sum()), int((~both & ~whole).sum())
    if lone:
        wrong.append(f"{lone} measurements stand in only one of {fresh} and {committed}.")
    drift = _drift(joined.loc[both])
    if classes:  # a class that no sample falls into has no score
        drift.append(f"{classes} scores of a class stand in only one of the two, where no sample fell into it")
    return wrong, drift


def _drift(joined: pd.DataFrame) -> list[str]:
    lines = []
    for (metric,), rows in grouped(joined, ["metric"]):
        new, old = (rows[name].to_numpy(dtype=np.float64) for name in ("value", "value_old"))
        unlike = int((np.isnan(new) != np.isnan(old)).sum())
        scale = np.maximum(np.maximum(np.abs(new), np.abs(old)), 1e-12)
        relative = np.nan_to_num(np.abs(new - old) / scale)
        lines.append(f"{metric}: largest relative difference {relative.max():.2g} over {len(rows)} measurements")
        if unlike:
            lines[-1] += f"; {unlike} diverged in only one of the two"
    return lines


def _words(path: Path) -> dict[str, str]:
    return {each["claim"]: f"{each['word']} ({each['adjusted_word']} after Holm)" for each in _records(path)}


def _records(path: Path) -> list[dict[str, Any]]:
    try:
        records = read_json(path)
        if not all(isinstance(each[key], str) for each in records for key in WORDS):
            raise ValueError("a word is no text")
        return records
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"{path} holds no verdicts ({error}): make that report again.") from error


def _tally(path: Path) -> str:
    """How many claims of each origin have each adjusted word."""
    records = _records(path)
    counts = {name: Counter(v["adjusted_word"] for v in records if v["origin"] == key) for key, name in ORIGINS.items()}
    return "; ".join(
        f"{name}: {', '.join(f'{n} {word}' for word, n in words.most_common())}"
        for name, words in counts.items()
        if words
    )


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the problems found and leave with status 1 if there are any."""
    parser = argparse.ArgumentParser(prog="python -m replication.check", description=__doc__)
    parser.add_argument("--profile", help="the profile whose report is checked (default: every one that has a report)")
    parser.add_argument("--against", type=Path, metavar="DIR", help="a freshly made report of that profile")
    asked = parser.parse_args(arguments)
    params = load_params()
    if asked.profile:
        chosen(params.profiles, asked.profile, "profile of params.yaml")
    profiles = [asked.profile] if asked.profile else committed_reports(params) or [params.profile.name]
    if asked.against:
        wrong, drift = against(asked.against, REPORTS / (asked.profile or params.profile.name))
        print("\n".join(drift))
    else:
        wrong = problems(params, profiles)
    if wrong:
        print("\n".join(f"check: {problem}" for problem in wrong), file=sys.stderr)
        raise SystemExit(1)
    agree = f"{asked.against} and the committed report agree in every verdict"
    follow = f"the report of {', '.join(profiles)} follows from its measurements"
    print(f"check: {agree if asked.against else follow}.")
    for profile in () if asked.against else profiles:
        print(f"check: {profile}: {_tally(REPORTS / profile / VERDICTS)}.")


if __name__ == "__main__":
    exit_clearly(main)
