"""The logistic loss of a batch and its slope, in compiled loops."""

from __future__ import annotations

from math import factorial

import numpy as np

from replication.foundation.compiled import njit
from replication.training.toy.kernel import FAST

C0, C1, C2, C3, C4, C5, C6, C7, C8, C9, C10 = (1.0 / factorial(n) for n in range(11))
PRODUCT = 512


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
