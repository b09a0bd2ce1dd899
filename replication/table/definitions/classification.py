"""How well labels are told, from features, from samples or by a discriminator itself."""

from __future__ import annotations

from replication.table.definitions.definition import MetricDefinition, metric

CLASSIFICATION: dict[str, MetricDefinition] = {
    "probe_accuracy": metric("accuracy", "higher", 0.0)(
        "Test accuracy of an L2-SVM (LinearSVC's objective, solved to 1e-4 of it) on discriminator features of every "
        "convolution, max-pooled to 4×4, flattened and concatenated (float32, above 2^31 values float16), at the C of "
        "the best accuracy on held-out training images. Where the variant names a pooling, other images of the batch "
        "statistics or a C, that part alone is another."
    ),
    "probe_cost": metric("C", "neither", None)(
        "The C of the L2-SVM of the same variant: the best mean accuracy on held-out images."
    ),
    "test_error": metric("share", "lower", 1.0)(
        "Share of test images that are misclassified: by a discriminator that has seen so many labels, by an ensemble "
        "of such, or (1-nn) as the nearest of so many labelled images is labelled, by Euclidean distance of pixels; "
        "where a generator is measured, images of its own."
    ),
    "accuracy": metric("accuracy", "higher", 0.0)("Share of held-out examples classified correctly."),
    "curves_cross": metric("0/1", "higher", 0.0)(
        "1 where, over random splits of a data set, naive Bayes leads beyond noise with some number of labels (paired "
        "t at .05, shared out among the numbers) and logistic regression leads beyond noise with all."
    ),
    "labels_needed": metric("doublings", "lower", None)(
        "Binary logarithm of the number of labels at which a classifier's mean accuracy first comes within one point "
        "of its own with all labels, linear in the logarithm between numbers measured."
    ),
    "crossing_size": metric("labels", "neither", None)(
        "The smallest training size measured from which on logistic regression stays ahead by mean accuracy over the "
        "splits. A data set has none where it does not end ahead or is ahead from the fewest labels on."
    ),
}
