"""Scores of generated images, under the original Inception network or under a judge that is named."""

from __future__ import annotations

from replication.table.definitions.definition import MetricDefinition, metric

IMAGES: dict[str, MetricDefinition] = {
    "judge_score": metric("1", "higher", 1.0)(
        "exp E_x KL(p(y|x) ‖ p(y)), the inception score's formula, under the judge named beside it: a substitute "
        "network, so never called inception score. Mean over 10 contiguous splits."
    ),
    "judge_score_variant": metric("1", "higher", 1.0)(
        "The judge score of all held-out or all training images, computed in other ways: in one split, in 10 "
        "contiguous splits (as the judge score is), in 10 splits of shuffled images, in 10 splits of images sorted by "
        "class."
    ),
    "modified_judge_score": metric("1", "higher", 1.0)(
        "DeLiGAN's exp E_i E_j KL(p(y|x_i) ‖ p(y|x_j)) within a class (the judge's argmax), under the judge named."
    ),
    "class_agreement": metric("0/1", "higher", 0.0)(
        "1 where the difference of two models' mean scores within a class has the published sign. It is taken when "
        "claims are judged, and no row of the table holds it."
    ),
    "judge_share": metric("share", "neither", 0.0)("Share of samples that the judge assigns to a class."),
    "judge_accuracy": metric("accuracy", "higher", 0.0)("Accuracy of the judge on held-out real images."),
    "judge_score_ratio": metric("1", "higher", 0.0)(
        "The judge score over that of as many held-out real images, or (unrepeated) of as many of the images that are "
        "repeated, each once; in 10 contiguous splits."
    ),
    "judge_frechet_distance": metric("1", "lower", None)(
        "The Fréchet distance between Gaussians, FID's formula, of the judge's last maps averaged over the image, "
        "to the images trained on or to held-out ones, 5000 at most; a substitute network, so never called FID."
    ),
    "judge_kernel_distance": metric("1", "lower", None)(
        "The unbiased squared MMD, KID's formula, of the same features: mean over 2 subsets of 1000 of each side, or "
        "of as many as there are."
    ),
    "judge_precision": metric("share", "higher", 0.0)(
        "Share of samples inside the balls that reach from a real image's features to its third neighbour's, the same "
        "features and images."
    ),
    "judge_recall": metric("share", "higher", 0.0)(
        "Share of real images inside the balls around samples, otherwise as the precision."
    ),
    "inception_score": metric("1", "higher", 1.0)(
        "exp E_x KL(p(y|x) ‖ p(y)) of the original Inception network's 1008 classes without bias: mean over 10 "
        "contiguous splits, or one row a split."
    ),
    "inception_score_variant": metric("1", "higher", 1.0)(
        "The inception score of all held-out or all training images, computed in other ways: in one split, in 10 "
        "contiguous splits (as the inception score is), in 10 splits of shuffled images, in 10 splits of images sorted "
        "by class, and in 10 contiguous splits with the bias of the network's last layer."
    ),
    "inception_score_spread": metric("1", "neither", None)(
        "Population standard deviation of the inception score over the splits of one set of samples; it says nothing "
        "of how trainings vary."
    ),
    "modified_inception_score": metric("1", "higher", 1.0)(
        "DeLiGAN's exp E_i E_j KL(p(y|x_i) ‖ p(y|x_j)) within a class (the transfer head's argmax), and their mean "
        "over the classes that occur; a softmax trained on the original Inception network's pool3 gives p."
    ),
    "modified_inception_score_spread": metric("1", "neither", None)(
        "Population standard deviation of the modified inception score between the classes, the paper's ±."
    ),
    "transfer_head_accuracy": metric("accuracy", "higher", 0.0)(
        "Accuracy of the softmax on pool3 on the fifth of the training images that it was not trained on."
    ),
    "transfer_head_share": metric("share", "neither", 0.0)(
        "Share of samples that the softmax on pool3 assigns to a class; an empty one has none."
    ),
    "fid": metric("1", "lower", None)(
        "Fréchet inception distance of pool3 features to all images trained on, or to all held-out ones."
    ),
    "kid": metric("1", "lower", None)(
        "Kernel inception distance of pool3 features: the unbiased squared MMD under (x·y/d + 1)³, mean over 100 "
        "subsets of 1000 of each side, or of as many as there are."
    ),
    "precision": metric("share", "higher", 0.0)(
        "Share of samples inside the balls that reach from a real image's pool3 features to its third neighbour's."
    ),
    "recall": metric("share", "higher", 0.0)(
        "Share of real images inside the same balls around samples' pool3 features."
    ),
    "parzen_log_likelihood": metric("nats", "higher", None)(
        "Mean log density of the test images under equal Gaussians on 10 000 samples, in the pixels that the networks "
        "see; the Gaussians' standard deviation is the one of 10 between 0.1 and 1 (of 37 in variant fine-grid) that "
        "gives 1000 validation images the highest mean. Measured only where a split leaves training images out."
    ),
    "parzen_standard_error": metric("nats", "neither", None)(
        "Standard error over test images of the Parzen log-likelihood of one generator; it says nothing of how "
        "trainings vary."
    ),
    "parzen_width": metric("1", "neither", None)(
        "Standard deviation of the Parzen window's Gaussians, as the validation images chose it."
    ),
    "duplicate_rate": metric("share", "lower", 1.0)(
        "Share of samples as near to another sample, by Euclidean distance of pixels, as the nearest 1 % of as many "
        "real training images are to another real one."
    ),
}
