"""Metrics of toy trainings and of the theory on known densities."""

from __future__ import annotations

from replication.table.definitions.definition import MetricDefinition, metric

TOY: dict[str, MetricDefinition] = {
    "success": metric("0/1", "higher", 0.0)(
        "1 where every mode of the toy mixture holds its true share of samples ± 0.2 and at least 90 % of samples "
        "lie within three standard deviations of a mode; fixed before any run."
    ),
    "modes_covered": metric("modes", "higher", 0.0)(
        "Number of mixture modes that hold their true share of the samples ± 0.2."
    ),
    "in_mode_share": metric("share", "higher", 0.0)(
        "Share of samples within three standard deviations of a mode of the mixture."
    ),
    "void_share": metric("share", "lower", 1.0)(
        "Share of samples in the void: more than three standard deviations from every mode, their projection on the "
        "line through two modes between the two. 1 where a mode holds less than a fifth of its weight, so that a "
        "collapsed generator does not win by having nothing between its modes."
    ),
    "mode_imbalance": metric("share", "lower", 1.0)(
        "Largest difference, over the modes, between a mode's share of the samples that lie within three standard "
        "deviations of a mode and its weight: 0.5 of two modes where one has all."
    ),
    "modes_kept": metric("0/1", "higher", 0.0)(
        "1 where at least one mode holds a fifth of its weight of the samples at the first scored step after the "
        "start, and every mode that does so then does so at the end."
    ),
    "mode_lost": metric("0/1", "neither", 1.0)(
        "1 where some mode holds at least a fifth of its weight of the samples at the first scored step after the "
        "start, and less at the end."
    ),
    "energy_distance": metric("1", "lower", None)(
        "Energy distance 2E|X−Y| − E|X−X'| − E|Y−Y'| between samples X and the mixture Y itself, whose expectations "
        "are closed forms."
    ),
    "sigma_mean": metric("1", "neither", None)("Mean |σ| over the components and dimensions of the prior."),
    "discriminator_error": metric("1", "lower", 1.0)(
        "Mean |D(x) − p(x)/(p(x)+q(x))| over x drawn half from p, half from q."
    ),
    "value_function": metric("nats", "neither", None)(
        "E_p[log D] + E_q[log(1 − D)] on fresh draws, of the discriminator as training left it (trained), or after it "
        "alone is trained on for 500 updates against the generator as it stands (trained-alone)."
    ),
    "value_shortfall": metric("nats", "lower", None)(
        "How far the value of the game lies below that of D*, on the same fresh draws of known densities; the larger "
        "of two cases, q = p and another q, so that a discriminator that always says one half is far from it."
    ),
    "hit_rate_error": metric("share", "lower", 1.0)(
        "How far the hit rate lies from that of D*, on the same fresh draws of known densities; the larger of two "
        "cases, q = p and another q."
    ),
    "discriminator_gap": metric("nats", "lower", None)(
        "How far the value of the game lies below its value after the discriminator alone is trained on, both on "
        "fresh draws: zero where the discriminator is at its optimum."
    ),
    "discriminator_log_gap": metric("log nats", "lower", None)(
        "Natural logarithm of the discriminator's gap, averaged over the scored steps after the start; a gap below "
        "1e-4, which 10 000 draws cannot tell from none, counts as 1e-4."
    ),
    "gradient_log_ratio": metric("log", "higher", None)(
        "Natural logarithm of the norm of an early generator's gradient under the non-saturating loss over that under "
        "the saturating one, against the same discriminator."
    ),
    "gradient_norm": metric("1", "higher", 0.0)(
        "Norm of the generator's gradient against a discriminator trained on an early generator."
    ),
    "hit_rate": metric("share", "neither", 1.0)(
        "Share of real and generated points that the discriminator tells apart, half each: as training left it, or "
        "after it alone is trained on, as for the value of the game."
    ),
}
