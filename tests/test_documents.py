from __future__ import annotations

import re
import shlex
import subprocess
import sys
from importlib import import_module
from inspect import getsourcelines
from operator import attrgetter

import pytest

from replication.verdicts.benchmarks import claims_of
from tests.in_small import ROOT, own_benchmarks, own_params

DOCUMENTS = ("README.md", "CONTRIBUTING.md", "benchmarks/README.md", "benchmarks/QUESTIONS.md")
NAMES = {deviation.id for benchmark in own_benchmarks() for deviation in benchmark.deviations}
CLAIMS = {claim.id for claim in claims_of(own_benchmarks())}


def text_of(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def commands(name: str) -> list[str]:
    """Lines of the indented blocks of a document that begin with a command, without their comments."""
    lines = (line[4:].split("  #")[0].strip() for line in text_of(name).splitlines() if line.startswith("    "))
    return [line.removeprefix("$ ") for line in lines if re.match(r"(\$ )?(uv|pip|python|bash|OUT=)\b", line)]


@pytest.mark.parametrize("name", DOCUMENTS)
def test_links_lead_somewhere(name: str) -> None:
    links = re.findall(r"\]\((?!https?:)([^)#]+)", text_of(name))
    missing = [link for link in links if not (ROOT / name).parent.joinpath(link).exists()]
    assert not missing


def test_the_questions_name_what_there_is() -> None:
    named = set(re.findall(r"`([a-z0-9_]+(?:-[a-z0-9]+)+)`", text_of("benchmarks/QUESTIONS.md")))
    recipes = {recipe for of_model in own_params().recipes.values() for recipe in of_model}
    assert len(named & CLAIMS) > 20 and len(named & NAMES) > 15
    assert named <= CLAIMS | NAMES | recipes


def test_the_readme_is_short_and_every_command_starts_with_uv() -> None:
    assert len(text_of("README.md").splitlines()) <= 220
    assert all(command.startswith(("uv run ", "pip install uv && uv run ")) for command in commands("README.md"))


def test_a_training_step_is_followed_in_400_lines() -> None:
    rows = re.findall(r"^\| `(\S+)\.py` \| (.+) \|$", text_of("CONTRIBUTING.md"), re.MULTILINE)
    lines: list[int] = []
    for file, names in rows:
        module = import_module(f"replication.{file.replace('/', '.')}")
        lines += [len(getsourcelines(attrgetter(name)(module))[0]) for name in re.findall(r"`(.+?)`", names)]
    assert len(rows) > 10 and 300 < sum(lines) <= 400, sum(lines)


@pytest.mark.slow
@pytest.mark.parametrize("command", sorted({c for name in DOCUMENTS for c in commands(name) if "-m replication" in c}))
def test_a_command_of_the_documents_is_accepted(command: str) -> None:
    """Its module is there, and knows each of its options."""
    words = shlex.split(command)
    module = words[words.index("-m") + 1]
    asked = [sys.executable, "-m", module, "--help"]
    printed = subprocess.run(asked, cwd=ROOT, capture_output=True, text=True, check=True)
    for option in (word for word in words[words.index("-m") + 2 :] if word.startswith("-")):
        assert option.split("=")[0] in printed.stdout, option


@pytest.mark.slow
@pytest.mark.parametrize(
    "command",
    [
        "-m replication.describe deligan toy --variant code",
        "-m replication.prepare digits",
        "-m replication.judge digits",
        "-m replication.run cpu-gan-toy-k1 --seeds 0-1",
        "-m replication.run cpu-deligan-digits --seeds 0 --pack results --weights",
        "-m replication.verdicts power",
        "-m replication.check",
    ],
)
def test_a_command_of_the_readme_runs_without_a_network(command: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    root = tmp_path_factory.getbasetemp() / "readme"
    if not root.exists():
        subprocess.run(["git", "clone", "-q", str(ROOT), str(root)], check=True)
    ended = subprocess.run([sys.executable, *shlex.split(command)], cwd=root, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr
