"""A paper with an objective and an optimiser of its own takes four touches: model, claims, `MODELS`, params.yaml."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from replication.config.recipes import Recipe
from replication.config.strict import strict
from replication.data.reading import load_images
from replication.training.draws import draw_units
from tests.in_small import ROOT, TOY, params_written, write_few

WRITTEN = Path(__file__).with_name("four_touches")
KEY, UNITS, CRITIC_STEPS, CLIP = "cpu-wgan-digits", 2, 5, 0.02
RMSPROP = {"name": "clipped-rmsprop", "learning_rate": 0.005, "options": {"decay": 0.9, "clip": CLIP}}
RECIPE = {**TOY, "engine": "eager", "objective": "wasserstein", "discriminator_scale": 1.0, "inner_steps": CRITIC_STEPS,
          "updates": UNITS, "batch": 16, "latent_dim": 4, "noise": {"distribution": "normal"}, "optimiser": RMSPROP,
          "network": {"hidden": [12, 8], "nonlinearity": "leaky-relu"}, "scored_shares": [0.0, 1.0],
          "n_samples": 40}  # fmt: skip
del RECIPE["adam"]
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
    before, line, after = models.read_text(encoding="utf-8").partition("MODELS = {\n")
    models.write_text(f'{before}{line}    "wgan": "replication.models.wgan",\n{after}', encoding="utf-8")
    params = params_written()
    params["recipes"]["wgan"] = {"digits": RECIPE}
    params["datasets"], params["judges"] = {"digits": params["datasets"]["digits"]}, {}
    write_few(params, {KEY: CELL}, root, datasets=["digits"], judges=[])


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, set[str], str]:
    """The suite with a new paper, trained, scored and reported; what was touched, and what the stages said."""
    root = tmp_path_factory.mktemp("touched") / "suite"
    for name in ("replication", "benchmarks"):
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


def state_of(state: dict[str, Tensor], seed: int, side: str) -> dict[str, Tensor]:
    """One network of one seed, as a sequence of layers names its tensors: 0.weight, 0.bias, 2.weight, …"""
    named = {".".join(name.split(".")[-2:]): tensor for name, tensor in state.items() if name.startswith(side)}
    return {name: tensor[seed].clone() for name, tensor in named.items()}


def dense(state: dict[str, Tensor], *last: nn.Module) -> nn.Sequential:
    """A network written by hand, with the weights that the suite drew first."""
    layers: list[nn.Module] = []
    for name in sorted(name for name in state if name.endswith("weight")):
        outputs, inputs = state[name].shape
        layers += [nn.Linear(inputs, outputs), nn.LeakyReLU(0.2)]
    network = nn.Sequential(*layers[:-1], *last)
    network.load_state_dict(state)
    return network


def by_hand(root: Path, seed: int, start: dict[str, Tensor]) -> tuple[nn.Sequential, nn.Sequential]:
    """Algorithm 1 with torch's own RMSprop: generator and critic after all units."""
    images = load_images(root / "outputs/data/digits").train_images
    data = torch.from_numpy(images).flatten(1).float() / 127.5 - 1.0
    drawn = draw_units(strict(Recipe, RECIPE, "params.yaml"), seed, len(data), 0, UNITS)
    generator = dense(state_of(start, seed, "generator"), nn.Tanh())
    critic = dense(state_of(start, seed, "discriminator"))
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
    _, touched, printed = copy
    assert touched == TOUCHED
    assert all(words in printed for words in ("−mean D(G(z))", "(mean D(G(z)) − mean D(x))", "clipped to ±0.02"))


@pytest.mark.parametrize("seed", [0, 1])
def test_it_trains_as_a_loop_by_hand(copy: tuple[Path, set[str], str], seed: int) -> None:
    root, _, _ = copy
    folder = root / "outputs/train/cpu/wgan" / KEY
    start, end = (load_file(folder / f"step{step}.safetensors") for step in (0, UNITS))
    networks = by_hand(root, seed, start)
    for side, network in zip(("generator", "discriminator"), networks, strict=True):
        trained, first = state_of(end, seed, side), state_of(start, seed, side)
        torch.testing.assert_close(trained, dict(network.state_dict()), rtol=1e-4, atol=1e-6)
        assert not any(torch.equal(trained[name], first[name]) for name in first if name.endswith("weight"))
    critic = [tensor[seed].abs().max() for name, tensor in end.items() if name.startswith("discriminator")]
    assert max(critic) == pytest.approx(CLIP)


def test_the_report_names_the_paper(copy: tuple[Path, set[str], str]) -> None:
    root, _, _ = copy
    section, first = ((root / "reports" / name).read_text(encoding="utf-8") for name in PAGES)
    assert "Samples of a trained generator have the colours" in section
    assert "Wasserstein GAN" in section and "Wasserstein GAN" in first
