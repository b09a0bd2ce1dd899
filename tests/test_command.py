"""How a command ends: one line on stderr, an exit status, no process left behind."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

import pytest
import torch
from safetensors import SafetensorError

from replication.foundation.command import exit_clearly, trouble
from replication.foundation.errors import InputError


@pytest.fixture(autouse=True)
def handlers() -> Iterator[None]:
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGHUP)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


Capture = pytest.CaptureFixture[str]


def ending(error: BaseException, capsys: Capture) -> tuple[object, str]:
    """Exit status and stderr of a command that raises `error`."""

    def main() -> None:
        raise error

    with pytest.raises(SystemExit) as stopped:
        exit_clearly(main)
    captured = capsys.readouterr()
    assert captured.out == ""
    return stopped.value.code, captured.err


def test_what_a_user_can_mend_is_one_line(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    assert ending(InputError("No such cell."), capsys) == (2, "error: No such cell.\n")
    monkeypatch.setenv("DVC_STAGE", "train@cpu-gan-digits")
    assert ending(InputError("No such cell."), capsys) == (2, "error: No such cell. [stage train@cpu-gan-digits]\n")


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (OSError(errno.ENOSPC, "", "outputs/file"), ("disk is full", "outputs/file")),
        (OSError(errno.EDQUOT, "", "outputs/file"), ("disk is full", "outputs/file")),
        (OSError("32000 requested and 3968 written"), ("disk is full",)),
        (SafetensorError("I/O error: No space left on device (os error 28)"), ("disk is full",)),
        (RuntimeError("unable to open file <a> in read-only mode: Too many open files (24)"), ("ulimit -n",)),
        (OSError(errno.EROFS, "", "outputs"), ("only be read", "outputs")),
        (OSError(errno.EACCES, "", "params.yaml"), ("permissions", "params.yaml")),
        (OSError(errno.EIO, "", "a"), ("disk failed",)),
        (OSError(errno.EMFILE, "", "a"), ("ulimit -n",)),
        (OSError(errno.ENOENT, "", "a"), ("a went away",)),
        (OSError(errno.ENODEV, "", "a"), (os.strerror(errno.ENODEV),)),
        (OSError(errno.ENOTDIR, "", "outputs/data"), ("outputs/data", "a file lies where a folder belongs")),
        (OSError(errno.EEXIST, "", "outputs/raw"), ("outputs/raw", "in its place")),
        (OSError(errno.EFBIG, "", "a"), ("ulimit -f",)),
        (RuntimeError("can't start new thread"), ("ulimit -u", "threads")),
        (OSError(errno.EAGAIN, os.strerror(errno.EAGAIN)), ("ulimit -u",)),
        (InputError("a\nerror: all is well\x1b[31m\x9b.png is empty"), (r"a\nerror: all is well\x1b[31m\x9b.png",)),
        (MemoryError(), ("not enough memory",)),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes."), ("9 bytes",)),
        (torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB."), ("2 GiB",)),
        (BrokenProcessPool(), ("killed",)),
    ],
)
def test_what_the_machine_refuses(error: Exception, words: tuple[str, ...], capsys: Capture) -> None:
    status, line = ending(error, capsys)
    assert status == 2 and line.count("\n") == 1 and line.startswith("error: ")
    assert all(word in line for word in words)


@pytest.mark.parametrize("error", [ValueError("a bug"), RuntimeError("a bug"), SafetensorError("a bug")])
def test_a_mistake_of_ours_keeps_its_traceback(error: Exception) -> None:
    assert trouble(error) == ""


def begun(body: str, tmp_path: Path, **environment: str) -> subprocess.Popen[str]:
    """A process whose command is `body`; it says ready and what else it prints."""
    script = tmp_path / "command.py"
    head = """
        import os, signal, sys, time
        from pathlib import Path
        from replication.foundation.command import exit_clearly
        signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored where the tests run behind a shell's `&`,
        signal.signal(signal.SIGHUP, signal.SIG_DFL)  # and this one behind nohup
    """
    script.write_text(textwrap.dedent(head) + textwrap.dedent(body) + "\nexit_clearly(main)\n")
    whole, pipe = {**os.environ, "PYTHONPATH": os.getcwd(), **environment}, subprocess.PIPE
    return subprocess.Popen([sys.executable, script], stdout=pipe, stderr=pipe, text=True, env=whole)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_a_signal_ends_a_command_and_leaves_nothing_half_written(number: signal.Signals, tmp_path: Path) -> None:
    body = f"""
        from replication.foundation.atomic import atomic_directory
        def main():
            with atomic_directory(Path({str(tmp_path / "out")!r})) as folder:
                (folder / "half").write_text("half")
                print("ready", flush=True)
                time.sleep(60)
    """
    process = begun(body, tmp_path)
    assert process.stdout is not None and process.stdout.readline() == "ready\n"
    process.send_signal(number)
    _, errors = process.communicate(timeout=120)
    assert process.returncode == 128 + number
    assert errors.count("\n") == 1 and "run the same command again" in errors
    assert [path.name for path in tmp_path.iterdir()] == ["command.py"]


@pytest.mark.integration
@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere work is not done in other processes")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_no_process_outlives_the_command_that_started_it(number: signal.Signals, tmp_path: Path) -> None:
    body = f"""
        from replication.foundation.child import in_processes
        def work(name):
            (Path({str(tmp_path)!r}) / name).write_text(str(os.getpid()))
            time.sleep(60)
        def main():
            in_processes(work, ["a.pid", "b.pid"], 2)
    """
    process = begun(body, tmp_path)
    deadline = time.monotonic() + 120
    while len(workers := [path for path in tmp_path.glob("*.pid") if path.read_text()]) < 2:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    process.send_signal(number)
    process.communicate(timeout=120)
    while any(_runs(int(path.read_text())) for path in workers):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def _runs(number: int) -> bool:
    try:
        return Path(f"/proc/{number}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_a_reader_that_goes_away_is_no_error(tmp_path: Path) -> None:
    body = """
        def main():
            for _ in range(100000):
                print("a line of a long answer")
    """
    process = begun(body, tmp_path)
    assert process.stdout is not None and process.stderr is not None
    process.stdout.readline()
    process.stdout.close()
    with process:
        assert process.stderr.read() == ""
        assert process.wait(timeout=30) == 128 + signal.SIGPIPE


def test_a_terminal_of_few_characters_shows_their_codes(tmp_path: Path) -> None:
    body = """
        from replication.foundation.errors import InputError
        def main():
            print("1 ± 2")
            raise InputError("“σ” is no split.")
    """
    process = begun(body, tmp_path, PYTHONIOENCODING="ascii")
    assert process.communicate(timeout=120) == ("1 \\xb1 2\n", "error: \\u201c\\u03c3\\u201d is no split.\n")
    assert process.returncode == 2


@pytest.mark.integration
@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere work is not done in other processes")
def test_a_process_killed_while_it_draws_a_bar_does_not_stop_the_command(tmp_path: Path) -> None:
    body = """
        from tqdm import tqdm
        from replication.foundation.child import in_processes
        def work(name):
            tqdm.get_lock().acquire()
            os.kill(os.getpid(), signal.SIGKILL)
        def main():
            tqdm.get_lock()  # as the first bar does
            try:
                in_processes(work, ["a", "b"], 2)
            finally:
                with tqdm.get_lock():
                    print("ready", flush=True)
    """
    output, errors = begun(body, tmp_path).communicate(timeout=120)
    assert output == "ready\n"
    assert errors.count("\n") == 1 and "killed" in errors


CHILD = """
import os
from tqdm import tqdm
from replication.foundation.child import Child
from replication.foundation.command import exit_clearly
from replication.foundation.errors import InputError

def main():
    with Child() as child:
        child.call(lambda: False, tqdm.get_lock)  # as the first bar does
        try:
            child.call(lambda: False, os.abort)  # as where the system kills it
        except InputError as error:
            print(error)
        child.call(lambda: False, os.listdir, "/no/such/folder")

exit_clearly(main)
"""


@pytest.mark.integration
def test_a_child_says_what_the_machine_lacks_and_leaves_nothing_at_its_end() -> None:
    ended = subprocess.run([sys.executable, "-c", CHILD], capture_output=True, text=True, check=False, timeout=120)
    assert ended.returncode == 2 and ended.stdout.count("\n") == 1 and "killed" in ended.stdout
    assert ended.stderr.count("\n") == 1 and ended.stderr.startswith(
        "error: /no/such/folder went away while it was needed"
    )
