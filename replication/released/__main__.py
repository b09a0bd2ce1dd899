"""DCGAN's released networks: `python -m replication.released DIR --dataset NAME --labels-per-class 400`.

DIR holds the authors' Theano arrays (`*.npy`, a folder of models/ in Newmu/dcgan_code). Prints the accuracy of the
L2-SVM on the discriminator's features (DCGAN §5), on draws of so many labels per class or on `all`; `--json` prints it
for a program. `--samples OUT.png` draws the released generator's samples. Trains no network. What the report shows of
the discriminator is measured by the experiment `released-probe` (`replication.experiment`), on the same features.
"""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from replication.data.reading import PreparedImages, load_images
from replication.foundation.command import exit_clearly
from replication.foundation.errors import InputError
from replication.foundation.places import DATA
from replication.foundation.provenance import environment, sha256_text
from replication.foundation.seeding import generator
from replication.verdicts.benchmarks import claims_of, load_benchmarks

if TYPE_CHECKING:  # torch takes seconds to load, and a wrong argument is said at once
    from replication.released.weights import ReleasedDiscriminator

BENCHMARKS = Path("benchmarks")
DRAWS, SEED = 10, 0
SAMPLES = 400  # normalised together (Newmu/dcgan_code, imagenet/load_pretrained.py)
CLAIMS = {400: "dcgan-cifar10-400-per-class", None: "dcgan-cifar10-accuracy"}  # by labels per class; None is all


def measure(directory: Path, dataset: str, per_class: int | None, draws: int, device: str) -> dict[str, Any]:
    """The probe of a released discriminator on a prepared data set, and what it depends on.

    InputError where weights, data set or device are missing, or do not fit one another.
    """
    data = load_images(DATA / dataset)

    import torch

    from replication.foundation.runtime import Clock, prepare_device
    from replication.released.probe import probe_released
    from replication.released.weights import read_discriminator

    if device == "cuda" and not torch.cuda.is_available():
        raise InputError("--device cuda: torch finds no CUDA device here; leave the option out to compute on the CPU.")
    threads = os.cpu_count() or 1 if prepare_device(device) == "cpu" else 1
    released, clock = read_discriminator(directory), Clock()
    result = described(released, data, per_class) | {"environment": environment(device, threads)}
    result |= probe_released(released, data, per_class, draws, SEED, device, threads)
    return {**result, "duration_s": clock.read()["duration_s"]}


def described(released: ReleasedDiscriminator, data: PreparedImages, per_class: int | None) -> dict[str, Any]:
    """What stands beside an accuracy: layers, missing files, data, hashes, and what was published or why nothing is."""
    differs = differences(released, data, per_class)
    convolutions = len(released.network.discriminator)
    arrays = {file: digest for file, digest in data.manifest["files"].items() if file.endswith(".npy")}
    return {
        "network": released.network.name,
        "epoch": released.epoch,
        "weights_sha256": released.sha256,
        "layers": {
            "used": list(range(1, released.layers + 1)),
            "left_out": list(range(released.layers + 1, convolutions + 1)),
            "missing": [{"file": gap.file, "what": gap.what} for gap in released.missing],
        },
        "labels_per_class": per_class or "all",
        "dataset": data.name,
        "data_sha256": sha256_text(json.dumps(arrays, sort_keys=True)),
        "seed": SEED,
        "published": None if differs else _published(per_class),
        "differs": differs,
    }


def differences(released: ReleasedDiscriminator, data: PreparedImages, per_class: int | None) -> list[str]:
    """What sets a probe apart from both of the paper's Table 1, each as a clause; empty where it is one of them."""
    layers, clauses = len(released.network.discriminator), []
    if released.network.name != "imagenet32":
        clauses.append(f"the network is {released.network.name} and the paper's was trained on ImageNet")
    if released.layers < layers:
        clauses.append(f"the features are those of {released.layers} of {layers} convolutions")
    if data.manifest.get("source") != "cifar10" or not data.manifest.get("canonical"):
        clauses.append(f"{data.name} is not the original CIFAR-10")
    if per_class not in CLAIMS:
        clauses.append(f"the paper's table has 400 labels per class and all of them, not {per_class} per class")
    return clauses


def draw_grid(directory: Path, place: Path) -> dict[str, Any]:
    """Write 64 of 400 samples of a released generator as a PNG; returns how they were drawn.

    InputError where the generator cannot be read, or `place` is no PNG in a folder that exists.
    """
    import torch

    from replication.models.layers.samples import as_images
    from replication.released.weights import read_generator
    from replication.report.samples import tile_grid

    if place.suffix.lower() != ".png" or not place.parent.is_dir():
        raise InputError(f"--samples {place} is no PNG in a folder that exists: write such as samples.png.")
    released, stream = read_generator(directory), generator(SEED, "released samples")
    size = (SAMPLES, released.network.latent_dim)
    gaussian = released.network.noise == "gaussian"
    latent = stream.standard_normal(size) if gaussian else stream.uniform(-1.0, 1.0, size)
    with torch.no_grad():
        samples = released.generator(torch.from_numpy(latent.astype(np.float32)))
    tile_grid(as_images(samples).numpy()).save(place)
    return {
        "file": str(place),
        "network": released.network.name,
        "epoch": released.epoch,
        "noise": f"{'N(0, 1)' if gaussian else 'U(−1, 1)'}, {released.network.latent_dim} dimensions",
        "weights_sha256": released.sha256,
    }


def sentences(result: Mapping[str, Any]) -> list[str]:
    """The result of a probe for a reader."""
    layers, per_class = result["layers"], result["labels_per_class"]
    count = len(layers["used"]) + len(layers["left_out"])
    lines = [
        f"released {result['network']} discriminator, epoch {result['epoch']}: {len(layers['used'])} of {count} "
        f"convolutions, {result['n_features']} features"
    ]
    if layers["missing"]:
        files = ", ".join(f"{gap['file']} ({gap['what']})" for gap in layers["missing"])
        need = "only convolutions before the first gap are used" if layers["left_out"] else "features do not need it"
        lines.append(f"missing: {files}; {need}")
    labels, spread = "all labels", ""
    if per_class != "all":
        labels, sd = f"{per_class} labels per class", result["accuracy_sd"]
        spread = f" (mean of {result['draws']} draws of labels{'' if sd is None else f', SD {100 * sd:.2f}'})"
    lines.append(
        f"{result['dataset']}, {labels}: accuracy {100 * result['accuracy_mean']:.2f} %{spread}; C {result['C']:g}, "
        f"{result['n_test']} test images, {result['environment']['device']}"
    )
    if result["published"]:
        return [*lines, f"published: {result['published']}"]
    return [*lines, f"no published number is of this protocol: {'; '.join(result['differs'])}"]


def _published(per_class: int | None) -> str:
    claims = {claim.id: claim for claim in claims_of(load_benchmarks(BENCHMARKS))}
    published = claims[CLAIMS[per_class]].published
    assert published is not None
    spread = "" if published.spread is None else f" (±{100 * published.spread:.1f}, a spread of what is not stated)"
    return f"{100 * published.value:.1f} %{spread}, {published.source}"


def _labels(text: str) -> int | None:
    if text != "all" and (not text.isdecimal() or int(text) < 1):
        raise argparse.ArgumentTypeError(f"{text!r} is neither a number of labels, at least 1, nor all")
    return None if text == "all" else int(text)


def _arguments(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m replication.released", description="DCGAN's released networks.")
    parser.add_argument("directory", metavar="DIR", type=Path, help="the released arrays, *.npy")
    parser.add_argument("--dataset", metavar="NAME", help="a prepared data set, such as cifar10")
    parser.add_argument("--labels-per-class", metavar="N", type=_labels, default=400, help="a number, or all (400)")
    parser.add_argument("--draws", metavar="N", type=int, help=f"draws of labels ({DRAWS})")
    parser.add_argument("--json", action="store_true", help="print the result for a program")
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--samples", metavar="OUT.png", type=Path, help="draw samples of the released generator")
    asked = parser.parse_args(arguments)
    if not asked.dataset and not asked.samples:
        parser.error("name a --dataset to probe the discriminator on, or --samples OUT.png")
    if asked.draws is not None and (asked.draws < 1 or asked.labels_per_class is None):
        parser.error("--draws is at least 1 and counts draws of a few labels; all of them are fitted once")
    return asked


def main(arguments: Sequence[str] | None = None) -> None:
    """Probe or sample the released networks that the command line names."""
    asked = _arguments(arguments)
    result: dict[str, Any] = {}
    lines = []
    if asked.samples:
        drawn = result["samples"] = draw_grid(asked.directory, asked.samples)
        lines.append(
            f"{drawn['file']}: released {drawn['network']} generator, epoch {drawn['epoch']}, {drawn['noise']}"
        )
    if asked.dataset:
        result |= measure(asked.directory, asked.dataset, asked.labels_per_class, asked.draws or DRAWS, asked.device)
        lines += sentences(result)
    print(json.dumps(result, indent=1, ensure_ascii=False) if asked.json else "\n".join(lines))


if __name__ == "__main__":
    exit_clearly(main)
