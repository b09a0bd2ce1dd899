"""What a judge makes of images besides its verdict: the features that distances between sets of images are taken in."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from replication.foundation.errors import InputError
from replication.models.layers.samples import as_samples
from replication.scoring.classifier import BATCH


@dataclass(frozen=True)
class Judged:
    """Features float32 [n, d] and logits float32 [n, K] of n images."""

    features: np.ndarray
    logits: np.ndarray

    def __getitem__(self, rows: np.ndarray) -> Judged:
        return Judged(self.features[rows], self.logits[rows])

    def __len__(self) -> int:
        return len(self.logits)


@torch.no_grad()
def judged(network: nn.Module, images: np.ndarray) -> Judged:
    """What `build_classifier`'s network says of uint8 images [n, C, H, W], on the device that it is on.

    Features are the maps of its last convolution averaged over the image, as Inception's pool3 is of its own.

    Raises:
        InputError: the network does not end as `build_classifier` has it.
    """
    if not isinstance(network, nn.Sequential) or not isinstance(network[-2], nn.Flatten):
        raise InputError("This judge has no features to compare: it must end in maps, flattened, and one dense layer.")
    network.eval()
    device = next(network.parameters()).device
    features, logits = [], []
    for part in torch.from_numpy(images).split(BATCH):
        maps = network[:-2](as_samples(part.to(device)))
        features.append(maps.mean((2, 3)).cpu())
        logits.append(network[-2:](maps).cpu())
    return Judged(torch.cat(features).numpy(), torch.cat(logits).numpy())
