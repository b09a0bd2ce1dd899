"""uint8 images as what networks see, and back."""

from __future__ import annotations

import torch
from torch import Tensor

CONTRAST = 55.0  # norm of an image whose contrast is normalised (GAN's released CIFAR-10 recipes)


def as_samples(images: Tensor, pixels: str = "signed") -> Tensor:
    """uint8 images [B, C, H, W] → float32 in [−1, 1] (signed), in [0, 1] (unit), or less their mean and of one norm."""
    values = images.to(torch.float32)
    if pixels == "signed":
        return values / 127.5 - 1.0
    if pixels == "unit":
        return values / 255.0
    centred = (values - values.mean((1, 2, 3), keepdim=True)) / 255.0
    return CONTRAST * centred / centred.square().sum((1, 2, 3), keepdim=True).sqrt().clamp_min(1e-8)


def as_images(samples: Tensor, pixels: str = "signed") -> Tensor:
    """Samples → uint8, rounded to the nearest level; of normalised contrast each image fills the range of levels."""
    if pixels == "signed":
        levels = (samples + 1.0) * 127.5
    elif pixels == "unit":
        levels = samples * 255.0
    else:
        low, high = samples.amin((1, 2, 3), keepdim=True), samples.amax((1, 2, 3), keepdim=True)
        levels = (samples - low) / (high - low).clamp_min(1e-8) * 255.0
    return levels.round().clamp(0, 255).to(torch.uint8)
