"""DeLiGAN's loss threshold, as tensor operations: it moves on the device, without a look from the host."""

from __future__ import annotations

import torch
from torch import Tensor

from replication.config.recipes import Balance

THRESHOLD, COUNT, FLOOR, GENERATOR_LOSS, DISCRIMINATOR_LOSS = range(5)  # columns of state["balance"]


def move_threshold(state: Tensor, settings: Balance, epoch_starts: Tensor) -> Tensor:
    """Raise the threshold after too many updates of G, lower it after too many of D; returns bool []: it was raised."""
    threshold, count, floor = state[THRESHOLD].clone(), state[COUNT].clone(), state[FLOOR].clone()
    falls = epoch_starts & (count < settings.floor_count)
    floor = torch.where(falls, (floor - settings.floor_by).clamp_min(settings.floor_least), floor)
    raised = count > settings.raise_count
    threshold = torch.where(raised, (threshold + settings.raise_by).clamp_max(settings.ceiling), threshold)
    count = count.masked_fill(raised, 0.0)
    lowered = (count < settings.lower_count) & (threshold > floor)
    threshold = torch.where(lowered, torch.maximum(threshold - settings.lower_by, floor), threshold)
    count = count.masked_fill(lowered, 0.0)
    state[THRESHOLD], state[COUNT], state[FLOOR] = threshold, count, floor
    return raised


def count_update(state: Tensor, settings: Balance, of_generator: Tensor) -> None:
    """Note whose update it was, bool []: the difference of both counts, or the length of the row of one side."""
    count = state[COUNT]
    if settings.in_a_row:
        state[COUNT] = torch.where(of_generator, count.clamp_min(0.0) + 1.0, count.clamp_max(0.0) - 1.0)
    else:
        state[COUNT] = count + (2.0 * of_generator - 1.0)
