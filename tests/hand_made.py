"""Hand-made claims and tables of measurements."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd

from replication.table.measurements import Measurement, to_table
from replication.verdicts.claims import Claim, Evidence, Plan, Published

ROW = Measurement("cpu", "gan2014", "gan", "one", "paper", "toy", "full", 400, 0, 100, "accuracy", 0.5, 1000)
SPREAD = (-0.02, -0.01, 0.0, 0.01, 0.02)  # five runs around a mean; their SD is .0158, their standard error .0071


def evidence(metric: str = "accuracy", against: bool = False, **changes) -> Evidence:
    first = {"paper": "gan2014", "model": "gan", "recipe": "one", "dataset": "toy", "class": "all", "step": "final"}
    measured = {**first, "metric": metric}
    other = {**measured, "recipe": "other"} if against else None
    return replace(Evidence(measured, other, paired=False, budget=None, substitutes=""), **changes)


def claim(kind: str, **changes) -> Claim:
    metric = changes.pop("metric", "success" if kind == "rate" else "accuracy")
    margins = {"value": 0.05, "order": 0.001, "superiority": 0.1, "rate": 0.1}
    exact = Published(0.8, "none", True, "Table 1", trainings=changes.pop("trainings", None))
    plain = Claim(
        id=changes.pop("id", "a-claim"),
        paper="gan2014",
        statement="",
        source="",
        verified=True,
        origin="statement",
        kind=kind,  # pyright: ignore[reportArgumentType]
        family="a-family",
        protocol="",
        replicate_unit="training",
        overlap=None,
        margin=margins.get(kind),
        margin_reason="five points",
        better="higher",
        bound=0.7 if kind == "bound" else None,
        published=exact if kind == "value" else None,
        evidence=evidence(metric, against=kind in ("order", "superiority", "rate")),
        indicative=(),
        not_assessed="",
    )
    return replace(plain, **changes)


def plan(**changes) -> Plan:
    """A plan of ten runs a side; shares and effects as the kind needs them."""
    unset = dict.fromkeys(("against_n", "sd", "against_sd", "effect", "share", "against_share"))
    return Plan(**{"n": 10, **unset, "source": "a trial", **changes})


def runs(values, metric: str = "accuracy", **changes) -> pd.DataFrame:
    return to_table(replace(ROW, seed=i, value=value, metric=metric, **changes) for i, value in enumerate(values))


def around(mean: float, **changes) -> pd.DataFrame:
    return runs([mean + step for step in SPREAD], **changes)


def against(first: pd.DataFrame, other: pd.DataFrame) -> pd.DataFrame:
    return pd.concat([first, other.assign(recipe="other")], ignore_index=True)


def outcomes(successes: int, n: int) -> pd.DataFrame:
    return runs([1.0] * successes + [0.0] * (n - successes), metric="success")
