"""What a training takes of the machine: peaks that provenance keeps, so that a later run need not guess."""

from __future__ import annotations

import os
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import torch

STATUS, CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")
RESET_PEAK = "5"  # proc(5): the peak of resident memory begins anew
LOAD_SECONDS = 5.0  # between two looks at a GPU's load


@contextmanager
def measured(device: str) -> Iterator[dict[str, Any]]:
    """A dict that holds at the end the peak `memory` of the process, in bytes, and of a GPU that was computed on.

    `gpu_memory` and `gpu_total` are bytes, `gpu_load` is the mean share of the time in which it was busy. In its place
    a process that is held to a part of a GPU says which part, `gpu_share`.
    """
    with suppress(OSError):  # where the system does not let it, the peak is that of all the process did
        CLEAR.write_text(RESET_PEAK)
    usage: dict[str, Any] = {}
    if device != "cuda":
        yield usage
    else:
        torch.cuda.reset_peak_memory_stats()
        with _watched() as loads:
            yield usage
        usage["gpu_memory"] = torch.cuda.max_memory_reserved()
        usage["gpu_total"] = torch.cuda.get_device_properties(0).total_memory
        share = torch.cuda.get_per_process_memory_fraction()
        if share < 1.0:
            usage["gpu_share"] = round(share, 3)
        elif loads:
            usage["gpu_load"] = round(sum(loads) / len(loads), 3)
    usage["memory"] = resident("VmHWM")


def resident(field: str = "VmRSS") -> int:
    """Bytes of a line of /proc/self/status: resident memory now, or its peak (`VmHWM`); 0 where there is no /proc."""
    lines = STATUS.read_text(encoding="utf-8").splitlines() if STATUS.exists() else []
    return next((1024 * int(line.split()[1]) for line in lines if line.startswith(f"{field}:")), 0)


@contextmanager
def _watched() -> Iterator[list[float]]:
    """The load of the GPU, looked at every few seconds by a thread."""
    loads: list[float] = []
    done = threading.Event()
    device = os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",")[0] or "0"
    command = ["nvidia-smi", f"--id={device}", "--query-gpu=utilization.gpu", "--format=csv,noheader,nounits"]

    def watch() -> None:
        with suppress(OSError, ValueError, subprocess.CalledProcessError):  # no such program: the load stays unknown
            while not done.wait(LOAD_SECONDS):
                loads.append(float(subprocess.run(command, capture_output=True, text=True, check=True).stdout) / 100)

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield loads
    finally:
        done.set()
        thread.join()
