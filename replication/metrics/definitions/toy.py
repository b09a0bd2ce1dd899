"""Metrics of toy trainings and of the theory on known densities."""

from __future__ import annotations

from replication.metrics.definitions.definition import MetricDefinition

TOY: dict[str, MetricDefinition] = {
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
}
