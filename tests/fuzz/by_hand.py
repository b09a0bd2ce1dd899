"""What people write into params.yaml by mistake, read by the commands `inputs` and `describe` in this process."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Iterator
from contextlib import chdir, redirect_stdout
from io import StringIO
from pathlib import Path

from replication import inputs
from replication.describe import __main__ as describe
from tests.fuzz.outcomes import ACCEPTED, Outcome, Trial, outcome_of
from tests.fuzz.subject import PARAMS, ROOT

TEXT = PARAMS.read_text(encoding="utf-8")
THEORY = "theory: {hidden"
RUN = "run: *cpu"
K5 = "toy-k5: {extends: toy-k1, inner_steps: 5}"
JUDGE = "digits: {name: digits-classifier"
SEEDS = "split: full, variant: code, seeds: 0-39"
LAUGHS = "".join(f"l{n}: &l{n} [{', '.join([f'*l{n - 1}'] * 9)}]\n" for n in range(1, 9))
# What stands in the file, and what is written in its place: a text, from ^ a pattern, and "" for the whole file.
CASES: dict[str, tuple[str, str]] = {
    "nothing": ("", ""),
    "a comment alone": ("", "# nothing yet\n"),
    "null": ("", "null\n"),
    "a list": ("", "- datasets\n- recipes\n"),
    "a number": ("", "7\n"),
    "a text": ("", "params\n"),
    "HTML": ("", "<!DOCTYPE html>\n<html><body>404: not found</body></html>\n"),
    "JSON cut short": ("", '{"datasets": {"digits": {"source": "digits"'),
    "a pointer of Git LFS": ("", "version https://git-lfs.github.com/spec/v1\noid sha256:0123\nsize 12\n"),
    "conflict marks": (RUN, "<<<<<<< HEAD\nrun: *cpu\n=======\nrun: *paper\n>>>>>>> other\n"),
    "a tab": (THEORY, "\ttheory: {hidden"),
    "a control character": (RUN, "run: *cpu \x07"),
    "a mark of the encoding": (TEXT[:20], f"\ufeff{TEXT[:20]}"),
    "two documents": (RUN, f"{RUN}\n---\nrun: *paper"),
    "a key twice": (RUN, f"{RUN}\nrun: *paper"),
    "an anchor that is missing": (RUN, "run: *gpu"),
    "an anchor twice": ("paper: &paper", "paper: &cpu"),
    "an alias inside itself": (RUN, f"{RUN}\nloop: &loop [*loop]"),
    "an alias inside itself, a mapping": (RUN, f"{RUN}\nloop: &loop {{again: *loop}}"),
    "a profile inside itself": ("    name: cpu\n", "    name: cpu\n    protocols: *cpu\n"),
    "aliases of aliases": (RUN, f"l0: &l0 [1, 1, 1, 1, 1, 1, 1, 1, 1]\n{LAUGHS}{RUN}"),
    "deep brackets": (RUN, f"{RUN}\ndeep: {'[' * 60}{']' * 60}"),
    "deeper brackets": (RUN, f"{RUN}\ndeep: {'[' * 5000}{']' * 5000}"),
    "deepest brackets": (RUN, f"{RUN}\ndeep: {'[' * 200_000}{']' * 200_000}"),
    "deepest dashes": (RUN, f"{RUN}\ndeep:\n{'- ' * 100_000}1"),
    "a huge integer": ("updates: 1500,", f"updates: {'9' * 30},"),
    "a huger integer": ("updates: 1500,", f"updates: {'9' * 6000},"),
    "a huge exponent": ("learning_rate: 3.0e-3, q", "learning_rate: 1e999, q"),
    "a tag of Python": ("updates: 1500,", "updates: !!python/object/apply:os.getpid [],"),
    "a tag of an integer": ("updates: 1500,", "updates: !!int many,"),
    "a tag of a truth": ("updates: 1500,", "updates: !!bool many,"),
    "a set": ("hidden: [32, 32], updates", "hidden: !!set {32}, updates"),
    "a date": (SEEDS, "split: full, variant: code, seeds: 2020-01-01"),
    "a date for a number": ("updates: 1500,", "updates: 2020-01-01,"),
    "a date that is none": ("updates: 1500,", "updates: 2020-13-45,"),
    "bytes": ("updates: 1500,", "updates: !!binary aGVsbG8=,"),
    "not a number": ("q_standard_deviation: 0.6", "q_standard_deviation: .nan"),
    "infinity": ("q_standard_deviation: 0.6", "q_standard_deviation: -.inf"),
    "a key that is a number": (THEORY, "1: x\ntheory: {hidden"),
    "a key that is nothing": (THEORY, "null: x\ntheory: {hidden"),
    "a key that is true": (THEORY, "true: x\ntheory: {hidden"),
    "a key that is a list": (THEORY, "? [a, b]\n: x\ntheory: {hidden"),
    "a key that is a number, below": (JUDGE, "7: {name: digits-classifier"),
    "a model that is a number": ("  deligan:\n    toy:", "  7:\n    toy:"),
    "the profile as a text": (RUN, "run: cpu"),
    "another text for the profile": (RUN, "run: gpu"),
    "no profile in force": (RUN, ""),
    "nothing for the profile": (RUN, "run:"),
    "a list for the profile": (RUN, "run: [*cpu]"),
    "seeds as a number": (SEEDS, "split: full, variant: code, seeds: 7"),
    "seeds as a negative number": (SEEDS, "split: full, variant: code, seeds: -7"),
    "seeds as a truth": (SEEDS, "split: full, variant: code, seeds: true"),
    "seeds as a list": (SEEDS, "split: full, variant: code, seeds: [0, 1]"),
    "seeds without end": (SEEDS, "split: full, variant: code, seeds: 0-999999999999"),
    "seeds of other digits": (SEEDS, "split: full, variant: code, seeds: ٣-٤"),
    "a product without end": (SEEDS, f"split: full, variant: code, seeds: [{', '.join(map(str, range(6000)))}]"),
    "seeds that overlap": (SEEDS, "split: full, variant: code, seeds: [0-5, 3-7]"),
    "a cell's paper misspelt": (SEEDS, f"{SEEDS}, paper: deligan2016"),
    "a cell's split misspelt": (SEEDS, "split: fulll, variant: code, seeds: 0-39"),
    "a model's paper misspelt": ("gan: gan2014,", "gan: gan2015,"),
    "a paper of no model": ("gan: gan2014,", "gann: gan2014,"),
    "a judge without entry": ("judges: [digits, digits-planted]", "judges: [digits, toy-bimodal]"),
    "a judge of no data": (JUDGE, "digit: {name: digits-classifier"),
    "another's judge misspelt": ("judged_by: cifar10-jpeg", "judged_by: cifar10-jpg"),
    "no such generator": ("generator: toy-k1}", "generator: toy-k9}"),
    "no such bundled set": ("datasets: [iris, wine,", "datasets: [iris, whine,"),
    "labels of no data": ("limited_labels_of: {svhn", "limited_labels_of: {svhm"),
    "no such recipe": ("{model: deligan, recipe: [toy, toy-gan]", "{model: deligan, recipe: [toy, toy-gun]"),
    "an experiment's recipe misspelt": ("model: gan, recipe: theory", "model: gan, recipe: theories"),
    "an experiment among cells": ("{model: gan, recipe: digits,", "{name: x, experiment: outliers, model: gan,"),
    "no data sets": ("^    datasets: .*\n", ""),
    "a data set twice": ("datasets: [toy-bimodal, digits,", "datasets: [toy-bimodal, digits, digits,"),
    "no judges": ("^    judges: .*\n", ""),
    "no protocols": ("^    protocols:\n(      .*\n)+", ""),
    "no neighbours": ("^    real_neighbours: .*\n", ""),
    "no controls": ("^    feature_controls: .*\n", ""),
    "no near-duplicates": ("^    near_duplicates: .*\n", ""),
    "no experiments": ("^    experiments:\n(      .*\n)+", ""),
    "variants as a list": ("^       variants: {paper: {}, code: {noise: .*$", "variants: [paper, code]}"),
    "a recipe that extends itself": (K5, "toy-k5: {extends: toy-k5, inner_steps: 5}"),
    "a recipe that is a list": (K5, "toy-k5: [toy-k1]"),
    "a recipe without values": (K5, "toy-k5:"),
    "a comma for a point": ("q_standard_deviation: 0.6", "q_standard_deviation: 0,6"),
    "a number as a text": ("updates: 1500,", "updates: '1500',"),
    "a truth for a number": ("updates: 1500,", "updates: true,"),
    "a fraction for a count": ("updates: 1500,", "updates: 1500.5,"),
    "an exponent for a count": ("updates: 1500,", "updates: 2e3,"),
}  # fmt: skip
# What may stand so: a mark that editors write, seeds without quotation marks, and keys that have a default.
MEANT = {
    "a mark of the encoding", "seeds as a number", "seeds as a list", "no protocols", "no neighbours",
    "no controls", "no near-duplicates", "no experiments",
}  # fmt: skip


def texts() -> Iterator[tuple[str, bytes]]:
    """The name and the file of every case."""
    for name, (old, new) in CASES.items():
        pattern = old if old.startswith("^") else re.escape(old) or r"\A[\s\S]*\Z"
        content, count = re.subn(pattern, lambda _, new=new: new, TEXT, count=1, flags=re.MULTILINE)
        assert count, f"{name}: params.yaml has no {old!r}"
        yield name, content.encode()
    yield "bytes of no text", bytes(range(256))
    yield "UTF-16", TEXT.encode("utf-16")
    yield "Latin-1", "# caf\xe9\n".encode("latin-1")


def hand_trials(every: int = 1) -> list[Trial]:
    """Each case, or each so-manieth, read by both commands; unreasoned are accepted ones that are not `MEANT`."""
    with tempfile.TemporaryDirectory() as folder, chdir(folder):
        for name in ("replication", "benchmarks"):
            os.symlink(ROOT / name, name)
        outcomes = {name: _read(content) for name, content in list(texts())[::every]}
    return [Trial(name, out, out.kind == ACCEPTED and name not in MEANT) for name, out in outcomes.items()]


def _read(content: bytes) -> Outcome:
    """The worst of both outcomes: what the second command does after the first has accepted the file."""
    Path("params.yaml").write_bytes(content)
    commands = (lambda: inputs.main([]), lambda: describe.main(["gan", "toy-k1"]), lambda: describe.main(["--cells"]))
    outcome = Outcome("")
    with redirect_stdout(StringIO()):
        for command in commands:
            outcome = outcome_of(command)
            if outcome.text:
                break
    return outcome
