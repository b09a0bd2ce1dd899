"""`python -m benchmarks.speed launches [--case NAME]`: how many kernels a GPU starts for one unit of a training.

No GPU is needed: the unit that a CUDA graph would record runs on the CPU with every choice made as on CUDA, and each
operation counts as many kernels as torch's CUDA code starts for it. Views and memory without contents count 0. A
`_foreach_*` or fused operation counts its chunks, or its tensors where a scalar of another type keeps torch from the
fast path. What starts more than one kernel stands in `KERNELS`; all else is one. Not counted: kernels by which cuDNN
changes layouts, and the second ones of products that are split. Seeds of dense networks share one graph; all others
have one each.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from benchmarks.speed.cases import Case, Work, prepare_case
from replication.config.params import load_params
from replication.foundation.atomic import write_atomically
from replication.training.batched import trains_batched
from replication.training.captured import CapturedSeed
from replication.training.schedule import objective_at
from replication.training.state import initial_state
from replication.training.trainer import seed_trainings

CASES = {
    "gan-mnist": Case("gan", "mnist", "mnist", 1000, "code"),
    "improved-mnist": Case("improved_gan", "mnist-100", "mnist", 1000, "code"),
    "deligan-mnist": Case("deligan", "mnist", "mnist", 500, "code"),
    "dcgan-mnist-conditional": Case("dcgan", "mnist-conditional", "mnist", 1000, "code"),
    "dcgan-mnist-gan": Case("dcgan", "mnist-gan", "mnist", 1000, "code"),
    "deligan-cifar10": Case("deligan", "cifar10", "cifar10", 1000),
    "dcgan-cifar10": Case("dcgan", "cifar10", "cifar10", 1000, "code"),
}
SEEDS = 5
RESULT = Path("benchmarks/speed/results/launches.md")
FREE = {"empty", "empty_like", "empty_strided", "new_empty", "new_empty_strided", "detach", "alias", "_unsafe_view"}
CHUNK, BLOCKS = 65536, 320  # elements of a block and blocks of a launch (ATen/native/cuda/MultiTensorApply.cuh)
TENSORS = (110, 64, 48, 36, 30)  # of one launch, by how many lists it goes through


def _index_put(arguments: Sequence[Any]) -> int:
    return 8 if len(arguments) > 3 and arguments[3] else 1  # places are made linear, sorted with their order, summed


KERNELS: dict[str, int | Callable[[Sequence[Any]], int]] = {
    "convolution": lambda arguments: 1 + (arguments[2] is not None),  # cuDNN adds no bias
    "convolution_backward": lambda arguments: sum(arguments[10]),  # of input, weight and bias
    # statistics, running statistics, transform; or inverse deviation, transform
    "native_batch_norm": lambda arguments: 3 if arguments[5] else 2,
    "native_batch_norm_backward": 2,  # sums, then the gradient
    "constant_pad_nd": lambda arguments: 2 if max(arguments[1]) > 0 else 1,  # fill and copy; what only cuts is a copy
    "_index_put_impl_": _index_put,
    "index_put": _index_put,
    "logsumexp": 9,  # amax; where that is infinite: abs, eq, masked_fill; sub, exp, sum, log, add
    "masked_fill": 2,  # a copy first
    "max_pool2d_with_indices_backward": 2,  # zeros first, as in the next four
    "embedding_dense_backward": 2,
    "nll_loss_backward": 2,
    "select_backward": 2,
    "slice_backward": 2,
    "eye": 2,
    "baddbmm": 2,  # what is added is copied first
}


class Launches(TorchDispatchMode):
    """Counts the kernels of what runs inside, by operation."""

    def __init__(self) -> None:
        super().__init__()
        self.kernels: Counter[str] = Counter()

    def __torch_dispatch__(
        self, func: Any, types: Sequence[type], args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        name = func.overloadpacket.__name__
        result = func(*args, **(kwargs or {}))
        of_host = name == "_to_copy" and not isinstance(args[0], Tensor)  # a number, handed to the kernel that uses it
        empty = isinstance(result, Tensor) and not result.numel()  # nothing is started for it
        if not (func.is_view or name in FREE or of_host or empty):
            self.kernels[name] += kernels_of(name, args)
        return result


def kernels_of(name: str, arguments: Sequence[Any]) -> int:
    """How many kernels torch's CUDA code starts for an operation of these arguments."""
    if name.startswith(("_foreach_", "_fused_")):
        return _multi_tensor(name, arguments)
    weight = KERNELS.get(name, 1)
    return weight if isinstance(weight, int) else weight(arguments)


def _multi_tensor(name: str, arguments: Sequence[Any]) -> int:
    lists = [part for part in arguments if isinstance(part, list | tuple) and part and isinstance(part[0], Tensor)]
    tensors: Sequence[Tensor] = lists[0]
    scalars = [part for part in arguments if isinstance(part, Tensor)]
    alike = all(t.dtype == tensors[0].dtype for part in lists for t in part) or name.startswith("_fused_")
    if not alike or any(scalar.dtype != tensors[0].dtype for scalar in scalars):
        return len(tensors)  # the slow path: an operation for each tensor
    depth = 4 if name.startswith("_fused_") else len(lists) + (not name.endswith("_"))
    launches = held = blocks = 0
    for tensor in tensors:
        held += 1
        for _ in range(-(-tensor.numel() // CHUNK)):
            blocks += 1
            if blocks == BLOCKS:
                launches, blocks, held = launches + 1, 0, 1
        if held == TENSORS[depth - 1]:
            launches, blocks, held = launches + 1, 0, 0
    return launches + (blocks > 0)


def count_launches(work: Work, seeds: int = 1) -> Counter[str]:
    """The kernels of one captured unit of all seeds, by operation."""
    numbers = tuple(range(seeds))
    state = initial_state(work.build, work.recipe, numbers, work.data)
    total: Counter[str] = Counter()
    for seed in seed_trainings("captured", work.build, work.recipe, numbers, work.data, "cpu", state):
        assert isinstance(seed, CapturedSeed)
        seed.advance(0, 1)
        seed._place.zero_()
        with Launches() as counted:
            seed.unit(objective_at(work.recipe, 0))
        total += counted.kernels
    return total


def main(arguments: Sequence[str]) -> None:
    """Count the cases asked for, or all of them; all of them replace the table in the results' folder.

    Raises:
        InputError: there is no such case.
    """
    parser = argparse.ArgumentParser(prog="python -m benchmarks.speed launches", description=__doc__)
    parser.add_argument("--case", action="append", default=[], metavar="NAME", help=f"one of {', '.join(CASES)}")
    chosen = parser.parse_args(arguments).case
    params = load_params()
    works = [prepare_case(name, params, cases=CASES) for name in chosen or CASES]
    table = as_markdown(works)
    print(table, end="")
    if not chosen:
        write_atomically(RESULT, f"# Kernels of one unit of a training\n\n{__doc__}\n{table}")


def as_markdown(works: Sequence[Work]) -> str:
    """A table of each case's kernels a unit, of one seed and for each of five."""
    rows = []
    for work in works:
        alone = sum(count_launches(work).values())
        batched = trains_batched(work.build(), work.recipe)
        each = sum(count_launches(work, SEEDS).values()) / SEEDS if batched else alone
        rows.append(f"| {work.name} | {work.title} | {alone} | {each:.0f} |")
    header = (f"| case | recipe | one seed | each of {SEEDS} seeds |", "|---|---|---:|---:|")
    return "\n".join((*header, *rows, ""))
