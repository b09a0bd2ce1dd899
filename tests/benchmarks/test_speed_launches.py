"""Kernels of a unit: what the counting counts, and the numbers that no change may raise unseen."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from benchmarks.speed import launches
from benchmarks.speed.__main__ import main
from benchmarks.speed.cases import prepare_case
from benchmarks.speed.launches import CASES, SEEDS, Launches, count_launches
from replication.foundation.errors import InputError
from tests.in_small import own_params

ROOT = Path(__file__).parents[2]
# Of one seed, and of each of five where they share a graph.
MOST = {"gan-mnist": (150, 40), "improved-mnist": (450, 110), "deligan-mnist": (1700, None)}


@pytest.mark.integration
@pytest.mark.parametrize("name", MOST)
def test_a_unit_is_few_kernels(name: str) -> None:
    work = prepare_case(name, own_params(), cases={name: replace(CASES[name], n=500)})
    work = replace(work, recipe=replace(work.recipe, batch=10))  # which changes no count
    most, each = MOST[name]
    assert 0 < sum(count_launches(work).values()) <= most
    assert each is None or sum(count_launches(work, SEEDS).values()) <= each * SEEDS


def count(function: object, *arguments: object) -> int:
    with Launches() as counted:
        function(*arguments)  # type: ignore[operator]
    return sum(counted.kernels.values())


def test_what_counts() -> None:
    values, maps = torch.ones(4, 4), torch.ones(2, 3, 8, 8)
    assert count(lambda: values.T.reshape(16).unsqueeze(1).expand(-1, 3)) == 1  # the reshape copies
    assert count(lambda: values.view(16)[3:].detach()) == 0
    assert count(lambda: torch.empty(3).fill_(1.0)) == 1
    assert count(lambda: values[:0] + 1) == 0
    assert count(lambda: values @ values + 1) == 2
    assert count(torch.conv2d, maps, torch.ones(5, 3, 3, 3)) == 1
    assert count(torch.conv2d, maps, torch.ones(5, 3, 3, 3), torch.ones(5)) == 2
    assert count(torch.nn.functional.pad, maps, (1, 1)) == 2
    assert count(torch.nn.functional.pad, maps, (-1, -1)) == 1


def test_operations_on_lists_count_their_chunks() -> None:
    small, double = [torch.ones(3) for _ in range(70)], torch.tensor(2.0, dtype=torch.float64)
    assert count(torch._foreach_mul_, small, 2.0) == 1
    assert count(torch._foreach_mul, small, 2.0) == 2  # of 64 tensors, as results are a second list
    assert count(torch._foreach_mul_, small, torch.tensor(2.0)) == 1
    assert count(torch._foreach_mul_, small, double) == 70
    assert count(torch._foreach_mul_, [torch.ones(65536 * 320 + 1)], 2.0) == 2


def test_the_command_prints_a_table(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr(launches, "count_launches", lambda work, seeds=1: {"add": 10 * seeds, "mm": 5})
    main(["launches", "--case", "gan-mnist"])
    assert capsys.readouterr().out.splitlines()[-1] == "| gan-mnist | gan mnist (code) | 208 | 15 | 11 |"
    with pytest.raises(InputError, match="There is no case 'mnist'"):
        main(["launches", "--case", "mnist"])
