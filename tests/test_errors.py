"""How a stage fails: one line on stderr and an exit status."""

from __future__ import annotations

import errno

import pytest

from replication.foundation.errors import InputError, exit_clearly

FULL = [OSError(code, "No space left on device", *file) for code in (errno.ENOSPC, errno.EDQUOT)
        for file in ((), ("outputs/file",))]  # fmt: skip


@pytest.mark.parametrize(
    ("error", "status", "words"),
    [
        (InputError("No such cell."), 2, "No such cell."),
        (KeyboardInterrupt(), 130, "run the same command again"),
        *((error, 2, f"{error.filename or 'disk is full'}; free some space") for error in FULL),
    ],
)
def test_what_a_user_can_mend_is_one_line(
    error: BaseException,
    status: int,
    words: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def main() -> None:
        raise error

    for stage in ("", "train@cpu-gan-digits"):
        monkeypatch.setenv("DVC_STAGE", stage)
        with pytest.raises(SystemExit) as stopped:
            exit_clearly(main)
        out, line = capsys.readouterr()
        assert (stopped.value.code, out, line.count("\n")) == (status, "", 1)
        assert line.startswith("error: ") and words in line and line.endswith(f" [stage {stage}]\n" if stage else ".\n")


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
