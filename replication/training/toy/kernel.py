"""Small tanh networks in compiled loops: forward, backward and Adam, for `toy.engine`.

Hidden units lie side by side, in lanes; inputs and outputs have the samples side by side. A layer of several networks
takes sample b through network `component[b]`; a plain layer is the same with a stride of 0 between its networks.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from replication.foundation.compiled import njit
from replication.training.toy import lanes
from replication.training.toy.lanes import COUNT, clamp, every, load, root, spread, store, total

# Python's check for a division by zero would keep loops from becoming vector code, hence NumPy's error model.
# NaN and infinity keep their meaning: a run that diverges must show it.
# None of these functions makes an array, so none need count references (_nrt), which cost a tenth of a step.
FAST = {"fastmath": {"contract", "nsz", "reassoc"}, "error_model": "numpy", "_nrt": False, "cache": True}
# x·P(x²)/Q(x²) with the least greatest distance to tanh x for |x| ≤ 8, where float32 tanh is 1: 6e-9 before rounding.
P0, P1, P2, P3, P4 = (np.float32(c) for c in (0.99999994, 0.13438188, 3.5641522e-3, 2.1773181e-5, 1.506172e-8))
Q1, Q2, Q3, Q4 = (np.float32(c) for c in (0.46771508, 2.6135999709367752e-2, 3.399173e-4, 8.4536254e-7))
LIMIT = np.float32(8.0)
ONE, ZERO = np.float32(1.0), np.float32(0.0)
Array = np.ndarray


class Layer(NamedTuple):
    """Where a layer finds its numbers, in a network's flat arrays of weights and of activations.

    Weights: of a hidden layer, rows of `wide`: the bias, one for each input, one for each code of a one-hot input; of
    the output layer, one row for each output, then one with the biases. Activations: input i of sample b at
    source + b·apart + i·along; hidden units [batch, wide] and outputs [outputs, padded batch] from `target`.
    """

    at: int  # first weight
    stride: int  # from one network's weights to the next one's; 0 where all samples share them
    codes: int  # of the one-hot input
    source: int
    apart: int
    along: int
    inputs: int
    target: int
    wide: int  # units of the hidden layer, below the outputs in the output layer; a multiple of COUNT
    outputs: int


padded = njit(**FAST)(lanes.padded)


@njit(forceinline=True, **FAST)
def tanh(x: Any) -> Any:
    x = clamp(x, LIMIT)
    s = x * x
    return x * (P0 + s * (P1 + s * (P2 + s * (P3 + s * P4)))) / (ONE + s * (Q1 + s * (Q2 + s * (Q3 + s * Q4))))


@njit(**FAST)
def tanh_row(row: Array, start: int, end: int) -> None:
    """tanh of elements `start` … `end − 1`, whole multiples of COUNT, in place."""
    for at in range(start, end, COUNT):
        store(row, at, tanh(load(row, at)))


@njit(**FAST)
def through_tanh(row: Array, deltas: Array, start: int, end: int) -> None:
    """Turn ∂loss/∂(output of a tanh) in `deltas` into ∂loss/∂(its input), where `row` holds the output."""
    for at in range(start, end, COUNT):
        y = load(row, at)
        store(deltas, at, load(deltas, at) * (ONE - y * y))


@njit(**FAST)
def hidden_forward(weights: Array, layer: Layer, component: Array, row: Array) -> None:
    for b in range(component.shape[0]):
        first = layer.at + component[b] * layer.stride
        x, y = layer.source + b * layer.apart, layer.target + b * layer.wide
        coded = layer.at + (1 + layer.inputs + component[b]) * layer.wide
        for o in range(0, layer.wide, COUNT):
            value = load(weights, first + o) + spread(row, x) * load(weights, first + layer.wide + o)
            if layer.codes > 0:
                value = value + load(weights, coded + o)
            if layer.inputs > 1:  # outside the loop: most first layers have two inputs, and end here
                value = value + spread(row, x + layer.along) * load(weights, first + 2 * layer.wide + o)
            for i in range(2, layer.inputs):
                value = value + spread(row, x + i * layer.along) * load(weights, first + (i + 1) * layer.wide + o)
            store(row, y + o, tanh(value))


@njit(**FAST)
def output_forward(weights: Array, layer: Layer, component: Array, row: Array) -> None:
    columns = padded(component.shape[0])
    for o in range(layer.outputs):
        weight, bias = layer.at + o * layer.wide, layer.at + layer.outputs * layer.wide + o
        for b in range(component.shape[0]):
            shift, x = component[b] * layer.stride, layer.source + b * layer.wide
            value = load(weights, weight + shift) * load(row, x)
            for i in range(COUNT, layer.wide, COUNT):
                value = value + load(weights, weight + shift + i) * load(row, x + i)
            row[layer.target + o * columns + b] = total(value) + weights[bias + shift]


@njit(**FAST)
def output_backward(
    weights: Array, layer: Layer, component: Array, row: Array, deltas: Array, gradient: Array, to_weights: bool
) -> None:
    """From the output deltas to those of the hidden units below, through their tanh, and to the layer's gradient."""
    batch, columns = component.shape[0], padded(component.shape[0])
    for o in range(layer.outputs):
        for i in range(0, layer.wide, COUNT):
            slope, at = every(ZERO), layer.at + o * layer.wide + i
            for b in range(batch):
                place, x = at + component[b] * layer.stride, layer.source + b * layer.wide + i
                delta, y = spread(deltas, layer.target + o * columns + b), load(row, x)
                below = delta * load(weights, place)
                if o > 0:
                    below = below + load(deltas, x)
                store(deltas, x, below * (ONE - y * y) if o == layer.outputs - 1 else below)
                if layer.stride > 0:
                    store(gradient, place, load(gradient, place) + delta * y)
                else:
                    slope = slope + delta * y
            if to_weights and layer.stride == 0:
                store(gradient, at, load(gradient, at) + slope)
        bias, delta = layer.at + layer.outputs * layer.wide + o, layer.target + o * columns
        if layer.stride > 0:
            for b in range(batch):
                gradient[bias + component[b] * layer.stride] += deltas[delta + b]
        elif to_weights:
            slope = every(ZERO)
            for b in range(0, columns, COUNT):
                slope = slope + load(deltas, delta + b)
            gradient[bias] += total(slope)


@njit(**FAST)
def hidden_gradient(layer: Layer, batch: int, row: Array, deltas: Array, gradient: Array) -> None:
    """Of a layer that all samples share: two inputs at a time, in registers, with the bias beside the first two."""
    for o in range(0, layer.wide, COUNT):
        for i in range(0, layer.inputs, 2):
            second = min(i + 1, layer.inputs - 1)
            bias, even, odd = every(ZERO), every(ZERO), every(ZERO)
            for b in range(batch):
                delta, x = load(deltas, layer.target + b * layer.wide + o), layer.source + b * layer.apart
                bias = bias + delta
                even = even + delta * spread(row, x + i * layer.along)
                odd = odd + delta * spread(row, x + second * layer.along)
            at = layer.at + (i + 1) * layer.wide + o
            store(gradient, at, load(gradient, at) + even)
            if second > i:
                store(gradient, at + layer.wide, load(gradient, at + layer.wide) + odd)
            if i == 0:
                store(gradient, layer.at + o, load(gradient, layer.at + o) + bias)


@njit(**FAST)
def own_gradient(layer: Layer, component: Array, row: Array, deltas: Array, gradient: Array) -> None:
    """Of what belongs to a sample's component alone: its network's layer, or its code's weights."""
    for b in range(component.shape[0]):
        x, y = layer.source + b * layer.apart, layer.target + b * layer.wide
        first = layer.at + component[b] * layer.stride
        if layer.codes > 0:
            first += (1 + layer.inputs + component[b]) * layer.wide
        for o in range(0, layer.wide, COUNT):
            delta, at = load(deltas, y + o), first + o
            store(gradient, at, load(gradient, at) + delta)
            for i in range(layer.inputs if layer.stride > 0 else 0):
                at += layer.wide
                store(gradient, at, load(gradient, at) + delta * spread(row, x + i * layer.along))


@njit(**FAST)
def input_deltas(weights: Array, layer: Layer, component: Array, deltas: Array) -> None:
    for b in range(component.shape[0]):
        x, y = layer.source + b * layer.apart, layer.target + b * layer.wide
        for i in range(layer.inputs):
            at = layer.at + component[b] * layer.stride + (i + 1) * layer.wide
            value = load(weights, at) * load(deltas, y)
            for o in range(COUNT, layer.wide, COUNT):
                value = value + load(weights, at + o) * load(deltas, y + o)
            deltas[x + i * layer.along] = total(value)


@njit(**FAST)
def adam(weights: Array, gradient: Array, first: Array, second: Array, step: int, settings: Array) -> None:
    """One Adam step, numbered from 1, as `optimisers.adam_update`; settings are (rate, beta1, beta2, epsilon)."""
    rate, beta1, beta2, epsilon = settings[0], settings[1], settings[2], settings[3]
    scale = np.float32(rate / (1.0 - beta1 ** np.float64(step)))
    correction = np.float32(1.0 / np.sqrt(1.0 - beta2 ** np.float64(step)))
    b1, b2, eps = np.float32(beta1), np.float32(beta2), np.float32(epsilon)
    for at in range(0, weights.shape[0], COUNT):
        slope = load(gradient, at)
        mean = b1 * load(first, at) + (ONE - b1) * slope
        square = b2 * load(second, at) + (ONE - b2) * slope * slope
        store(first, at, mean)
        store(second, at, square)
        store(weights, at, load(weights, at) - scale * mean / (root(square) * correction + eps))


@njit(**FAST)
def layer_of(layers: Array, number: int) -> Layer:
    t = layers[number]
    return Layer(t[0], t[1], t[2], t[3], t[4], t[5], t[6], t[7], t[8], t[9])


@njit(**FAST)
def forward(weights: Array, layers: Array, component: Array, row: Array, output_tanh: bool) -> None:
    """Fill `row`, which begins with the input, layer by layer; `layers` int64 [layers, fields of Layer]."""
    last = layers.shape[0] - 1
    for number in range(last):
        hidden_forward(weights, layer_of(layers, number), component, row)
    layer = layer_of(layers, last)
    output_forward(weights, layer, component, row)
    if output_tanh:
        tanh_row(row, layer.target, layer.target + layer.outputs * padded(component.shape[0]))


@njit(**FAST)
def backward(
    weights: Array, layers: Array, component: Array, row: Array, deltas: Array, gradient: Array,
    to_weights: bool, to_input: bool,
) -> None:  # fmt: skip
    """Back from ∂loss/∂(pre-activation) of the outputs, which `deltas` holds, laid out as `row`.

    With `to_weights` the weights' gradient is added to `gradient`; with `to_input` the input's part of `deltas`
    receives ∂loss/∂input. Networks of their own for each component always get their gradient.
    """
    last = layers.shape[0] - 1
    output_backward(weights, layer_of(layers, last), component, row, deltas, gradient, to_weights)
    for number in range(last - 1, -1, -1):
        layer = layer_of(layers, number)
        if to_weights and layer.stride == 0:
            hidden_gradient(layer, component.shape[0], row, deltas, gradient)
        if layer.stride > 0 or layer.codes > 0:
            own_gradient(layer, component, row, deltas, gradient)
        if number > 0 or to_input:
            input_deltas(weights, layer, component, deltas)
        if number > 0:
            through_tanh(row, deltas, layer.source, layer.source + component.shape[0] * layer.apart)
