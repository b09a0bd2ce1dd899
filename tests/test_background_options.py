from __future__ import annotations

import json
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from replication.config.background import Background
from replication.config.expansion import read_params
from replication.config.params import load_params
from replication.config.strict import strict
from replication.foundation.errors import InputError

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def written() -> dict[str, Any]:
    return read_params(ROOT / "params.yaml")


@pytest.mark.parametrize(
    ("keys", "value", "sentence"),
    [
        (("latent_dimension", "depth"), 2, r"latent_dimension\.depth.*accepted keys: .*autoencoder.*widths"),
        (("outliers", "width"), "8", r"outliers\.width.*valid integer.*got '8'"),
        (
            ("generative_discriminative", "pairs", "ng-jordan", "variance"),
            "tied",
            r"generative_discriminative\.pairs\.ng-jordan\.variance: .*'shared' or 'per-class'.*'tied'",
        ),
    ],
)
def test_what_is_wrong_is_one_clear_sentence(
    keys: tuple[str, ...], value: Any, sentence: str, written: dict[str, Any]
) -> None:
    options = deepcopy(written["background"])
    node = options
    for key in keys[:-1]:
        node = node[key]
    node[keys[-1]] = value
    with pytest.raises(InputError, match=f"^params.yaml: background: {sentence}"):
        strict(Background, options, "params.yaml: background")


def test_only_an_experiment_reads_the_bundled_data_sets(written: dict[str, Any], tmp_path: Path) -> None:
    content = deepcopy(written)
    content["profiles"]["cpu"]["cells"]["cpu-gan-digits"]["dataset"] = "bundled"
    path = tmp_path / "params.yaml"
    path.write_text(json.dumps(content), encoding="utf-8")
    with pytest.raises(InputError, match=r"cpu-gan-digits: 'bundled' is no dataset of profile cpu; "):
        load_params(path)
