"""What a command imports before it begins: each stage is a process, and some packages take seconds to import."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from replication.config.expansion import read_params
from replication.inputs import stage_inputs

ROOT = Path(__file__).parents[1]
HEAVY = {
    "IPython",
    "PIL",
    "dvc",
    "jinja2",
    "jsonschema",
    "matplotlib",
    "numba",
    "pandas",
    "scipy",
    "sklearn",
    "statsmodels",
    "torch",
    "torch._dynamo",
    "torch_fidelity",
    "torchvision",
}
# By process: modules in the order of their import, with the heavy packages there are after each.
PLAIN = {
    "inputs": set(),
    "prepare": set(),
    "describe.__main__": {"jsonschema"},
    "report.__main__": {"jsonschema", "pandas", "scipy"},
    "page": {"jsonschema", "jinja2", "pandas", "scipy"},
    "check": {"jsonschema", "jinja2", "pandas", "scipy"},
}
COMPUTING = {
    "train": {"torch"},
    "judge": {"torch"},
    "score": {"torch", "pandas"},
    "experiment": {"torch", "pandas"},
    "run": {"torch", "pandas"},  # it runs on a machine without what renders pages, and without DVC
}
ASK = """
import gc, importlib, json, sys
gc.disable()
found, heavy = {}, json.loads(sys.argv[2])
for name in json.loads(sys.argv[1]):
    module = importlib.import_module("replication." + name)
    sources = [getattr(one, "__file__", None) for one in sys.modules.values()]
    found[name] = [[one for one in heavy if one in sys.modules], [str(one) for one in sources]]
print(json.dumps(found))
"""


@pytest.fixture(scope="module")
def imported() -> dict[str, tuple[set[str], set[str]]]:
    """Of each command: heavy packages and sources of the project once it is imported."""
    started = [
        subprocess.Popen(
            [sys.executable, "-c", ASK, json.dumps(list(names)), json.dumps(sorted(HEAVY))],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            text=True,
        )
        for names in (PLAIN, COMPUTING)
    ]
    found: dict[str, tuple[set[str], set[str]]] = {}
    for process in started:
        written, _ = process.communicate()
        assert process.returncode == 0
        for name, (heavy, sources) in json.loads(written).items():
            own = {Path(file) for file in sources if file.startswith(str(ROOT / "replication"))}
            found[name] = set(heavy), {str(file.relative_to(ROOT)) for file in own}
    return found


@pytest.mark.parametrize("name", [*PLAIN, *COMPUTING])
def test_a_command_imports_what_it_needs(imported: dict[str, tuple[set[str], set[str]]], name: str) -> None:
    heavy, _ = imported[name]
    assert heavy == {**PLAIN, **COMPUTING}[name]


def test_what_a_stage_imports_is_among_its_inputs(imported: dict[str, tuple[set[str], set[str]]]) -> None:
    first = next(iter(COMPUTING))  # later ones share their process with others
    _, sources = imported[first]
    inputs = stage_inputs(read_params(ROOT / "params.yaml"), ROOT)
    assert len(sources) > 20 and sources <= set(inputs[f"{first}/gan"]["code"])


GARBAGE = """
import gc, sys
sys.argv[0] = sys.argv[1]
import replication
from replication.foundation.command import exit_clearly
before = gc.isenabled()
exit_clearly(lambda: print(before, gc.isenabled()))
"""


@pytest.mark.parametrize(("name", "collects"), [("-m", "False"), ("script.py", "True")])
def test_a_command_looks_for_garbage_once_it_works(name: str, collects: str) -> None:
    command = [sys.executable, "-c", GARBAGE, name]
    said = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    assert said == [collects, "True"]
