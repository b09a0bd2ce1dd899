"""No instrument check is passed by what has learnt nothing: each impostor is measured, judged and not replicated.

An instrument check shows that the suite measures what it says. A check that an untrained network, a constant or a
lookup table passes shows nothing. Values of impostors come from the suite's metrics where those are quick, else from
arithmetic.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from scipy.spatial import KDTree

from replication.metrics.inception import inception_score
from replication.metrics.neighbours import duplicate_threshold, share_within
from replication.metrics.toy import Mixture
from replication.models.layers.dense import DenseDiscriminator
from replication.table.measurements import to_table
from replication.verdicts.benchmarks import claims_of
from replication.verdicts.claims import Claim, Selection
from replication.verdicts.verdict import judge
from tests.hand_made import ROW
from tests.in_small import own_benchmarks, own_params

SEEDS, FRESH = 20, 2000
REAL_SCORE = 8.26  # of real digits under their judge: what the committed report shows
Logits = Callable[[np.ndarray], np.ndarray]  # points [n, 2] → [n]
Sides = tuple[np.ndarray, np.ndarray | None]  # values of the measured side and of the other, one a replicate


@cache
def mixtures() -> tuple[Mixture, Mixture]:
    """The toy data's density, and the Gaussian that theory holds against it."""
    data = own_params().datasets["toy-bimodal"]
    means = np.array(data.modes)
    mixture = Mixture(means, data.standard_deviation, np.full(len(means), 1 / len(means)))
    return mixture, Mixture(np.zeros((1, 2)), own_params().theory.q_standard_deviation, np.ones(1))


def always_half(seed: int, p: Mixture, q: Mixture) -> Logits:
    return lambda points: np.zeros(len(points))


def untrained(seed: int, p: Mixture, q: Mixture) -> Logits:
    torch.manual_seed(seed)
    network = DenseDiscriminator(2, own_params().theory.hidden, "tanh")

    def logits(points: np.ndarray) -> np.ndarray:
        with torch.no_grad():
            return network(torch.from_numpy(points.astype(np.float32))).source.double().numpy()

    return logits


def lookup_table(seed: int, p: Mixture, q: Mixture) -> Logits:
    """The side of the nearest of two thousand points that it has seen, with near certainty."""
    stream = np.random.default_rng([seed, 99])  # not the fresh points
    seen = np.concatenate([p.draw(1000, stream), q.draw(1000, stream)])
    tree, sides = KDTree(seen), np.repeat([1.0, -1.0], 1000)
    return lambda points: 5.0 * sides[tree.query(points)[1]]


DISCRIMINATORS = {"always one half": always_half, "an untrained network": untrained, "a lookup table": lookup_table}


def measured(logits: Logits, p: Mixture, q: Mixture, stream: np.random.Generator) -> dict[str, float]:
    """A discriminator's distance from D*, and how far its value and its hit rate are from those of D*."""
    real, other = p.draw(FRESH, stream), q.draw(FRESH, stream)
    best = [p.log_density(side) - q.log_density(side) for side in (real, other)]
    reached = [logits(side) for side in (real, other)]

    def value(of: list[np.ndarray]) -> float:
        return float(-np.logaddexp(0, -of[0]).mean() - np.logaddexp(0, of[1]).mean())

    def hits(of: list[np.ndarray]) -> float:
        return float(((of[0] > 0).mean() + (of[1] <= 0).mean()) / 2)

    both = [1 / (1 + np.exp(-np.concatenate(side))) for side in (reached, best)]
    return {
        "discriminator_error": float(np.abs(both[0] - both[1]).mean()),
        "value_function": value(reached),
        "hit_rate": hits(reached),
        "value_shortfall": value(best) - value(reached),
        "hit_rate_error": abs(hits(best) - hits(reached)),
    }


@cache
def theory(name: str) -> dict[str, np.ndarray]:
    """Every number of one impostor discriminator, a value a seed; a shortfall is the worse of both cases."""
    p, fixed = mixtures()
    rows: list[dict[str, float]] = []
    for seed in range(SEEDS):
        apart, equal = (
            measured(DISCRIMINATORS[name](seed, p, q), p, q, np.random.default_rng([seed, case]))
            for case, q in enumerate((fixed, p))
        )
        worse = {metric: max(apart[metric], equal[metric]) for metric in ("value_shortfall", "hit_rate_error")}
        rows.append({**equal, **worse, "discriminator_error": apart["discriminator_error"]})
    return {metric: np.array([row[metric] for row in rows]) for metric in rows[0]}


def of_theory(name: str, metric: str) -> Callable[[], Sides]:
    """Against the untrained network where the claim has another side."""
    return lambda: (theory(name)[metric], theory("an untrained network").get(metric))


def score_ratio(logits: np.ndarray) -> Callable[[], Sides]:
    score = inception_score(logits, 10)[0]
    return lambda: (np.full(5, score / REAL_SCORE), None)


def duplicates(times: int) -> np.ndarray:
    """Duplicate rates of noise images, each shown so many times."""
    rates = []
    for seed in range(5):
        images = np.random.default_rng(seed).integers(0, 256, (200, 1, 8, 8)).astype(np.uint8)
        rates.append(share_within(np.repeat(images, times, axis=0), duplicate_threshold(images, 200)))
    return np.array(rates)


NOISE = np.random.default_rng(0).normal(scale=0.1, size=(1000, 10))
ONE_CLASS = np.tile(np.eye(10)[0] * 20, (1000, 1))
IMPOSTORS: dict[str, dict[str, Callable[[], Sides]]] = {
    **{
        metric: {name: of_theory(name, metric) for name in DISCRIMINATORS}
        for metric in ("discriminator_error", "value_shortfall", "hit_rate_error", "value_function", "hit_rate")
    },
    "judge_score_ratio": {
        "an untrained generator": score_ratio(NOISE),  # a judge that is sure of nothing
        "a constant": score_ratio(ONE_CLASS),  # one image for ever
    },
    "duplicate_rate": {
        "a memoriser on both sides": lambda: (duplicates(4), duplicates(4)),
        "no repeats on either side": lambda: (duplicates(1), duplicates(1)),
        "sides exchanged": lambda: (duplicates(4), duplicates(1)),
    },
    "probe_accuracy": {
        "a constant": lambda: (np.full(5, 0.1), None),  # one class for every test image
        "a lookup table": lambda: (np.random.default_rng(0).binomial(10_000, 0.1, 5) / 10_000, None),
        "labels that leak": lambda: (np.full(5, 1.0), None),
    },
}


INSTRUMENTS = [claim for claim in claims_of(own_benchmarks()) if claim.origin == "instrument" and claim.can_be_judged]


def metric_of(claim: Claim) -> str:
    assert claim.evidence is not None
    return str(claim.evidence.measured["metric"])


def cases() -> Iterator[object]:
    for claim in INSTRUMENTS:
        names = list(IMPOSTORS.get(metric_of(claim), {}))
        if metric_of(claim) == "discriminator_error" and claim.kind == "order":
            names = ["an untrained network"]  # trained against untrained: the others were never to be trained
        for name in names:
            yield pytest.param(claim, name, id=f"{claim.id}: {name}")


def side(claim: Claim, selection: Selection, values: np.ndarray) -> pd.DataFrame:
    """Rows that the selection matches, a replicate each."""
    names: dict[str, Any] = {"paper": claim.paper, **selection}
    names["class_"] = names.pop("class")
    names["step"] = names["step"] if isinstance(names["step"], int) else 100
    draws = claim.replicate_unit in ("label draw", "split")
    first = replace(ROW, **{**names, "replicate_kind": claim.replicate_unit if draws else "training"})
    varied = "replicate" if draws else "seed"
    return to_table(replace(first, value=float(value), **{varied: k}) for k, value in enumerate(values))


@pytest.mark.parametrize(("claim", "name"), list(cases()))
def test_an_impostor_is_not_replicated(claim: Claim, name: str) -> None:
    values, others = IMPOSTORS[metric_of(claim)][name]()
    assert claim.evidence is not None
    tables = [side(claim, claim.evidence.measured, values)]
    if claim.evidence.against is not None:
        assert others is not None, f"{claim.id} has two sides: say what the impostor gives on the other"
        tables.append(side(claim, claim.evidence.against, others))
    verdict = judge(replace(claim, plan=None), pd.concat(tables, ignore_index=True))  # few replicates are no excuse
    assert verdict.comparison is not None, verdict.reason
    assert "replicated" not in (verdict.word, verdict.adjusted_word), verdict.reason


def test_every_instrument_check_has_its_impostors() -> None:
    assert not [claim.id for claim in INSTRUMENTS if metric_of(claim) not in IMPOSTORS]
