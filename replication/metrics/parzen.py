"""The log-likelihood of images under a Parzen window on generated samples (GAN 2014 §5, and its released code)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from replication.metrics.neighbours import squared_distances

SIGMAS = tuple(np.logspace(-1, 0, 10).tolist())  # the released code's bandwidths, in units of a pixel
# The same bandwidths with three more between each two: the best often lies between two of the released ones.
FINE = tuple(np.logspace(-1, 0, 37).tolist())
BLOCK = 2048  # samples and points whose distances are held at once: 32 MiB a table
CACHED = 1 << 16  # distances of a table on a processor
FAR = -700.0  # in the exponent: e to it is nothing beside the nearest sample's 1, and what underflows takes longer


def log_likelihoods(samples: Tensor, points: Tensor, sigma: float | Sequence[float], block: int = BLOCK) -> Tensor:
    """Log density in nats of each point under the mean of Gaussian kernels N(sample, σ²I), one on every sample.

    `samples` [n, d] and `points` [m, d] hold finite numbers of one scale, one row at least. Returns float64 [m] on the
    device of `samples` for one σ, [S, m] for S of them. All is computed in float64, where squared distances by way of
    dot products hold nine digits for pixels; memory grows with `block`², not with n·m.
    """
    sigmas = np.atleast_1d(np.asarray(sigma, dtype=np.float64)).tolist()
    rows = [_block_likelihoods(samples, part, sigmas, block) for part in points.split(block)]
    log_sums = torch.cat(rows, dim=1)  # [S, m]
    widths = log_sums.new_tensor(sigmas)[:, None]
    densities = log_sums - np.log(len(samples)) - samples.shape[1] * torch.log(widths * np.sqrt(2 * np.pi))
    return densities[0] if np.ndim(sigma) == 0 else densities


def choose_sigma(samples: Tensor, validation: Tensor, sigmas: Sequence[float] = SIGMAS) -> float:
    """The σ of the highest mean log-likelihood of `validation` [m, d], the first of equals."""
    means = log_likelihoods(samples, validation, list(sigmas)).mean(dim=1)
    return float(sigmas[int(means.argmax())])


def parzen(
    samples: Tensor, validation: Tensor, test: Tensor, sigmas: Sequence[float] = SIGMAS
) -> tuple[float, float, float]:
    """The mean log-likelihood of `test` in nats, its standard error, and the σ of `validation`.

    The published protocol has 10 000 samples and the first 1000 validation images. The standard error is over test
    points, as in the released code: it says nothing of the spread between trainings.
    """
    sigma = choose_sigma(samples, validation, sigmas)
    scores = log_likelihoods(samples, test, sigma)
    return float(scores.mean()), float(scores.std(correction=0)) / len(scores) ** 0.5, sigma


def _block_likelihoods(samples: Tensor, points: Tensor, sigmas: list[float], block: int) -> Tensor:
    """Log of the sum over samples of exp(−‖x − sample‖²/2σ²), [S, m]: distances once for all σ."""
    points = points.to(samples.device, torch.float64)
    sums = points.new_full((len(sigmas), len(points)), -torch.inf)
    # A processor's cache decides how fast it is: a table of which one pass is left for each σ should fit.
    together = block if samples.device.type == "cuda" else min(block, max(CACHED // len(points), 1))
    for part in samples.split(together):
        squared = squared_distances(points, part.to(torch.float64))
        least = squared.amin(dim=1, keepdim=True)
        apart, work = squared.sub_(least), torch.empty_like(squared)
        for place, sigma in enumerate(sigmas):
            near = torch.mul(apart, -0.5 / sigma**2, out=work).clamp_min_(FAR).exp_().sum(dim=1)
            sums[place] = torch.logaddexp(sums[place], near.log() - least[:, 0] / (2 * sigma**2))
    return sums
