"""Small tanh networks in compiled loops: forward, backward, Adam and the logistic loss, for `training.toy_engine`.

Rows are units and columns are samples, so that the innermost loop runs over the batch and becomes vector code.
"""

from __future__ import annotations

from fractions import Fraction
from math import factorial

import numpy as np

from replication.training.compiled import njit

# Python's check for a division by zero would keep loops from becoming vector code, hence NumPy's error model.
# NaN and infinity keep their meaning: a run that diverges must show it.
FAST = {"fastmath": {"contract", "nsz", "reassoc"}, "error_model": "numpy", "cache": True}
LANES = 32  # batch columns are padded to whole vectors; padded columns carry no gradient


def _lambert(depth: int) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """P and Q with tanh x ≈ x·P(x²)/Q(x²): Lambert's continued fraction x/(1 + x²/(3 + x²/(5 + …))) cut at `depth`."""
    numerator, denominator = [Fraction(2 * depth - 1)], [Fraction(1)]
    for odd in range(2 * depth - 3, 0, -2):
        size = max(len(numerator), len(denominator) + 1)
        scaled = [odd * c for c in numerator] + [Fraction(0)] * (size - len(numerator))
        shifted = [Fraction(0), *denominator] + [Fraction(0)] * (size - len(denominator) - 1)
        numerator, denominator = [a + b for a, b in zip(scaled, shifted, strict=True)], numerator
    return tuple(float(c / numerator[0]) for c in denominator), tuple(float(c / numerator[0]) for c in numerator)


_TOP, _BOTTOM = _lambert(12)  # within 1e-7 of tanh for |x| ≤ 8, where float32 tanh is 1
P0, P1, P2, P3, P4, P5 = (np.float32(c) for c in _TOP)
Q0, Q1, Q2, Q3, Q4, Q5, Q6 = (np.float32(c) for c in _BOTTOM)
LIMIT = np.float32(8.0)
ONE = np.float32(1.0)
C0, C1, C2, C3, C4, C5, C6, C7, C8, C9, C10 = (1.0 / factorial(n) for n in range(11))
PRODUCT = 512


@njit(**FAST)
def tanh_row(row: np.ndarray) -> None:
    for b in range(row.shape[0]):
        x = row[b]  # plain comparisons: min and max order NaN and keep the loop from becoming vector code
        x = LIMIT if x > LIMIT else x
        x = -LIMIT if x < -LIMIT else x
        s = x * x
        top = x * (P0 + s * (P1 + s * (P2 + s * (P3 + s * (P4 + s * P5)))))
        row[b] = top / (Q0 + s * (Q1 + s * (Q2 + s * (Q3 + s * (Q4 + s * (Q5 + s * Q6))))))


@njit(**FAST)
def forward(weights: np.ndarray, sizes: np.ndarray, activations: np.ndarray, output_tanh: bool) -> None:
    """Fill `activations` [sum(sizes), columns], whose first rows hold the input, layer by layer."""
    at, source = 0, 0
    for layer in range(sizes.shape[0] - 1):
        width_in, width_out = sizes[layer], sizes[layer + 1]
        target, bias = source + width_in, at + width_in * width_out
        for o in range(width_out):
            row = activations[target + o]
            row[:] = weights[bias + o]
            for i in range(width_in):
                weight, x = weights[at + o * width_in + i], activations[source + i]
                for b in range(row.shape[0]):
                    row[b] += weight * x[b]
            if output_tanh or layer < sizes.shape[0] - 2:
                tanh_row(row)
        at, source = bias + width_out, target


@njit(**FAST)
def through_tanh(outputs: np.ndarray, deltas: np.ndarray) -> None:
    """Turn ∂loss/∂(output of a tanh) in `deltas` into ∂loss/∂(its input)."""
    for i in range(outputs.shape[0]):
        x, delta = outputs[i], deltas[i]
        for b in range(x.shape[0]):
            delta[b] *= ONE - x[b] * x[b]


@njit(**FAST)
def backward(
    weights: np.ndarray,
    sizes: np.ndarray,
    activations: np.ndarray,
    deltas: np.ndarray,
    gradient: np.ndarray,
    to_weights: bool,
    to_input: bool,
) -> None:
    """Back from ∂loss/∂(pre-activation) of the output rows, which `deltas` holds.

    With `to_weights` the weights' gradient is added to `gradient`; with `to_input` the input's rows of `deltas` receive
    ∂loss/∂input.
    """
    source, at = sizes.sum() - sizes[-1], weights.shape[0]
    for layer in range(sizes.shape[0] - 2, -1, -1):
        width_in, width_out = sizes[layer], sizes[layer + 1]
        target = source
        source -= width_in
        at -= width_out * (width_in + 1)
        bias = at + width_in * width_out
        if layer > 0 or to_input:
            deltas[source : source + width_in] = np.float32(0.0)
        for o in range(width_out):
            delta = deltas[target + o]
            if to_weights:
                gradient[bias + o] += delta.sum()
                for i in range(width_in):
                    x, total = activations[source + i], np.float32(0.0)
                    for b in range(delta.shape[0]):
                        total += delta[b] * x[b]
                    gradient[at + o * width_in + i] += total
            if layer > 0 or to_input:
                for i in range(width_in):
                    weight, below = weights[at + o * width_in + i], deltas[source + i]
                    for b in range(delta.shape[0]):
                        below[b] += weight * delta[b]
        if layer > 0:
            through_tanh(activations[source:target], deltas[source:target])


@njit(**FAST)
def forward_each(
    weights: np.ndarray, sizes: np.ndarray, members: int, component: np.ndarray, activations: np.ndarray
) -> None:
    """As `forward` with a tanh after every layer, column b through network `component[b]` of `members` networks.

    A layer's weights of all networks come before its biases of all.
    """
    at, source = 0, 0
    for layer in range(sizes.shape[0] - 1):
        width_in, width_out = sizes[layer], sizes[layer + 1]
        target, bias = source + width_in, at + members * width_in * width_out
        for b in range(component.shape[0]):
            own = at + component[b] * width_in * width_out
            for o in range(width_out):
                total = weights[bias + component[b] * width_out + o]
                for i in range(width_in):
                    total += weights[own + o * width_in + i] * activations[source + i, b]
                activations[target + o, b] = total
        for o in range(width_out):
            tanh_row(activations[target + o])
        at, source = bias + members * width_out, target


@njit(**FAST)
def backward_each(
    weights: np.ndarray,
    sizes: np.ndarray,
    members: int,
    component: np.ndarray,
    activations: np.ndarray,
    deltas: np.ndarray,
    gradient: np.ndarray,
) -> None:
    """As `backward` to the weights, through `forward_each`."""
    source, at = sizes.sum() - sizes[-1], weights.shape[0]
    for layer in range(sizes.shape[0] - 2, -1, -1):
        width_in, width_out = sizes[layer], sizes[layer + 1]
        target = source
        source -= width_in
        at -= members * width_out * (width_in + 1)
        deltas[source:target] = np.float32(0.0)
        for b in range(component.shape[0]):
            own, bias = at + component[b] * width_in * width_out, at + (members * width_in + component[b]) * width_out
            for o in range(width_out):
                delta = deltas[target + o, b]
                gradient[bias + o] += delta
                for i in range(width_in):
                    gradient[own + o * width_in + i] += delta * activations[source + i, b]
                    deltas[source + i, b] += delta * weights[own + o * width_in + i]
        if layer > 0:
            through_tanh(activations[source:target], deltas[source:target])


@njit(**FAST)
def adam(
    weights: np.ndarray,
    gradient: np.ndarray,
    first: np.ndarray,
    second: np.ndarray,
    step: int,
    settings: np.ndarray,
) -> None:
    """One Adam step, numbered from 1, as `optimisers.adam_update`; settings are (rate, beta1, beta2, epsilon)."""
    rate, beta1, beta2, epsilon = settings[0], settings[1], settings[2], settings[3]
    scale = np.float32(rate / (1.0 - beta1 ** np.float64(step)))
    root = np.float32(1.0 / np.sqrt(1.0 - beta2 ** np.float64(step)))
    b1, b2, eps = np.float32(beta1), np.float32(beta2), np.float32(epsilon)
    for p in range(weights.shape[0]):
        first[p] = b1 * first[p] + (ONE - b1) * gradient[p]
        second[p] = b2 * second[p] + (ONE - b2) * gradient[p] * gradient[p]
        weights[p] -= scale * first[p] / (np.sqrt(second[p]) * root + eps)


@njit(**FAST)
def exp_negative(a: float) -> float:
    """exp(−a) for a ≥ 0 to 1e-8 of itself, a beyond 40 taken as 40; plain arithmetic becomes vector code."""
    a = 40.0 if a > 40.0 else a
    t = a * (-1.0 / 64.0)
    e = C0 + t * (C1 + t * (C2 + t * (C3 + t * (C4 + t * (C5 + t * (C6 + t * (C7 + t * (C8 + t * (C9 + t * C10)))))))))
    e *= e  # exp(t), squared six times: exp(64·t)
    e *= e
    e *= e
    e *= e
    e *= e
    return e * e


@njit(**FAST)
def logistic_loss(logits: np.ndarray, columns: int, toward_one: bool, output_delta: np.ndarray, scale: float) -> float:
    """Mean softplus(∓logit) over the first `columns`, and scale × its gradient into `output_delta`."""
    total = 0.0
    for start in range(0, columns, PRODUCT):
        product = 1.0  # of factors up to 2: one logarithm serves them all
        for b in range(start, min(start + PRODUCT, columns)):
            signed = -np.float64(logits[b]) if toward_one else np.float64(logits[b])
            decay = exp_negative(abs(signed))
            product *= 1.0 + decay
            total += signed if signed > 0.0 else 0.0
            slope = (1.0 if signed >= 0.0 else decay) / (1.0 + decay)  # sigmoid(signed)
            output_delta[b] = np.float32((-slope if toward_one else slope) * scale / columns)
        total += np.log(product)
    output_delta[columns:] = np.float32(0.0)
    return total / columns
