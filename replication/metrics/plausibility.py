"""Whether an image could be a real one, by a classifier that knows real ones: what people say of walks and sums."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from replication.foundation.errors import InputError
from replication.metrics.neighbours import NEIGHBOURS, ball_radii, feature_distances
from replication.models.layers.samples import as_samples

UNSURE = 5.0  # percentile of the judge's confidence on held-out real images
BATCH = 500


@dataclass(frozen=True)
class Plausibility:
    """Real images as balls in the judge's features, and how sure of an image the judge must be."""

    judge: nn.Sequential
    features: Tensor  # float64 [r, F]
    radii: Tensor  # float64 [r], squared
    confidence: float

    def of(self, images: np.ndarray) -> np.ndarray:
        """bool [n]: which of uint8 images [n, C, H, W] are plausible.

        It lies in a real image's ball (the precision of Kynkäänniemi et al. 2019, in the judge's features), and the
        judge is as sure of it as of all but the 5 % of held-out real images of which it is least sure.
        """
        plausible = [torch.empty(0, dtype=torch.bool)]
        for part in _parts(images):
            features, confidence = _judged(self.judge, part)
            inside = (feature_distances(features, self.features) <= self.radii).any(dim=1)
            plausible.append((inside & (confidence >= self.confidence)).cpu())
        return torch.cat(plausible).numpy()


def learn_plausibility(judge: nn.Module, real: np.ndarray, held_out: np.ndarray, device: str = "cpu") -> Plausibility:
    """What a judge that ends in a linear layer finds plausible; both sets are uint8 [n, C, H, W], some 10 000 at most.

    InputError: the judge gives no numbers, or there are too few images.
    """
    assert isinstance(judge, nn.Sequential)
    if len(real) <= NEIGHBOURS or not len(held_out):
        raise InputError(
            f"Plausibility needs more than {NEIGHBOURS} real images and one held out, not {len(real)} and "
            f"{len(held_out)}: choose a larger split."
        )
    judge = deepcopy(judge).to(device).eval()
    features = torch.cat([_judged(judge, part)[0] for part in _parts(real)])
    confidence = torch.cat([_judged(judge, part)[1] for part in _parts(held_out)])
    if not bool(torch.isfinite(features).all() and torch.isfinite(confidence).all()):
        raise InputError("The judge's features of real images are not all finite: train it again.")
    least = float(np.percentile(confidence.double().cpu().numpy(), UNSURE))
    return Plausibility(judge, features, ball_radii(features), least)


@torch.no_grad()
def _judged(judge: nn.Sequential, images: Tensor) -> tuple[Tensor, Tensor]:
    """Features float64 [n, F] before the judge's last layer, and the largest probability that it gives [n]."""
    device = next(judge.parameters()).device
    features = judge[:-1](as_samples(images.to(device))).flatten(1)
    return features.double(), judge[-1](features).softmax(dim=1).amax(dim=1)


def _parts(images: np.ndarray) -> tuple[Tensor, ...]:
    return torch.from_numpy(images).split(BATCH) if len(images) else ()
