"""What each metric in the table of measurements means: its unit, its better side and its worst value.

A run that diverged has no value; verdicts give it the metric's `worst`. Where `worst` is None the metric is
unbounded on its bad side, and a claim that meets a diverged run there cannot be replicated.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class MetricDefinition:
    unit: str
    better: Literal["higher", "lower", "neither"]
    worst: float | None
    protocol: str  # one sentence for the report's section on metrics


METRICS: dict[str, MetricDefinition] = {
    "success": MetricDefinition(
        "0/1",
        "higher",
        0.0,
        "1 where every mode of the toy mixture holds its true share of samples ± 0.2 and at least 90 % of samples "
        "lie within three standard deviations of a mode; fixed before any run.",
    ),
    "modes_covered": MetricDefinition(
        "modes", "higher", 0.0, "Number of mixture modes that hold their true share of the samples ± 0.2."
    ),
    "in_mode_share": MetricDefinition(
        "share", "higher", 0.0, "Share of samples within three standard deviations of a mode of the mixture."
    ),
    "energy_distance": MetricDefinition(
        "1", "lower", None, "Energy distance 2E|X−Y| − E|X−X'| − E|Y−Y'| between samples and fresh true draws."
    ),
    "sigma_mean": MetricDefinition("1", "neither", None, "Mean |σ| over the components and dimensions of the prior."),
    "discriminator_error": MetricDefinition(
        "1", "lower", 1.0, "Mean |D(x) − p(x)/(p(x)+q(x))| over x drawn half from p, half from q."
    ),
    "value_function": MetricDefinition(
        "nats", "neither", None, "E_p[log D] + E_q[log(1 − D)] of the trained discriminator on fresh draws."
    ),
    "discriminator_gap": MetricDefinition(
        "nats",
        "lower",
        None,
        "How far the value of the game lies below its value after the discriminator alone is trained on, both on "
        "fresh draws: zero where the discriminator is at its optimum.",
    ),
    "gradient_norm": MetricDefinition(
        "1", "higher", 0.0, "Norm of the generator's gradient against a discriminator trained on an early generator."
    ),
    "hit_rate": MetricDefinition(
        "share", "neither", 1.0, "Share of real and generated points that the discriminator tells apart, half each."
    ),
    "generator_loss": MetricDefinition("nats", "neither", None, "The generator's training loss, as its recipe has it."),
    "discriminator_loss": MetricDefinition("nats", "neither", None, "The discriminator's training loss."),
    "diverged": MetricDefinition("0/1", "lower", 1.0, "1 where a loss or a weight of the run became NaN or infinite."),
    "judge_score": MetricDefinition(
        "1",
        "higher",
        1.0,
        "exp E_x KL(p(y|x) ‖ p(y)), the inception score's formula, under the judge named beside it: a substitute "
        "network, so never called inception score. Mean over 10 contiguous splits.",
    ),
    "modified_judge_score": MetricDefinition(
        "1",
        "higher",
        1.0,
        "DeLiGAN's exp E_i E_j KL(p(y|x_i) ‖ p(y|x_j)) within a class (the judge's argmax), under the judge named.",
    ),
    "judge_share": MetricDefinition("share", "neither", 0.0, "Share of samples that the judge assigns to a class."),
    "judge_accuracy": MetricDefinition("accuracy", "higher", 0.0, "Accuracy of the judge on held-out real images."),
    "inception_score": MetricDefinition("1", "higher", 1.0, "Inception score, the original network and 10 splits."),
    "modified_inception_score": MetricDefinition("1", "higher", 1.0, "DeLiGAN's m-IS with the original network."),
    "probe_accuracy": MetricDefinition(
        "accuracy",
        "higher",
        0.0,
        "Test accuracy of an L2-SVM (LinearSVC) on discriminator features of every convolution, max-pooled to 4×4, "
        "flattened and concatenated; C by mean accuracy on validation draws.",
    ),
    "parzen_log_likelihood": MetricDefinition(
        "nats",
        "higher",
        None,
        "Mean log density of the test images under equal Gaussians on 10 000 samples, in the pixels that the networks "
        "see; the Gaussians' standard deviation is the one of 10 between 0.1 and 1 that gives 1000 validation images "
        "the highest mean. Measured only where a split leaves training images out.",
    ),
    "parzen_standard_error": MetricDefinition(
        "nats",
        "neither",
        None,
        "Standard error over test images of the Parzen log-likelihood of one generator; it says nothing of how "
        "trainings vary.",
    ),
    "parzen_width": MetricDefinition(
        "1", "neither", None, "Standard deviation of the Parzen window's Gaussians, as the validation images chose it."
    ),
    "test_error": MetricDefinition("share", "lower", 1.0, "Share of test images that are misclassified."),
    "duplicate_rate": MetricDefinition(
        "share",
        "lower",
        1.0,
        "Share of samples as near to another sample, by Euclidean distance of pixels, as the nearest 1 % of as many "
        "real training images are to another real one.",
    ),
    "stable": MetricDefinition(
        "0/1",
        "higher",
        0.0,
        "1 where the run did not diverge, no loss oscillates beyond 0.25, the discriminator's median loss over the "
        "second half is at least 0.01 nats an image, sample diversity is at least 0.5 and, after its peak, mode "
        "coverage at least 0.5; ours, fixed before any run.",
    ),
    "loss_oscillation": MetricDefinition(
        "1",
        "lower",
        1.0,
        "Root mean square of a loss's oscillating part (periods up to a quarter of the half judged, less the level of "
        "white noise) over that of the whole, in the second half of the run.",
    ),
    "collapsed_filters": MetricDefinition(
        "share",
        "lower",
        1.0,
        "Share of filters of the generator's last hidden layer whose spread over samples is at most 5 % of their root "
        "mean square; dead ones count.",
    ),
    "mode_coverage": MetricDefinition(
        "share",
        "higher",
        0.0,
        "Share of classes that hold at least a tenth of their fair share of the samples, by the judge named.",
    ),
    "sample_diversity": MetricDefinition(
        "1",
        "neither",
        0.0,
        "Mean Euclidean distance of pixels between two samples over that between two real images: 0 where all samples "
        "are one, 1 where they lie as far apart as the data; more is no merit.",
    ),
    "colour_distance": MetricDefinition(
        "share",
        "lower",
        1.0,
        "Total-variation distance between the histograms of colours, 16 bins a channel, of samples and real images.",
    ),
    "accuracy": MetricDefinition("accuracy", "higher", 0.0, "Share of held-out examples classified correctly."),
    "curves_cross": MetricDefinition(
        "0/1",
        "higher",
        0.0,
        "1 where, by mean accuracy over the splits of a data set, naive Bayes leads with the fewest labels and "
        "logistic regression with all.",
    ),
    "crossing_size": MetricDefinition(
        "labels",
        "neither",
        None,
        "The smallest training size measured from which on logistic regression stays ahead by mean accuracy over the "
        "splits. A data set has none where it does not end ahead or is ahead from the fewest labels on.",
    ),
    "reconstruction_error": MetricDefinition(
        "1", "lower", None, "Mean squared error a pixel, pixels in [0, 1], on held-out images or on those trained on."
    ),
    "auc": MetricDefinition(
        "share",
        "higher",
        0.0,
        "Area under the ROC curve of an outlier score: how often a held-out image of the class left out of training "
        "scores above one of another class. Over all classes: the mean over the one left out.",
    ),
}
