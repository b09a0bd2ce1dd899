"""Did a training hold together? Numbers that can fail, for DCGAN's guidelines, rates and long runs (§3, §4, §7).

The papers name no measure of stability, so these are ours, and their thresholds were fixed before any run was judged
by them. Where a history, activation or share is not finite the run diverged, and the answer is NaN: no value.
"""

from __future__ import annotations

import numpy as np
from sklearn.metrics.pairwise import euclidean_distances

MAX_OSCILLATION = 0.25  # a sinusoid that swings by 37 % of its level to either side
MIN_DIVERSITY = 0.5  # of the data's own
MIN_COVERAGE = 0.5  # of the classes
WON = 0.01  # nats an image: the discriminator gives the right answer a probability of 99 %

CYCLES = 4  # an oscillation is seen at least so often in the half judged; what is slower is a trend
MIN_POINTS = 64
CONSTANT = 0.05  # spread over samples, against a filter's own scale, below which it has one response to all
COVERED = 0.1  # of a class's fair share
DIVERSITY_IMAGES = 2000  # pairs grow with the square


def stable(
    *,
    diverged: bool,
    generator_losses: np.ndarray,
    discriminator_losses: np.ndarray,
    discriminator_scale: float,
    diversity: float,
    coverage: float,
) -> bool:
    """Whether one training is a success: it did not diverge, collapse or oscillate, and its discriminator did not win.

    Losses are [T], with `discriminator_scale` as `objectives.discriminator_loss` has it: the discriminator has won
    where its median loss over the second half is below `WON` nats an image. `diversity` is `sample_diversity` and
    `coverage` is `mode_coverage` or, where several steps are scored, `coverage_course`. NaN fails.
    """
    steady = all(loss_oscillation(losses) <= MAX_OSCILLATION for losses in (generator_losses, discriminator_losses))
    nats = float(np.median(discriminator_losses[len(discriminator_losses) // 2 :])) / (2 * discriminator_scale)
    spread = diversity >= MIN_DIVERSITY and coverage >= MIN_COVERAGE
    return not diverged and steady and nats >= WON and bool(spread)


def loss_oscillation(history: np.ndarray) -> float:
    """Root mean square of a loss's oscillating part over that of the whole, in the second half of the run: 0 to 1.

    The oscillating part is the power at periods of at most a quarter of that half, as slower changes are the trend of
    training, less the noise of minibatches. That noise is as strong at every frequency, so its level is the median
    power, which the few frequencies of an oscillation do not move. The ratio has no unit. `history` is [T].
    """
    curve = history[len(history) // 2 :].astype(np.float64)
    if not np.isfinite(history).all():
        return float("nan")
    count = len(curve)
    places, window = np.arange(count), np.hanning(count)  # a window, lest the trend leak into every period
    rest = curve - np.polyval(np.polyfit(places, curve, 1), places)
    power = 2 * np.abs(np.fft.rfft(window * rest)) ** 2 / count  # by frequency, in cycles a half
    if count % 2 == 0:
        power[-1] /= 2  # the frequency that is its own mirror image
    seen = power[CYCLES:]
    noise = np.median(seen) / np.log(2)  # power of white noise is exponential, with a median of log 2 means
    oscillating = max(0.0, float((seen - noise).sum()))
    whole = float(np.square(window * curve).sum())
    return min(1.0, (oscillating / whole) ** 0.5) if whole > 0 else 0.0


def collapsed_filters(activations: np.ndarray) -> float:
    """Share of a layer's filters that answer every sample alike, dead ones included (DCGAN §7).

    `activations` [n, filters, …] are those of the generator's last hidden layer for n draws of noise, with the
    positions of a map or without. Collapsed: the standard deviation over samples, at one position, is at most 5 % of
    the filter's root mean square, both taken over positions.
    """
    if not np.isfinite(activations).all():
        return float("nan")
    alike = []
    for place in range(activations.shape[1]):
        responses = _flat(activations[:, place])
        spread, size = float(responses.var(axis=0).mean() ** 0.5), float(np.square(responses).mean() ** 0.5)
        alike.append(spread <= CONSTANT * size)
    return float(np.mean(alike))


def mode_coverage(class_shares: np.ndarray) -> float:
    """Share of classes that hold at least a tenth of their fair share of the samples; `class_shares` [K] add to 1."""
    if not np.isfinite(class_shares).all():
        return float("nan")
    return float((class_shares >= COVERED / len(class_shares)).mean())


def coverage_course(shares_by_step: np.ndarray) -> float:
    """The least `mode_coverage` of [steps, K] from where it is first at its highest on: a drop is a collapse."""
    course = np.array([mode_coverage(shares) for shares in shares_by_step])
    return float(course[np.argmax(course) :].min()) if np.isfinite(course).all() else float("nan")


def sample_diversity(samples: np.ndarray, real: np.ndarray) -> float:
    """Mean distance of pixels between two of uint8 samples [n, C, H, W], 2000 at most, over that of real images."""
    return _mean_distance(samples) / _mean_distance(real)


def colour_distance(samples: np.ndarray, real: np.ndarray, bins: int = 16) -> float:
    """Total-variation distance between histograms of colours, cells of bins^C, of uint8 [n, C, H, W]: 0 to 1."""
    return float(np.abs(_colours(samples, bins) - _colours(real, bins)).sum() / 2)


def _flat(responses: np.ndarray) -> np.ndarray:
    """float64 [n, positions]."""
    return responses.reshape(len(responses), -1).astype(np.float64)


def _mean_distance(images: np.ndarray) -> float:
    flat = _flat(images[:DIVERSITY_IMAGES])
    return float(euclidean_distances(flat).sum() / (len(flat) * (len(flat) - 1)))


def _colours(images: np.ndarray, bins: int) -> np.ndarray:
    """Share of the pixels in each colour [bins^C]."""
    cells = np.zeros((len(images), *images.shape[2:]), np.int32)
    for channel in range(images.shape[1]):
        cells = cells * bins + images[:, channel].astype(np.int32) * bins // 256
    return np.bincount(cells.ravel(), minlength=bins ** images.shape[1]) / cells.size
