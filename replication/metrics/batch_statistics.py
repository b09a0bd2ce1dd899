"""Batch normalisation frozen to the mean of its statistics over batches."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm


@torch.no_grad()
def freeze_to_mean(network: nn.Module, show: Callable[[], object]) -> None:
    """Set running statistics to their mean over the batches that `show` passes through, and the network to use them.

    A network that keeps no running statistics has them from here on.
    """
    for norm in (module for module in network.modules() if isinstance(module, _BatchNorm)):
        norm.running_mean = torch.zeros(norm.num_features, device=next(network.parameters()).device)
        norm.running_var = torch.ones_like(norm.running_mean)
        norm.num_batches_tracked = torch.zeros((), dtype=torch.int64, device=norm.running_mean.device)
        norm.track_running_stats, norm.momentum = True, None  # a cumulative mean in place of a moving one
    network.train()
    show()
    network.eval()
