"""Operations, bytes and kernels that can be counted by hand, and the arithmetic of rounds and ratios."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import nn

from benchmarks.speed import counting, launches
from benchmarks.speed.__main__ import main
from benchmarks.speed.arms import length_of_round
from benchmarks.speed.cases import prepare_case
from benchmarks.speed.counting import Need, measure_peak, needs
from benchmarks.speed.launches import CASES, SEEDS, Launches, count_launches
from benchmarks.speed.training import iteration_needs, roofline
from replication.config.params import load_params
from replication.foundation.errors import InputError
from replication.table.speed import Peak, Ratio, Timing, rate, ratio_of
from tests.in_small import own_params


def test_a_dense_layer_needs_what_its_definition_says() -> None:
    layer, inputs = nn.Linear(3, 4), torch.randn(5, 3)
    with torch.no_grad():
        need = needs(lambda: layer(inputs))
    assert need.flop == 2 * 5 * 3 * 4
    assert need.bytes == 4 * (5 * 3 + 3 * 4 + 4 + 5 * 4)  # inputs, weights, bias, outputs, float32


def test_a_convolution_and_its_gradients() -> None:
    layer, inputs = nn.Conv2d(2, 6, 3, padding=1, bias=False), torch.randn(5, 2, 8, 8)
    forward = 2 * 5 * 6 * 2 * 9 * 8 * 8
    assert needs(lambda: layer(inputs).sum().backward(), 3).flop == 2 * forward  # no gradient of the inputs
    inputs.requires_grad_()
    assert needs(lambda: layer(inputs).sum().backward()).flop == 3 * forward


def test_what_only_looks_at_memory_is_free_and_repeated_values_count_once() -> None:
    tensor = torch.zeros(4, 6)
    assert needs(lambda: tensor.view(24)[3:].reshape(7, 3).t()).bytes == 0
    assert needs(lambda: tensor[:, :1].expand(4, 1000).sum()).bytes == 4 * (24 + 1)


def test_an_iteration_needs_both_networks_and_no_gradient_that_is_thrown_away() -> None:
    work = prepare_case("digits-dcgan", load_params())
    batch, networks = 64, work.build()
    with torch.no_grad():
        g = needs(lambda: networks.generator(torch.zeros(batch, 32), torch.zeros(batch).long())).flop
        d = needs(lambda: networks.discriminator(torch.zeros(batch, 1, 8, 8))).flop
    first_g, first_d = 2 * batch * 32 * 32 * 4 * 4, 2 * batch * 16 * 9 * 8 * 8  # layers whose inputs need no gradient
    d_turn = g + 2 * (3 * d - first_d)  # G forward; D on real and on generated images, to its weights
    g_turn = (3 * g - first_g) + 2 * d  # through D to its inputs alone
    assert iteration_needs(work, "cpu", 1).flop == pytest.approx(d_turn + g_turn)


def test_the_roofline_is_the_slower_of_both() -> None:
    peak = Peak(float32_gflops=100.0, bfloat16_gflops=400.0, copy_gb_per_second=10.0)
    assert roofline(Need(1e9, 1e7), peak, "float32") == ("arithmetic", pytest.approx(0.01))
    assert roofline(Need(1e9, 1e9), peak, "float32") == ("bandwidth", pytest.approx(0.1))
    assert roofline(Need(1e9, 3e7), peak, "bfloat16") == ("bandwidth", pytest.approx(0.003))


def test_the_peak_is_of_products_and_copies(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(counting.SIDES, "cpu", 32)
    monkeypatch.setitem(counting.COPIED, "cpu", 2**12)
    ticks = iter(range(1000))
    monkeypatch.setattr(counting, "clock", lambda device: float(next(ticks)))
    assert measure_peak("cpu", 1) == Peak(2 * 32**3 / 1e9, None, 2 * 2**12 / 1e9)  # every action takes one tick


def timing(arm: str, iterations: int, seconds: tuple[float, ...], seeds: int = 1) -> Timing:
    a_second = rate(seeds * iterations, seconds)
    return Timing(arm, iterations, seconds, 0.5, a_second, 10 * a_second, None, 0.1, 0.2)  # type: ignore[arg-type]


def test_the_ratio_is_taken_round_by_round_and_a_round_is_about_as_long_as_asked_for() -> None:
    ours, other = timing("ours", 20, (1.0, 2.0, 4.0)), timing("plain", 5, (2.0, 2.0, 2.0))
    # 20/1 against 5/2, 20/2 against 5/2, 20/4 against 5/2
    assert ratio_of(ours, other) == Ratio("plain", 4.0, 2.0, 8.0)
    assert rate(30, (1.0, 3.0, 2.0)) == 15.0
    tried = []

    def run(iterations: int) -> float:
        tried.append(iterations)
        return 0.01 * iterations

    assert length_of_round(run, 2.0) == 200
    assert tried[0] == 1 and len(tried) < 6
    assert length_of_round(lambda iterations: 5.0 * iterations, 2.0) == 1


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
    assert capsys.readouterr().out.splitlines()[-1] == "| gan-mnist | gan mnist (code) | 15 | 11 |"
    with pytest.raises(InputError, match="'mnist' is no case"):
        main(["launches", "--case", "mnist"])
