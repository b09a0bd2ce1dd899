"""The judge: trained, written, read back, and refused where it is not the one described."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from replication import judge
from replication.config.params import Judge, Params
from replication.data.contents import ImageSet
from replication.data.reading import load_images
from replication.foundation.errors import InputError
from replication.judge import train_judge
from replication.scoring.classifier import is_trained, judge_accuracy, read_judge, recorded_accuracy
from replication.training.checkpoints import write_state
from replication.training.state import State
from tests.in_small import own_params, shades, write_shades

OPTIONS = Judge("shade-classifier", (4,), epochs=4, batch=8, learning_rate=0.02, seed=0)
PLACE = Path("outputs/judge/shades")
IMAGES, LABELS = np.zeros((20, 1, 4, 4), np.uint8), np.zeros(20, np.int64)


@pytest.fixture
def params(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Params]:
    """Parameters with a judge of a prepared data set of bright and dark images, below the current directory."""
    monkeypatch.chdir(tmp_path)
    contents = shades((1, 4, 4))
    contents.test_labels[17] = 1 - contents.test_labels[17]  # no judge of sense gets this one
    write_shades(contents)
    deterministic, threads = torch.are_deterministic_algorithms_enabled(), torch.get_num_threads()
    yield replace(own_params(), judges={"shades": OPTIONS})
    torch.use_deterministic_algorithms(deterministic)
    torch.set_num_threads(threads)


def test_a_judge_is_read_as_it_was_trained(params: Params) -> None:
    accuracy = train_judge(params, "shades")
    assert accuracy == 19 / 20
    data = load_images(Path("outputs/data/shades"))
    network = read_judge(OPTIONS, data, PLACE)
    assert not network.training
    assert judge_accuracy(network, data) == accuracy
    provenance = json.loads((PLACE / "provenance.json").read_text(encoding="utf-8"))
    expected = {"judge": "shade-classifier", "dataset": "shades", "test_accuracy": accuracy, "n_test": 20}
    assert provenance.items() >= expected.items()
    before = (PLACE / "judge.safetensors").read_bytes()
    train_judge(params, "shades")
    assert (PLACE / "judge.safetensors").read_bytes() == before


def test_a_judge_that_no_memory_holds_is_not_trained(params: Params) -> None:
    vast = replace(params, judges={"shades": replace(OPTIONS, channels=(2**16,) * 50)})
    with pytest.raises(InputError, match="moments of the judge of shades take .* GiB of memory"):
        train_judge(vast, "shades")


def test_a_stopped_judge_goes_on_from_its_last_epoch(params: Params, monkeypatch: pytest.MonkeyPatch) -> None:
    train_judge(params, "shades")
    whole = (PLACE / "judge.safetensors").read_bytes()
    written: list[int] = []

    def stop_after(most: int) -> Callable[[Path, str, int, State], None]:
        def write(directory: Path, name: str, epochs: int, state: State) -> None:
            write_state(directory, name, epochs, state)
            written.append(epochs)
            if epochs == most:
                raise KeyboardInterrupt

        return write

    monkeypatch.setattr(judge, "write_state", stop_after(3))
    with pytest.raises(KeyboardInterrupt):
        train_judge(params, "shades")
    monkeypatch.setattr(judge, "write_state", stop_after(0))
    train_judge(params, "shades")
    assert written == [1, 2, 3, 4]
    assert (PLACE / "judge.safetensors").read_bytes() == whole
    assert not list(Path(".replication/checkpoints").glob("judge-*/*"))


def test_what_is_not_the_judge_described_is_refused(params: Params) -> None:
    data, path = load_images(Path("outputs/data/shades")), PLACE / "judge.safetensors"
    with pytest.raises(InputError, match=str(path)):
        read_judge(OPTIONS, data, PLACE)
    train_judge(params, "shades")
    written = path.read_bytes()
    others: list[dict[str, Any]] = [{"channels": (5,)}, {"channels": (4, 4)}, {"epochs": 5}, {"seed": 1}]
    for other in others:
        with pytest.raises(InputError, match=str(path)):
            read_judge(replace(OPTIONS, **other), data, PLACE)
    changed = written[:-1] + bytes([written[-1] ^ 1])
    for damaged in (written[:100], b"", b"no tensors", written[:-4], changed):
        path.write_bytes(damaged)
        with pytest.raises(InputError, match=str(path)):
            read_judge(OPTIONS, data, PLACE)


def test_a_judge_of_other_images_or_without_weights_is_no_judge(params: Params) -> None:
    train_judge(params, "shades")
    assert is_trained(params, "shades")
    weights = (PLACE / "judge.safetensors").read_bytes()
    (PLACE / "judge.safetensors").unlink()
    assert not is_trained(params, "shades")
    (PLACE / "judge.safetensors").write_bytes(weights)
    changed = shades((1, 4, 4))
    changed.train_images[0] ^= 1
    write_shades(changed)
    assert not is_trained(params, "shades")
    with pytest.raises(InputError, match="is not the judge that params.yaml describes"):
        read_judge(OPTIONS, load_images(Path("outputs/data/shades")), PLACE)


@pytest.mark.parametrize(("accuracy", "n_test"), [(0.5, -5), (None, 20), (0.5, 0), (1.5, 20), (0.5, "20")])
def test_an_accuracy_that_cannot_be_is_refused(tmp_path: Path, accuracy: object, n_test: object) -> None:
    written = json.dumps({"test_accuracy": accuracy, "n_test": n_test})
    (tmp_path / "provenance.json").write_text(written, encoding="utf-8")
    with pytest.raises(InputError, match="does not say how accurate the judge is"):
        recorded_accuracy(tmp_path)


def test_the_command(params: Params, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(judge, "load_params", lambda: params)
    judge.main(["shades"])
    assert capsys.readouterr().out == "outputs/judge/shades: test accuracy 0.950\n"
    with pytest.raises(InputError, match="'pets'"):
        judge.main(["pets"])


def test_one_class_needs_no_judge(params: Params) -> None:
    write_shades(ImageSet(IMAGES, LABELS, IMAGES[:0], LABELS[:0], ("unlabelled",), "none", ("numpy",)))
    with pytest.raises(InputError, match="shades has one class, 'unlabelled'"):
        train_judge(params, "shades")
    assert not PLACE.exists()
