"""The examples for Slurm and for clouds: linted here, since they cannot run here."""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from ruamel.yaml import YAML

EXAMPLES = Path(__file__).parents[2] / "benchmarks" / "cluster"


@pytest.mark.parametrize("script", sorted(EXAMPLES.glob("*.sh")), ids=lambda path: path.name)
def test_scripts_pass_shellcheck(script: Path) -> None:
    program = shutil.which("shellcheck", path=str(Path(sys.executable).parent)) or shutil.which("shellcheck")
    assert program, "uv sync installs shellcheck"
    checked = subprocess.run([program, str(script)], capture_output=True, text=True)
    assert checked.returncode == 0, checked.stdout


@pytest.mark.cluster
def test_the_cluster_file_is_what_ray_accepts() -> None:
    if importlib.util.find_spec("ray") is None:
        pytest.skip("Ray is not installed: `uv sync --extra cluster`")
    check = (
        "import sys, yaml; from ray.autoscaler._private.util import prepare_config, validate_config;"
        "validate_config(prepare_config(yaml.safe_load(open(sys.argv[1]))))"
    )
    command = [sys.executable, "-W", "ignore", "-c", check, str(EXAMPLES / "ray-cluster.yaml")]
    checked = subprocess.run(command, capture_output=True, text=True)
    assert checked.returncode == 0, checked.stderr


def test_the_examples_run_the_command_that_exists() -> None:
    config = YAML(typ="safe").load(EXAMPLES / "ray-cluster.yaml")
    assert config["head_node_type"] in config["available_node_types"]
    for path in EXAMPLES.iterdir():
        assert "python -m replication.run --runner ray" in path.read_text(encoding="utf-8"), path.name
