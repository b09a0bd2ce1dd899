"""What the latent space and the inside of a network hold."""

from __future__ import annotations

from replication.table.definitions.definition import MetricDefinition, metric

LATENT: dict[str, MetricDefinition] = {
    "walk_smoothness": metric("1", "higher", 0.0)(
        "Mean over largest change of the image in a step of a straight walk, by Euclidean distance of pixels, averaged "
        "over walks: 1 where all steps change it alike, as in a cross-fade, near 0 where one step has all of it."
    ),
    "walk_plausibility": metric("share", "higher", 0.0)(
        "Share of images at the ends of walks, or half-way, that are plausible: in the judge's features nearer to some "
        "real image than that one's third neighbour, and the judge as sure as of all but 5 % of held-out images. Ours."
    ),
    "arithmetic_success": metric("share", "higher", 0.0)(
        "Share of results of thick slanted − thick upright + thin upright that are thin and slanted, each by the outer "
        "tercile of the samples, and plausible as for walks; none where samples hold too few exemplars. Ours."
    ),
    "arithmetic_plausibility": metric("share", "higher", 0.0)(
        "Share of results of the same sums that are plausible, whatever they show."
    ),
    "arithmetic_spread": metric("SD of samples", "lower", None)(
        "Standard deviation of thickness and slant over the results of sums of other and other exemplars, in standard "
        "deviations of the samples; root mean square of the two."
    ),
    "turn_monotonicity": metric("1", "higher", -1.0)(
        "Spearman's correlation of an image's slant with the share added of a turn vector (mean latent of samples that "
        "slant right less that of samples that slant left), averaged over random samples turned."
    ),
    "turn_slope": metric("SD of samples", "higher", None)(
        "By how many of the samples' standard deviations the slant grows where the whole turn vector is added."
    ),
    "reconstruction_error": metric("1", "lower", None)(
        "Mean squared error a pixel, pixels in [0, 1], on held-out images or on those trained on."
    ),
    "reconstruction_ratio": metric("1", "neither", None)(
        "Mean squared error a pixel on held-out images over that on the images trained on: 1 where nothing is "
        "overfitted."
    ),
    "sample_distance": metric("1", "lower", None)(
        "Energy distance, by Euclidean distance of pixels, between held-out images and images decoded from draws of a "
        "Gaussian kernel density of the training codes."
    ),
    "auc": metric("share", "higher", 0.0)(
        "Area under the ROC curve of an outlier score: how often a held-out image of the class left out of training "
        "scores above one of another class. Over all classes: the mean over the one left out."
    ),
    "component_information": metric("nats", "neither", None)(
        "Mutual information between the component that a sample is drawn from and its class (the judge's argmax, or "
        "the nearest mode of the toy), from counts; chance is its mean over permutations of the classes, which has the "
        "same bias upwards, and chance-95 their 95th percentile."
    ),
    "component_class_share": metric("share", "neither", None)(
        "The mutual information between component and class as a share of the classes' entropy: 1 where the component "
        "settles the class; 0 too where all samples are of one class."
    ),
    "component_variance_share": metric("share", "neither", None)(
        "Variance of pixels within a component's samples over that of all samples, both unbiased: 1 where the "
        "component tells nothing of a sample, 0 where each component gives one image over and over."
    ),
    "component_duplicate_rate": metric("share", "lower", 1.0)(
        "Share of samples as near to another sample of the same component, by Euclidean distance of pixels, as the "
        "nearest 1 % of as many real training images are to another real one."
    ),
    "component_p_value": metric("1", "neither", None)(
        "p of the permutation test of component and class being independent, at least 1/(permutations + 1)."
    ),
}
