"""A recipe as sentences: what a reader of its paper would look for, in the order of a training step.

Objectives and optimisers have the words that they are registered with: import the model's file before.
"""

from __future__ import annotations

import json

from replication.config.recipes import Balance, Noise, Prior, Recipe, Sgd
from replication.training.schedule import SIDES, objectives_of, turns, update_counts

PIXELS = {
    "signed": "scaled to [−1, 1]",
    "unit": "scaled to [0, 1]",
    "contrast": "less each image's mean, divided by its norm (each image's contrast is normalised)",
}
MINIBATCHES = {"shuffled": "is shuffled anew each epoch", "fixed": "is shuffled once, and the minibatches stay"}
REAL_SAMPLES = {
    "none": "",
    "own": "; G sees real samples of an order of its own",
    "next": "; G sees the next real samples of D's order",
}
ROUNDED = "networks in bfloat16; weights, losses, averages and updates in float32"


def sentences(recipe: Recipe, images: bool = True) -> dict[str, str]:
    """Everything by its label; what has no meaning under the recipe, or for points, is left out."""
    from replication.training.optimisers import optimiser_of  # torch, which takes seconds

    optimiser, options = optimiser_of(recipe)
    discriminator = f"{recipe.discriminator_scale:g} × {_objective(recipe, 1)}"
    first = f"drawn, then set from {recipe.initial_images} training images" if recipe.initial_images else "drawn alone"
    words = {
        "schedule": _schedule(recipe),
        "balance": _balance(recipe.balance) if recipe.balance else None,
        "updates": _updates(recipe),
        "batch": f"{recipe.batch} samples; the order {MINIBATCHES[recipe.minibatches]}",
        "pixels": PIXELS[recipe.pixels] if images else None,
        "prior": f"{recipe.latent_dim} dimensions, {_prior(recipe.prior, _noise(recipe.noise))}",
        "display noise": _noise(recipe.display_noise) if recipe.display_noise else None,
        "optimiser": optimiser.words(options),
        "rate": _rate(recipe),
        "momentum": _momentum(recipe, recipe.sgd) if recipe.sgd else None,
        "G's objective": _objective(recipe, 0),
        "D's objective": discriminator + (" + cross-entropy of class labels" if recipe.labels else ""),
        "labels": _labels(recipe),
        "averages": _averages(recipe),
        "network": json.dumps(recipe.network, ensure_ascii=False),
        "arithmetic": ROUNDED if recipe.precision == "bfloat16" else None,
        "first weights": first,
        "stopping": _stopping(recipe),
    }
    return {label: text for label, text in words.items() if text is not None}


def _schedule(recipe: Recipe) -> str:
    """The turns of one unit, such as "1 D update, then 3 G updates, each with its own noise"."""
    if recipe.schedule == "simultaneous":
        return "1 update of both networks from the same state, on one minibatch and one draw of noise"
    steps = turns(recipe)
    each = len({turn.noise for turn in steps}) == len(steps)
    noise = "each with its own noise" if each else "all with the same noise"
    if recipe.schedule == "balanced":
        return f"{len(steps)} inner steps on one minibatch, {noise}; G's loss says whose turn each is"
    generator, discriminator = (sum(turn.sides == (side,) for turn in steps) for side in SIDES)
    counts = f"{_several(discriminator, 'D update')}, then {_several(generator, 'G update')}"
    return f"{counts}, {noise}{REAL_SAMPLES[recipe.generator_minibatch]}"


def _balance(rule: Balance) -> str:
    """Whose update an inner step is, and how the threshold of that rule moves before each minibatch."""
    judged = "with running statistics and without layer noise" if rule.judged_with == "running" else "as in training"
    form = "more than {0} updates of {1} in a row" if rule.in_a_row else "{1} gets more than {0} updates ahead"
    many, few = form.format(rule.raise_count, "G"), form.format(-rule.lower_count, "D")
    extra = f", with one more D update at {rule.extra_rate:g} of the rate" if rule.extra_rate else ""
    moves = (
        f"G where its loss, judged {judged}, is above a threshold, else D. The threshold starts at {rule.threshold:g}, "
        f"and each move of it starts the count anew: after {many} it rises by {rule.raise_by:g}, to {rule.ceiling:g} "
        f"at most{extra}; after {few} it falls by {rule.lower_by:g}, to {rule.floor:g} at least"
    )
    floor = (
        f". That floor falls by {rule.floor_by:g}, to {rule.floor_least:g} at least, where an epoch starts "
        f"with D more than {-rule.floor_count} ahead"
    )
    return moves + (floor if rule.floor_by else "")


def _rate(recipe: Recipe) -> str:
    """The learning rate over the iterations (of a balanced schedule: over the inner steps)."""
    rate, linear, geometric = recipe.descent.learning_rate, recipe.linear_decay, recipe.geometric_decay
    unit = _unit(recipe)
    if geometric:
        return f"{rate:g}, divided by {geometric.factor:.9g} at each {unit}, down to {geometric.floor:g}"
    if linear is None:
        return f"{rate:g} throughout"
    until = f" until {unit} {linear.begin}, then" if linear.begin else ","
    return f"{rate:g}{until} linearly to 0 at {unit} {linear.end}{_each(linear.every, unit)}"


def _momentum(recipe: Recipe, sgd: Sgd) -> str:
    """The momentum of gradient descent over the iterations."""
    if sgd.momentum == sgd.final_momentum:
        return f"{sgd.momentum:g} throughout"
    unit = _unit(recipe)
    rise = f"{sgd.momentum:g}, linearly to {sgd.final_momentum:g} at {unit} {sgd.momentum_updates}"
    return rise + _each(sgd.every, unit)


def _objective(recipe: Recipe, side: int) -> str:
    """What a side descends, besides the regulariser of the prior and what labels add; also early where it differs."""
    from replication.training.objectives import named

    words = [named(name).words(recipe)[side] for name in objectives_of(recipe)]
    if recipe.early is None or words[0] == words[1]:
        return words[0]
    return f"{words[0]}; for the first {_several(recipe.early.updates, _unit(recipe))} {words[1]}"


def _labels(recipe: Recipe) -> str:
    """Which labels the discriminator learns."""
    if recipe.labels is None:
        return "none learnt"
    drawn, per_class = recipe.labels.trainings_per_draw, recipe.labels.per_class
    each = "for each seed" if drawn == 1 else f"every {drawn} seeds"
    return f"{per_class} of each class, drawn anew {each}" if per_class else "all"


def _averages(recipe: Recipe) -> str:
    """Historical averaging and the average of parameters; "none" without either."""
    past, rate = recipe.historical_averaging, recipe.parameter_average
    parts = [f"historical averaging, {past:g} × ‖θ − mean of past θ‖² in both losses"] if past else []
    parts += [f"D is tested as a moving average of its parameters, at a rate of {rate:g}"] if rate else []
    return "; ".join(parts) or "none"


def _noise(noise: Noise) -> str:
    """Such as "U(−1, 1)"."""
    scale = f"{noise.scale:g}"
    normal = "N(0, 1)" if noise.scale == 1 else f"N(0, {scale}²)"
    return {"uniform": f"U(−{scale}, {scale})", "positive": f"U(0, {scale})", "normal": normal}[noise.distribution]


def _prior(prior: Prior, noise: str) -> str:
    """Plain noise, the mixture over it, or what DeLiGAN's paper compares the mixture with."""
    if not prior.components:
        return f"plain noise {noise}"
    which = "component i for row i of the batch" if prior.component == "row" else "a component drawn for each sample"
    if prior.form == "one-hot":
        return f"noise {noise} beside the one-hot code of one of {prior.components} components; {which}"
    if prior.form == "ensemble":
        return f"noise {noise}, and a generator for each of {prior.components} components; {which}"
    size = f"{prior.sigma_init:g}"
    sigma = f"U(−{size}, {size})" if prior.sigma_start == "signed" else size
    penalty = f"λ {prior.regulariser:g} of λ·mean((1 − σ)²)" if prior.regulariser else "no regulariser of σ (λ 0)"
    return (
        f"a mixture of {prior.components}, z = μ + σ ε with ε {noise}; {which}; "
        f"μ starts at U(−{prior.mean_range:g}, {prior.mean_range:g}), σ at {sigma}; {penalty}"
    )


def _updates(recipe: Recipe) -> str:
    """How many updates each network gets."""
    counts, length = update_counts(recipe), _several(recipe.updates, _unit(recipe))
    if counts["generator"] is None:
        return f"{length}, each an update of G or of D as losses decide"
    return f"{length}: {counts['generator']} updates of G, {counts['discriminator']} of D"


def _stopping(recipe: Recipe) -> str:
    """The rule by which a generator is kept."""
    rule = recipe.stopping
    if rule is None:
        return "none: the networks after the last update"
    return (
        f"the generator of the best validation Parzen log-likelihood, measured every {rule.every} {_unit(recipe)}s on "
        f"{rule.samples} samples; {rule.sigma_points} validation images choose the bandwidth"
    )


def _unit(recipe: Recipe) -> str:
    """What `updates`, and every length of a recipe, counts."""
    return "inner step" if recipe.schedule == "balanced" else "iteration"


def _each(every: int, unit: str) -> str:
    return "" if every == 1 else f", changing every {_several(every, unit)}"


def _several(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"
