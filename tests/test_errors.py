"""How a stage fails: one line on stderr and an exit status."""

from __future__ import annotations

import errno

import pytest

from replication.foundation.errors import InputError, exit_clearly


def said(error: BaseException, capsys: pytest.CaptureFixture[str]) -> tuple[object, str]:
    """Exit status and stderr of a stage that raises `error`."""

    def main() -> None:
        raise error

    with pytest.raises(SystemExit) as stopped:
        exit_clearly(main)
    captured = capsys.readouterr()
    assert captured.out == ""
    return stopped.value.code, captured.err


def test_what_a_user_can_mend_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert said(InputError("No such cell."), capsys) == (2, "error: No such cell.\n")


def test_the_stage_of_a_pipeline_is_named(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DVC_STAGE", "train@cpu-gan-digits")
    assert said(InputError("No such cell."), capsys) == (2, "error: No such cell. [stage train@cpu-gan-digits]\n")


def test_an_interrupt_says_that_the_work_goes_on(capsys: pytest.CaptureFixture[str]) -> None:
    status, sentence = said(KeyboardInterrupt(), capsys)
    assert status == 130
    assert sentence == "error: Interrupted; run the same command again to go on from the last checkpoint.\n"


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk(capsys: pytest.CaptureFixture[str], code: int) -> None:
    status, sentence = said(OSError(code, "No space left on device", "outputs/file"), capsys)
    assert status == 2
    assert sentence.startswith("error: The disk is full writing outputs/file; free some space and run the same command")
    assert sentence.count("\n") == 1
    assert said(OSError(code, "No space left on device"), capsys)[1].startswith("error: The disk is full; free some")


@pytest.mark.parametrize("error", [OSError(errno.EACCES, "Permission denied"), ValueError("a bug")])
def test_anything_else_keeps_its_traceback(error: Exception) -> None:
    def main() -> None:
        raise error

    with pytest.raises(type(error)):
        exit_clearly(main)


def test_a_stage_that_works_returns() -> None:
    done = []
    exit_clearly(lambda: done.append(True))
    assert done == [True]
