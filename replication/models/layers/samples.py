"""uint8 images as what networks see, and back."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from torch import Tensor

from replication.foundation.errors import chosen

CONTRAST = 55.0  # norm of an image whose contrast is normalised (GAN's released CIFAR-10 recipes)


def as_samples(images: Tensor, pixels: str = "signed") -> Tensor:
    """uint8 images [B, C, H, W] → float32 in [−1, 1] (signed), in [0, 1] (unit), or less their mean and of one norm."""
    return chosen(FROM_LEVELS, pixels, "form of pixels")(images.to(torch.float32))


def as_images(samples: Tensor, pixels: str = "signed") -> Tensor:
    """Samples → uint8, rounded to the nearest level; of normalised contrast each image fills the range of levels."""
    return chosen(TO_LEVELS, pixels, "form of pixels")(samples).round().clamp(0, 255).to(torch.uint8)


def _contrast(values: Tensor) -> Tensor:
    centred = (values - values.mean((1, 2, 3), keepdim=True)) / 255.0
    return CONTRAST * centred / centred.square().sum((1, 2, 3), keepdim=True).sqrt().clamp_min(1e-8)


def _whole_range(samples: Tensor) -> Tensor:
    low, high = samples.amin((1, 2, 3), keepdim=True), samples.amax((1, 2, 3), keepdim=True)
    return (samples - low) / (high - low).clamp_min(1e-8) * 255.0


FROM_LEVELS: Mapping[str, Callable[[Tensor], Tensor]] = {
    "signed": lambda levels: levels / 127.5 - 1.0,
    "unit": lambda levels: levels / 255.0,
    "contrast": _contrast,
}
TO_LEVELS: Mapping[str, Callable[[Tensor], Tensor]] = {
    "signed": lambda samples: (samples + 1.0) * 127.5,
    "unit": lambda samples: samples * 255.0,
    "contrast": _whole_range,
}
