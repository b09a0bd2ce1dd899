"""What the filters of a network respond to, and what dropping them does."""

from __future__ import annotations

from replication.table.definitions.definition import MetricDefinition, metric

INSIDE: dict[str, MetricDefinition] = {
    "filter_selectivity": metric("share", "higher", 0.0)(
        "Largest class share among the 5 % of held-out images that excite a filter of the discriminator's last "
        "convolution most (largest activation over places), mean over all its filters, or over the first that the "
        "sheet shows; with permuted labels it is what chance gives."
    ),
    "object_frequency": metric("share", "neither", 1.0)(
        "Share of samples in which a detector finds the planted object (normalised cross-correlation, its threshold "
        "set on training images): of whole samples, with the second-highest maps dropped that have a positive weight "
        "for the object in a logistic regression, and with as many random maps dropped."
    ),
    "rest_unchanged": metric("share", "higher", 0.0)(
        "Share of the samples that show the planted object whose class, by the judge named, stays when maps are "
        "dropped."
    ),
    "change_outside": metric("1", "lower", 1.0)(
        "Root mean square change of pixels in [0, 1] outside the planted object's box when maps are dropped."
    ),
    "dropped_maps": metric("share", "neither", None)(
        "Share of the second-highest maps that have a positive weight for the planted object."
    ),
    "detector_accuracy": metric("accuracy", "higher", 0.0)(
        "Mean of the shares of test images with and without the planted object that its detector tells right."
    ),
}
