"""What is no set of samples is refused in one sentence, and nothing in it is run."""

from __future__ import annotations

import importlib
import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from replication import score_samples
from replication.data.sample_sources import as_levels, read_samples
from replication.foundation.errors import InputError
from tests.in_small import edit, put
from tests.own.samples import ASKED, DIGITS, GENERATOR, noise, saved

Make = Callable[[], list[str]]
REFUSED: list[tuple[Make, str]] = [
    (lambda: ["nowhere"], "nowhere is no folder of images, no .npy file and no package.module:callable"),
    (lambda: ["nowhere.npy"], "There is no file nowhere.npy of samples"),
    (lambda: [saved(noise(99))], "samples.npy: 99 samples; accepted are 100 to 200000"),
    (lambda: [saved(noise()[:, 0])], r"holds uint8 \[120, 8, 8\]; images of this data set are \[n, 1, 8, 8\] or"),
    (lambda: [saved(np.zeros((120, 3, 8, 8), np.uint8))], r"holds uint8 \[120, 3, 8, 8\]; images of this data set"),
    (lambda: [saved(noise() / 255)], "holds float64: say what black and white are, as --range -1 1, or save uint8"),
    (lambda: [saved(noise().astype(np.int64))], "holds int64: save levels from 0 to 255 as uint8"),
    (lambda: [saved(noise()), "--range", "0", "1"], "holds uint8, whose values are levels from 0 to 255: leave"),
    (lambda: [saved(noise() / 1.0), "--range", "0", "1"], "outside --range 0 1"),
    (lambda: [saved(np.full((120, *DIGITS), np.nan)), "--range", "0", "1"], "values that are NaN or infinite"),
    (lambda: [saved(np.array(3.0))], "samples.npy: 0 samples"),
    (lambda: [empty_folder()], "empty has no images"),
    (lambda: [folder_of(b"no image")], "000.png is no readable JPEG"),
    (lambda: [folder_of(b"", "notes.txt")], "notes.txt is no image file"),
    (lambda: [folder_of_size(9)], "holds images of 9×9 pixels; those of this data set are 8×8"),
    (lambda: ["mine:nothing"], "mine:nothing names no callable"),
    (lambda: ["no_such_module:draw"], "no_such_module:draw names no callable"),
    (lambda: ["mine:number"], "mine:number is no callable: write draw"),
    (lambda: ["mine:few"], r"mine:few was asked for 1000 samples and gave uint8 \[3, 1, 8, 8\]"),
    (lambda: ["mine:broken"], r"mine:broken failed to draw 1000 samples from seed 0 \(RuntimeError\('no weights'\)\)"),
    (lambda: ["mine:leaves"], r"mine:leaves failed to draw 1000 samples from seed 0 \(SystemExit"),
    (lambda: [module("1 / 0")], "theirs:draw names no callable .ZeroDivisionError.* `python -c 'import theirs'`"),
    (lambda: [module("def draw(:")], "theirs:draw names no callable .SyntaxError"),
    (lambda: [module("raise SystemExit(0)")], "theirs:draw names no callable .SystemExit"),
    (lambda: [".mine:draw"], ".mine:draw names no callable .TypeError"),
    (lambda: [saved(noise() / 255), "--range", "-1000", "1000"], "span less than a hundredth of --range -1000 1000"),
    (lambda: [saved(noise()), "--out", saved(noise(), "file.npy") + "/x"], "--out file.npy/x cannot be written"),
    (lambda: ["mine:draw", "-n", "5"], "-n: 5 samples; accepted are 100"),
    (lambda: [saved(noise()), "--labels", saved(np.zeros(3, int), "l.npy")], r"l.npy holds int64 \[3\]; give whole"),
    (lambda: [saved(noise()), "--labels", saved(np.full(120, 10), "l.npy")], "the classes are 0 to 9"),
    (lambda: [saved(noise()), "--labels", saved(np.zeros(120), "l.npy")], r"l.npy holds float64 \[120\]"),
    (lambda: [saved(noise()), "--split", "half"], "has no split 'half'; known: full"),
]


def module(source: str) -> str:
    """A module of the reader's own, which is run when it is imported."""
    Path("theirs.py").write_text(source + "\n", encoding="utf-8")
    sys.modules.pop("theirs", None)
    importlib.invalidate_caches()
    return "theirs:draw"


def empty_folder() -> str:
    Path("empty").mkdir()
    return "empty"


def folder_of(content: bytes, name: str = "000.png") -> str:
    folder_of_size(8)
    Path("pictures", name).write_bytes(content)
    return "pictures"


def folder_of_size(side: int) -> str:
    Path("pictures").mkdir()
    for number in range(100):
        Image.fromarray(np.zeros((side, side), np.uint8)).save(f"pictures/{number:03d}.png")
    return "pictures"


@pytest.mark.parametrize(("make", "sentence"), REFUSED)
def test_no_set_of_samples(place: Path, monkeypatch: pytest.MonkeyPatch, make: Make, sentence: str) -> None:
    (place / "mine.py").write_text(GENERATOR, encoding="utf-8")
    monkeypatch.syspath_prepend(place)
    sys.modules.pop("mine", None)
    with pytest.raises(InputError, match=sentence) as refused:
        score_samples.main([*make(), *ASKED])
    assert "\n" not in str(refused.value)


def test_limits_hold(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("replication.data.sample_sources.MOST_BYTES", 100)
    with pytest.raises(InputError, match="100 at most: score fewer samples"):
        read_samples(saved(noise()), DIGITS, None, 100, 0)
    monkeypatch.setattr("replication.data.sample_sources.MOST_IMAGE_BYTES", 10)
    with pytest.raises(InputError, match="is no sample"):
        read_samples(folder_of_size(8), DIGITS, None, 100, 0)
    monkeypatch.setattr("replication.data.sample_sources.MOST_SAMPLES", 110)
    with pytest.raises(InputError, match="120 samples; accepted are 100 to 110"):
        as_levels(noise(), DIGITS, None, "x")


def test_what_has_to_be_there_first_is_named(place: Path) -> None:
    def refused(*arguments: str, match: str) -> None:
        with pytest.raises(InputError, match=match):
            score_samples.main([saved(noise()), *arguments])

    refused("--dataset", "pets", match="'pets' is no data set of params.yaml; accepted: ")
    refused("--dataset", "mnist", match="There is no prepared data set in outputs/data/mnist: run `uv run")
    edit(put("judges.digits.epochs", 3))
    refused(*ASKED, match="judge/digits/judge.safetensors is not the judge .* run `uv run python -m")
    shutil.rmtree("outputs/judge")
    refused(*ASKED, match="There is no judge at outputs/judge/digits/judge.safetensors: run `uv run")


@pytest.mark.parametrize(
    "arguments",
    [["--range", "-1", "inf"], ["--range", "nan", "1"], ["--name", "x" * 101], ["--name", "/x"], ["--name", "a/b/c"]],
)
def test_a_wrong_option_is_refused_before_anything_is_read(arguments: list[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        score_samples.main(["nowhere.npy", *ASKED, *arguments])


def test_a_callable_leaves_the_process_as_it_was(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (place / "mine.py").write_text(GENERATOR, encoding="utf-8")
    monkeypatch.syspath_prepend(place)
    sys.modules.pop("mine", None)
    np.testing.assert_array_equal(read_samples("mine:wanders", DIGITS, None, 120, 0), noise())
    assert Path(os.getcwd()) == place.resolve() and torch.zeros(1).dtype == torch.float32
    assert torch.zeros(1).device.type == "cpu" and torch.is_grad_enabled()
