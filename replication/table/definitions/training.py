"""Metrics of how a training went."""

from __future__ import annotations

from replication.table.definitions.definition import MetricDefinition, metric

TRAINING: dict[str, MetricDefinition] = {
    "generator_loss": metric("nats", "neither", None)("The generator's training loss, as its recipe has it."),
    "discriminator_loss": metric("nats", "neither", None)("The discriminator's training loss."),
    "diverged": metric("0/1", "lower", 1.0)("1 where a loss or a weight of the run became NaN or infinite."),
    "stable": metric("0/1", "higher", 0.0)(
        "1 where the run did not diverge, no loss oscillates beyond 0.25, the discriminator's median loss over the "
        "second half is at least 0.01 nats an image, sample diversity is at least 0.5 and, after its peak, mode "
        "coverage at least 0.5; ours, fixed before any run."
    ),
    "loss_oscillation": metric("1", "lower", 1.0)(
        "Root mean square of a loss's oscillating part (periods up to a quarter of the half judged, less the level of "
        "white noise) over that of the whole, in the second half of the run."
    ),
    "collapsed_filters": metric("share", "lower", 1.0)(
        "Share of filters of the generator's last hidden layer whose spread over samples is at most 5 % of their root "
        "mean square; dead ones count."
    ),
    "mode_coverage": metric("share", "higher", 0.0)(
        "Share of classes that hold at least a tenth of their fair share of the samples, by the judge named."
    ),
    "sample_diversity": metric("1", "neither", 0.0)(
        "Mean Euclidean distance of pixels between two samples over that between two real images: 0 where all samples "
        "are one, 1 where they lie as far apart as the data; more is no merit."
    ),
    "colour_distance": metric("share", "lower", 1.0)(
        "Total-variation distance between the histograms of colours, 16 bins a channel, of samples and real images."
    ),
}
