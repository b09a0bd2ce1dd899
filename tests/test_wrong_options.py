"""What options of protocols and experiments may not say: one sentence names the place, the key and the value."""

from __future__ import annotations

import json
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from replication.config.expansion import read_params
from replication.config.experiments import Background, FeatureControls, NearDuplicates, Released
from replication.config.params import load_params
from replication.config.protocols import ProtocolOptions, RealNeighbours
from replication.config.strict import strict
from replication.foundation.errors import InputError

WRITTEN = read_params(Path(__file__).parents[1] / "params.yaml")
WHOLE: dict[type, dict[str, Any]] = {Released: WRITTEN["released"], Background: WRITTEN["background"]}
WRONG: list[tuple[type, tuple[str, ...], Any, str]] = [  # options, the path of a key, its value, what is named
    (ProtocolOptions, ("nearest_generated", "counts"), [], "nearest_generated.counts: "),
    (ProtocolOptions, ("nearest_generated", "counts"), [0, 5], r"nearest_generated.counts\[0\]: .*0"),
    (ProtocolOptions, ("nearest_generated", "counts"), [5, 5], r"nearest_generated: counts are \[5, 5\]"),
    (ProtocolOptions, ("nearest_generated", "counts"), [7, 3], r"nearest_generated: counts are \[7, 3\]"),
    (ProtocolOptions, ("inception", "splits"), 0, "inception.splits: .*0"),
    (ProtocolOptions, ("inception", "kernel_subsets"), 0, "inception.kernel_subsets: .*0"),
    (ProtocolOptions, ("inception", "n_samples"), 9, "inception.n_samples: .*9"),
    (ProtocolOptions, ("inception", "splits"), 5001, "inception: there are 5001 splits and 5000 samples"),
    (ProtocolOptions, ("reference_points", "limited"), [5], r"reference_points.limited\[0\]: .*5"),
    (ProtocolOptions, ("reference_points", "limited"), [50, 50], r"reference_points: limited are \[50, 50\]"),
    (ProtocolOptions, ("reference_points", "samples"), 3, "reference_points.samples: .*3"),
    (ProtocolOptions, ("latent_walk", "points"), 1, "latent_walk.points: .*1"),
    (ProtocolOptions, ("latent_walk", "steps"), 5, "latent_walk.steps: .*multiple of 2.*5"),
    (ProtocolOptions, ("latent_walk", "steps"), 0, "latent_walk.steps: .*0"),
    (ProtocolOptions, ("latent_walk", "walks"), 0, "latent_walk.walks: .*0"),
    (ProtocolOptions, ("latent_arithmetic", "pool"), 20, "latent_arithmetic: pool is 20; .*27"),
    (ProtocolOptions, ("latent_arithmetic", "exemplars"), 0, "latent_arithmetic.exemplars: .*0"),
    (ProtocolOptions, ("latent_arithmetic", "shares"), 2, "latent_arithmetic.shares: .*2"),
    (ProtocolOptions, ("latent_arithmetic", "noise"), -1.0, "latent_arithmetic.noise: .*-1.0"),
    (ProtocolOptions, ("filters", "images"), 19, "filters.images: .*19"),
    (ProtocolOptions, ("forgetting", "draws"), 0, "forgetting.draws: .*0"),
    (ProtocolOptions, ("memorisation", "samples"), 0, "memorisation.samples: .*0"),
    (ProtocolOptions, ("components", "permutations"), 0, "components.permutations: .*0"),
    (RealNeighbours, ("window",), 0, "window: .*0"),
    (RealNeighbours, ("per_class",), [0, 2], r"per_class\[0\]: .*0"),
    (RealNeighbours, ("per_class",), [2, 2], r"per_class are \[2, 2\]"),
    (FeatureControls, ("units",), [4, 400_001], r"units are \[4, 400001\]: .*patches \(400000\)"),
    (FeatureControls, ("patch",), 0, "patch: .*0"),
    (FeatureControls, ("costs",), [], "costs: "),
    (FeatureControls, ("unit",), [3], r"unit: .*accepted keys: \['costs', "),
    (NearDuplicates, ("keep",), 0.0, "keep: .*0.0"),
    (NearDuplicates, ("noise",), -1.0, "noise: .*-1.0"),
    (NearDuplicates, ("pairs",), 0, "pairs: .*0"),
    (NearDuplicates, ("strengths",), {}, "strengths: "),
    (Released, ("per_class",), 0, "per_class: .*0"),
    (Released, ("draws",), "many", "draws: .*integer.*'many'"),
    (Released, ("further_costs",), [0.0], r"further_costs\[0\]: .*0.0"),
    (Released, ("directories",), "a", "directories: .*accepted keys: .*'directory'"),
    (Background, ("latent_dimension", "depth"), 2, "latent_dimension.depth.*accepted keys: .*autoencoder.*widths"),
    (Background, ("outliers", "width"), "8", "outliers.width.*valid integer.*got '8'"),
    (
        Background,
        ("generative_discriminative", "pairs", "ng-jordan", "variance"),
        "tied",
        "generative_discriminative.pairs.ng-jordan.variance: .*'shared' or 'per-class'.*'tied'",
    ),
]


@pytest.mark.parametrize(("shape", "path", "value", "words"), WRONG)
def test_what_is_wrong_is_one_sentence(shape: type, path: tuple[str, ...], value: Any, words: str) -> None:
    options = deepcopy(WHOLE.get(shape, {}))
    node = options
    for key in path[:-1]:
        node = node.setdefault(key, {})
    node[path[-1]] = value
    with pytest.raises(InputError, match=rf"^here: {words}.*\.$") as caught:
        strict(shape, options, "here")
    assert "\n" not in str(caught.value)


def test_only_an_experiment_reads_the_bundled_data_sets(tmp_path: Path) -> None:
    content = deepcopy(WRITTEN)
    content["profiles"]["cpu"]["cells"]["cpu-gan-digits"]["dataset"] = "bundled"
    path = tmp_path / "params.yaml"
    path.write_text(json.dumps(content), encoding="utf-8")
    with pytest.raises(InputError, match=r"cpu-gan-digits: 'bundled' is no dataset of profile cpu; "):
        load_params(path)
