"""A paper with an objective and an optimiser of its own takes four touches: model, claims, `MODELS`, params.yaml."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from replication.config.recipes import Recipe
from replication.config.strict import read_yaml, strict
from replication.data.reading import load_images
from replication.training.draws import draw_units

ROOT, WRITTEN = Path(__file__).parents[1], Path(__file__).with_name("four_touches")
KEY, UNITS, CRITIC_STEPS, CLIP = "cpu-wgan-digits", 2, 5, 0.02
RMSPROP = {"name": "clipped-rmsprop", "learning_rate": 0.005, "options": {"decay": 0.9, "clip": CLIP}}
RECIPE = {
    "engine": "eager",
    "objective": "wasserstein",
    "discriminator_scale": 1.0,
    "schedule": "alternate",
    "inner_steps": CRITIC_STEPS,
    "updates": UNITS,
    "batch": 16,
    "latent_dim": 4,
    "noise": {"distribution": "normal"},
    "optimiser": RMSPROP,
    "network": {"hidden": [12, 8], "nonlinearity": "leaky-relu"},
    "scored_shares": [0.0, 1.0],
    "n_samples": 40,
}
CELL = {"paper": "wgan2017", "model": "wgan", "recipe": "digits", "dataset": "digits", "split": "full",
        "variant": "paper", "seeds": "0-1", "probe": "none"}  # fmt: skip
HALF_WRITTEN = shutil.ignore_patterns(".*", "*.pyc.*")  # by a test beside this one
TOUCHED = {"replication/models/wgan.py", "benchmarks/wgan2017.yaml", "replication/models/__init__.py", "params.yaml"}
PAGES = ("pages/wgan2017.md", "index.html")
STAGES = """
from replication import page, prepare, score, train
from replication.describe import __main__ as describe
from replication.report import __main__ as report
prepare.main(["digits"])
train.main(["wgan"])
score.main(["wgan"])
report.main([])
page.main([])
describe.main(["wgan", "digits"])
"""


def hashes(root: Path) -> dict[str, str]:
    files = (path for path in root.rglob("*") if path.is_file())
    return {str(path.relative_to(root)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def touch(root: Path) -> None:
    """The four touches; the profile has the new cell alone, and no judge, so that its stages take seconds."""
    shutil.copy(WRITTEN / "wgan.py", root / "replication/models")
    shutil.copy(WRITTEN / "wgan2017.yaml", root / "benchmarks")
    models = root / "replication/models/__init__.py"
    line = "MODELS = {\n"
    written = models.read_text(encoding="utf-8")
    assert line in written
    models.write_text(written.replace(line, f'{line}    "wgan": "replication.models.wgan",\n'), encoding="utf-8")
    params = read_yaml(root / "params.yaml")
    generator = params["theory"]["generator"]
    params["recipes"] = {"gan": {generator: params["recipes"]["gan"][generator]}, "wgan": {"digits": RECIPE}}
    params["datasets"], params["judges"] = {"digits": params["datasets"]["digits"]}, {}
    few = {"cells": {KEY: CELL}, "experiments": {}, "models": ["wgan"], "datasets": ["digits"], "judges": []}
    params["run"] = {**params["run"], **few, "threads": 1}
    params["profiles"] = {"cpu": params["run"]}
    (root / "params.yaml").write_text(json.dumps(params), encoding="utf-8")


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, set[str], str]:
    """The suite with a new paper, trained, scored and reported; what was touched, and what the stages said."""
    root = tmp_path_factory.mktemp("touched") / "suite"
    for name in ("replication", "benchmarks"):
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, root / name, ignore=HALF_WRITTEN)
    shutil.copy(ROOT / "params.yaml", root)
    before = hashes(root)
    touch(root)
    after = hashes(root)
    for file in (root / "benchmarks").glob("*.yaml"):
        if file.name != "wgan2017.yaml":
            file.unlink()  # a report of one paper takes a third of the time
    done = subprocess.run([sys.executable, "-c", STAGES], cwd=root, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return root, {name for name in after if after[name] != before.get(name)}, done.stdout


def tensors_of(state: dict[str, Tensor], seed: int, side: str) -> list[Tensor]:
    """Weight and bias of each layer, in order."""
    names = sorted(name for name in state if name.startswith(side))  # body.0.bias, body.0.weight, body.2.bias, …
    return [
        state[name][seed].clone()
        for bias, weight in zip(names[::2], names[1::2], strict=True)
        for name in (weight, bias)
    ]


def dense(state: dict[str, Tensor], seed: int, side: str, *last: nn.Module) -> nn.Sequential:
    """A network written by hand, with the first weights that the suite drew for a seed."""
    tensors, layers = tensors_of(state, seed, side), []
    for weight, bias in zip(tensors[::2], tensors[1::2], strict=True):
        layers += [nn.LeakyReLU(0.2)] if layers else []
        layers.append(nn.Linear(weight.shape[1], weight.shape[0]))
        layers[-1].weight.data, layers[-1].bias.data = weight, bias
    return nn.Sequential(*layers, *last)


def by_hand(root: Path, seed: int, start: dict[str, Tensor]) -> tuple[nn.Sequential, nn.Sequential]:
    """Algorithm 1 with torch's own RMSprop: generator and critic after all units."""
    images = load_images(root / "outputs/data/digits").train_images
    data = torch.from_numpy(images).flatten(1).float() / 127.5 - 1.0
    drawn = draw_units(strict(Recipe, RECIPE, "params.yaml"), seed, len(data), 0, UNITS)
    generator = dense(start, seed, "generator", nn.Tanh())
    critic = dense(start, seed, "discriminator")
    of_generator, of_critic = (torch.optim.RMSprop(net.parameters(), 0.005, 0.9, 1e-8) for net in (generator, critic))
    for unit in range(UNITS):
        for step in range(CRITIC_STEPS):
            real, fake = data[drawn.rows[unit, step]], generator(drawn.noise[unit, step]).detach()
            of_critic.zero_grad()
            (critic(fake).mean() - critic(real).mean()).backward()
            of_critic.step()
            for parameter in critic.parameters():
                parameter.data.clamp_(-CLIP, CLIP)
        of_generator.zero_grad()
        (-critic(generator(drawn.noise[unit, CRITIC_STEPS])).mean()).backward()
        of_generator.step()
    return generator, critic


def test_four_files_are_touched(copy: tuple[Path, set[str], str]) -> None:
    _, touched, said = copy
    assert touched == TOUCHED
    assert all(words in said for words in ("−mean D(G(z))", "(mean D(G(z)) − mean D(x))", "clipped to ±0.02"))


@pytest.mark.parametrize("seed", [0, 1])
def test_it_trains_as_a_loop_by_hand(copy: tuple[Path, set[str], str], seed: int) -> None:
    root, _, _ = copy
    folder = root / "outputs/train/cpu/wgan" / KEY
    start, end = (load_file(folder / f"step{step}.safetensors") for step in (0, UNITS))
    networks = by_hand(root, seed, start)
    for side, network in zip(("generator", "discriminator"), networks, strict=True):
        trained, first = tensors_of(end, seed, side), tensors_of(start, seed, side)
        for ours, expected in zip(trained, network.parameters(), strict=True):
            torch.testing.assert_close(ours, expected.detach(), rtol=1e-4, atol=1e-6)
        assert not any(map(torch.equal, trained[::2], first[::2]))
    critic = [tensor[seed].abs().max() for name, tensor in end.items() if name.startswith("discriminator")]
    assert max(critic) == pytest.approx(CLIP)


def test_the_report_names_the_paper(copy: tuple[Path, set[str], str]) -> None:
    root, _, _ = copy
    section, first = ((root / "reports" / name).read_text(encoding="utf-8") for name in PAGES)
    assert "Samples of a trained generator have the colours" in section
    assert "Wasserstein GAN" in section and "Wasserstein GAN" in first
