"""Checkpoints: what was written is what is read, damage is named, and one process writes at a time."""

from __future__ import annotations

import hashlib
import subprocess
import sys
import threading
from contextlib import nullcontext
from pathlib import Path

import pytest
import torch
from filelock import FileLock, Timeout

from replication.foundation.errors import InputError
from replication.training import checkpoints
from replication.training.checkpoints import Writer, note_environment, read_state, sole_writer, write_state
from replication.training.state import State

STATE = {"generator.weight": torch.arange(6.0).view(2, 3).t(), "steps": torch.tensor([[3, 9]])}
# Takes the lock, says so, then holds it until it is killed.
HOLDER = """
import sys, time
from filelock import FileLock
lock = FileLock(sys.argv[1])
lock.acquire()
print("held", flush=True)
time.sleep(60)
"""


def last(directory: Path, name: str = "state") -> tuple[int, State]:
    """Unit and tensors of the state that is there."""
    result = read_state(directory, name)
    assert result is not None
    return result


def test_the_last_state_written_is_read(tmp_path: Path) -> None:
    assert read_state(tmp_path, "state") is None
    write_state(tmp_path, "state", 900, {"steps": torch.zeros(1)})
    write_state(tmp_path, "state", 1000, STATE)
    unit, state = last(tmp_path)
    assert unit == 1000 and state.keys() == STATE.keys() and len(list(tmp_path.iterdir())) == 1
    for name, tensor in STATE.items():
        assert torch.equal(state[name], tensor) and state[name].dtype == tensor.dtype


def test_the_clock_of_a_killed_call_stands_at_its_last_checkpoint(tmp_path: Path) -> None:
    clock = checkpoints.TrainingClock(tmp_path)
    clock._began -= 30.0
    with Writer(tmp_path, clock) as writer:
        writer.write("state", 5, STATE)
    clock._began -= 40.0  # lost with the process
    second = checkpoints.TrainingClock(tmp_path)
    second._began -= 50.0
    read = second.read()
    assert read["started"] == clock.read()["started"] and 80.0 <= read["duration_s"] < 100.0
    second.keep()
    assert 80.0 <= checkpoints.TrainingClock(tmp_path).read()["duration_s"] < 101.0
    checkpoints.forget(tmp_path)
    tmp_path.mkdir()
    assert checkpoints.TrainingClock(tmp_path).read()["duration_s"] < 10.0


def test_names_do_not_mix(tmp_path: Path) -> None:
    units = {"snapshot1": 1, "snapshot10": 10, "state": 5}
    for name, unit in units.items():
        write_state(tmp_path, name, unit, {"unit": torch.tensor(unit)})
    for name, unit in units.items():
        assert last(tmp_path, name) == (unit, {"unit": torch.tensor(unit)})


def test_where_a_kill_left_two_the_newer_counts(tmp_path: Path) -> None:
    write_state(tmp_path, "state", 900, {"steps": torch.zeros(1)})
    (older,) = tmp_path.iterdir()
    content = older.read_bytes()
    write_state(tmp_path, "state", 1000, STATE)
    older.write_bytes(content)
    assert last(tmp_path)[0] == 1000


@pytest.mark.parametrize(
    "name", ["state-foo", "state-5-abc (1)", "state-x-0123456789abcdef", "state--5-0123456789abcdef"]
)
def test_a_stray_file_is_no_state(tmp_path: Path, name: str) -> None:
    (tmp_path / f"{name}.safetensors").touch()
    assert read_state(tmp_path, "state") is None
    for unit in (5, 6):
        write_state(tmp_path, "state", unit, STATE)
    assert last(tmp_path)[0] == 6 and len(list(tmp_path.iterdir())) == 2


@pytest.mark.parametrize("renamed", ["state-500-", "snapshot5-5-"])
def test_the_state_of_another_unit_or_name_is_refused(tmp_path: Path, renamed: str) -> None:
    write_state(tmp_path, "state", 5, STATE)
    (file,) = tmp_path.iterdir()
    file.rename(tmp_path / file.name.replace("state-5-", renamed))
    with pytest.raises(InputError, match="is corrupt"):
        read_state(tmp_path, renamed.split("-")[0])


@pytest.mark.parametrize("damage", ["truncated", "altered", "empty", "not safetensors under its own hash"])
def test_damage_is_named_with_its_mend(tmp_path: Path, damage: str) -> None:
    write_state(tmp_path, "state", 7, STATE)
    (file,) = tmp_path.iterdir()
    content = file.read_bytes()
    if damage == "truncated":
        file.write_bytes(content[: len(content) // 2])
    elif damage == "altered":
        file.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    elif damage == "empty":
        file.write_bytes(b"")
    else:
        file.unlink()
        digest = hashlib.sha256(b"state 7\nabc").hexdigest()[:16]
        file = tmp_path / f"state-7-{digest}.safetensors"
        file.write_bytes(b"abc")
    with pytest.raises(InputError, match=f"{file} is corrupt: delete it and run the same command again"):
        read_state(tmp_path, "state")


@pytest.mark.parametrize("fails", [False, True])
def test_nobody_writes_beside_the_sole_writer_whose_lock_goes_with_its_work(tmp_path: Path, fails: bool) -> None:
    raised = pytest.raises(ZeroDivisionError) if fails else nullcontext()
    with raised, sole_writer("cell", tmp_path) as directory:
        assert directory == tmp_path / "cell" and directory.is_dir()
        with pytest.raises(Timeout):
            FileLock(tmp_path / "cell.lock").acquire(timeout=0)
        with sole_writer("other", tmp_path):
            pass
        if fails:
            raise ZeroDivisionError
    FileLock(tmp_path / "cell.lock").acquire(timeout=0).lock.release()


def test_a_writer_waits_for_another_and_goes_on_when_that_dies(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(tmp_path / "cell.lock")], stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout is not None and other.stdout.readline() == "held\n"
        killer = threading.Timer(0.3, other.kill)
        killer.start()
        with sole_writer("cell", tmp_path):
            killer.join()
            assert other.wait(timeout=5) != 0
    assert "Another process trains this cell; waiting" in capsys.readouterr().out


def test_a_finished_cell_is_forgotten(tmp_path: Path) -> None:
    with sole_writer("cell", tmp_path) as directory:
        write_state(directory, "state", 1, STATE)
        checkpoints.forget(directory)
        assert not directory.exists()
        checkpoints.forget(directory)


def test_what_is_written_beside_the_loop_is_the_state_of_that_moment(tmp_path: Path) -> None:
    state = {"steps": torch.zeros(3)}
    with Writer(tmp_path) as writer:
        for unit in range(1, 6):
            state["steps"] += 1
            writer.write(f"snapshot{unit}", unit, state)
        state["steps"].fill_(-1)
    for unit in range(1, 6):
        assert last(tmp_path, f"snapshot{unit}")[1]["steps"].tolist() == [unit] * 3


def test_nothing_is_written_after_what_could_not_be(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(directory: Path, name: str, *rest: object) -> None:
        if name == "snapshot1":
            raise OSError(28, "No space left on device")
        write_state(directory, name, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(checkpoints, "write_state", full)
    for later in ([], ["state"]):  # it is raised at the end too
        with pytest.raises(OSError, match="No space left on device"), Writer(tmp_path) as writer:
            for unit, name in enumerate(["state", "snapshot1", *later]):
                writer.write(name, unit, STATE)
    assert [path.name.split("-")[1] for path in tmp_path.glob("state-*")] == ["0"]


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"started": "2026", "duration_s": "long", "host": "a"}'])
def test_a_damaged_clock_or_environment_is_named(tmp_path: Path, content: str) -> None:
    write_state(tmp_path, "state", 5, STATE)
    (tmp_path / "clock.json").write_text(content)
    with pytest.raises(InputError, match=f"{tmp_path.name} is corrupt"):
        checkpoints.TrainingClock(tmp_path)
    (tmp_path / "environment.json").write_text(content.replace("{", "["))
    with pytest.raises(InputError, match=f"{tmp_path.name} is corrupt"):
        note_environment(tmp_path, {"threads": 1})


def test_a_state_that_is_not_due_is_not_written(tmp_path: Path) -> None:
    with Writer(tmp_path) as writer:
        writer.write("state", 1, STATE, at_once=False)
    assert not list(tmp_path.iterdir())


def test_what_changed_of_a_machine_while_a_training_stood_still_is_named_in_order(tmp_path: Path) -> None:
    first, second = ({"device": name, "threads": 8, "torch": "2.11"} for name in ("H100", "H200"))
    assert note_environment(tmp_path, first) == first
    assert note_environment(tmp_path, second) == second  # nothing was trained before
    write_state(tmp_path, "state", 10, STATE)
    joined = {**first, "device": "H200, then H100"}
    assert note_environment(tmp_path, first) == joined
    assert note_environment(tmp_path, first) == joined == note_environment(tmp_path, second)
    assert note_environment(tmp_path, {**first, "threads": 2})["threads"] == "8, then 2"
