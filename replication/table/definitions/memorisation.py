"""Whether a generator repeats what it was trained on."""

from __future__ import annotations

from replication.table.definitions.definition import MetricDefinition, metric

MEMORISATION: dict[str, MetricDefinition] = {
    "memorisation_share": metric("share", "lower", 1.0)(
        "Share of samples whose nearest image, by Euclidean distance of pixels, is a training image rather than a "
        "held-out one, its odds divided by those of the sets' sizes: 0.5 is no memorising, 1 a memoriser. Beside it "
        "held-out images in place of samples, and copies of training images with noise. Held-out are the training "
        "images that the split leaves out (100 or more), or else the test images; where those differ in kind from the "
        "training images, the control with held-out images lies below 0.5."
    ),
    "nearest_training_distance": metric("levels", "neither", None)(
        "Root mean square difference of pixels, in levels of 255, from a sample to the nearest training image: mean "
        "over the samples, or (least) the least of them. Beside it held-out images in place of samples."
    ),
    "duplicate_recall": metric("share", "higher", 0.0)(
        "Share of near-duplicates planted in a data set (shifts, brightness, noise, JPEG) whose binary code equals "
        "their original's: the active units of a denoising autoencoder's code, or the pixels above the middle."
    ),
    "duplicate_false_positives": metric("share", "lower", 1.0)(
        "Share of the images removed, all but the first of equal code, of which no view stays: k - 1 of a group of k "
        "different originals. Repeats that the data set held before count, and it is 1 where nothing is removed."
    ),
}
