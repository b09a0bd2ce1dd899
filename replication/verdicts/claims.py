"""What the papers claim, as data: the shape of a claim in `benchmarks/*.yaml`, and what each kind must say.

`replication.verdicts.benchmarks` reads the files. Every margin and bound stands in them before any run is made.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import InitVar, dataclass
from typing import Annotated, Literal

from pydantic import Field, GetPydanticSchema
from pydantic.json_schema import SkipJsonSchema
from typing_extensions import TypedDict

from replication.config.strict import Count, Natural, Positive, Share
from replication.foundation.errors import InputError
from replication.table.definitions import METRICS

Text = Annotated[str, Field(min_length=1)]
Id = Annotated[str, Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$")]
Replicates = Annotated[int, Field(ge=2)]
Kind = Literal["value", "order", "superiority", "rate", "bound", "question"]
Origin = Literal["published", "statement", "background", "instrument"]
Obstacle = Literal["not run", "data closed", "needs people", "too costly", "protocol differs"]
Unit = Literal["training", "label draw", "split", "dataset"]  # of replicates
Columns = TypedDict(
    "Columns",
    {
        "profile": Text,
        "paper": Text,
        "model": Text,
        "recipe": Text,
        "variant": str,
        "dataset": Text,
        "split": Text,
        "n_train": Natural,
        "seed": Natural,
        "step": Natural | Annotated[str, Field(pattern=r"^(final|[0-9]{1,3}%)$")],
        "class": Text,
        "metric": Text,
        "metric_variant": str,
        "judge": str,
        "replicate": Natural,
        "replicate_kind": Unit,
    },
    total=False,
)
# Column of the table of measurements → the value that it must have. In a file it is held against `Columns`.
Selection = Annotated[Mapping[str, str | int | float], GetPydanticSchema(lambda _, handler: handler(Columns))]
TWO_SIDED: tuple[Kind, ...] = ("order", "superiority", "rate")
NAMED = ("paper", "model", "recipe", "dataset", "metric", "class", "step")  # columns that a selection must have


@dataclass(frozen=True)
class Evidence:
    """Which measurements speak: one side for value and bound, two for order and rate.

    `measured` is the side that the claim says is better, in the sense of the claim's `better`: with "higher" the claim
    puts `measured` above `against`, with "lower" below it. `step` in a selection may be an integer, "final", or a
    share of the run's last step such as "25%".
    """

    measured: Selection
    against: Selection | None = None  # the other side (order, rate; optional for a question)
    paired: bool = False  # both sides come from the same runs (equal replicates): compare within each run
    # Updates that the runs' last step must equal, whichever step is selected; else it is not the protocol.
    budget: Count | None = None
    substitutes: str = ""  # "" for the full protocol; else what stands in for what, and the evidence is indicative
    reversed_classes: tuple[Text, ...] = ()  # over classes: those in which the paper has `against` on the better side
    where: InitVar[Selection | None] = None  # what both sides select, each of which may say otherwise

    def __post_init__(self, where: Selection | None) -> None:
        for side in ("measured", "against"):
            selection = getattr(self, side)
            object.__setattr__(self, side, selection and {**(where or {}), **selection})


@dataclass(frozen=True)
class Published:
    value: float
    spread_kind: Text
    verified: bool
    source: Text
    spread: Positive | None = None
    trainings: Count | None = None  # None: an exact, theoretical value


@dataclass(frozen=True)
class Plan:
    """What a claim's power is computed from: how many replicates, their spread, and how large a true effect is.

    `effect` is measured − against or − bound, in the metric's unit, on the claim's side where it is positive; a value
    that is replicated has none. Of `superiority` it is P(a measured run is better) + ½ P(equal). A rate has shares, a
    bound on a 0/1 outcome a share. `sd` of a paired comparison is that of the differences.
    """

    n: Replicates
    source: Text  # where spread and effect come from
    against_n: Replicates | None = None
    sd: Positive | None = None
    against_sd: Positive | None = None  # `sd` where it is not given
    effect: float | None = None
    share: Share | None = None
    against_share: Share | None = None


@dataclass(frozen=True)
class Claim:
    id: Id
    statement: Text
    source: Text
    verified: bool
    # published: a number or an order of a paper's table; statement: of its text; background: a statement or a question
    # of the papers' readers; instrument: a check of the suite itself.
    origin: Origin
    kind: Kind
    family: Id  # Holm's adjustment runs within it
    protocol: Text  # one sentence: what is run and compared
    replicate_unit: Unit | Literal["class"]
    better: Literal["higher", "lower"]
    overlap: Annotated[float, Field(ge=0)] | None = None  # test/train ratio of dependent draws, for the resampled t
    margin: Positive | None = None
    margin_reason: str = ""
    bound: float | None = None
    published: Published | None = None
    evidence: Evidence | None = None  # the full protocol; None where nothing in the suite can run it yet
    indicative: tuple[Evidence, ...] = ()
    not_assessed: str = ""  # the reason shown while the full protocol has no measurements
    obstacle: Obstacle = "not run"  # what kind of reason it is
    plan: Plan | None = None  # None for a question, and where nothing can be judged yet
    # The published value has no SD of trainings: a data set's score, or that of released weights. `margin` is then a
    # tolerance around it as it is printed.
    deterministic: bool = False
    # What to make of a result: what was decisive, and what was checked where it contradicts the paper.
    reading: str = ""
    paper: SkipJsonSchema[str] = ""  # the stem of the file that it stands in

    @property
    def can_be_judged(self) -> bool:
        """Whether a word can come of it: something in the suite measures it, and it is no question."""
        return self.evidence is not None and self.kind != "question"

    @property
    def counts(self) -> bool:
        """Whether its replicates are outcomes that succeed or fail."""
        unit = METRICS[str(self.evidence.measured["metric"])].unit if self.evidence else ""
        return self.replicate_unit == "class" or unit == "0/1"

    @property
    def published_n(self) -> int | None:
        """Trainings (or draws) behind the published mean; None where that has no error of its own."""
        return None if self.deterministic or self.published is None else self.published.trainings


def check_claim(claim: Claim, where: str) -> None:
    """Hold a claim against what its kind needs.

    Raises:
        InputError: a field that the kind needs is missing, or one that it must not have is there.
    """
    _check_fields(claim, where)
    if claim.plan:
        _check_plan(claim, claim.plan, f"{where}.plan")
    if claim.evidence is None and not claim.not_assessed:
        raise InputError(f"{where}: a claim without evidence says why in not_assessed; add that sentence.")
    if claim.evidence and claim.evidence.substitutes:
        raise InputError(
            f"{where}.evidence: substitutes {claim.evidence.substitutes!r} belong to indicative evidence; "
            "move the evidence there, or leave substitutes out."
        )
    if claim.evidence:
        _check_evidence(claim, claim.evidence, f"{where}.evidence")
    for number, evidence in enumerate(claim.indicative):
        if not evidence.substitutes:
            raise InputError(f"{where}.indicative[{number}]: say in substitutes what stands in for what.")
        _check_evidence(claim, evidence, f"{where}.indicative[{number}]")


NEEDED: Mapping[Kind, tuple[str, ...]] = {
    "value": ("published", "margin"),
    "order": ("margin",),
    "superiority": ("margin",),
    "rate": ("margin",),
    "bound": ("bound",),
    "question": (),
}
ONLY_OF: Mapping[str, tuple[Kind, ...]] = {
    "margin": ("value", *TWO_SIDED),
    "bound": ("bound",),
    "published": ("value", *TWO_SIDED, "bound"),
}


def _check_fields(claim: Claim, where: str) -> None:
    for field in NEEDED[claim.kind]:
        if getattr(claim, field) is None:
            raise InputError(f"{where}: a claim of kind {claim.kind} needs {field}; fix it before any run and add it.")
    for field, kinds in ONLY_OF.items():
        if getattr(claim, field) is not None and claim.kind not in kinds:
            raise InputError(f"{where}: {field} belongs to kinds {', '.join(kinds)}, not to {claim.kind}; remove it.")
    if claim.deterministic and claim.kind != "value":
        raise InputError(f"{where}: deterministic says what a published value is; {claim.kind} has none, remove it.")
    if (claim.margin is not None) != bool(claim.margin_reason):
        raise InputError(
            f"{where}: margin and margin_reason go together; got margin {claim.margin!r} and reason "
            f"{claim.margin_reason!r}."
        )
    if claim.replicate_unit in ("label draw", "split") and claim.overlap is None:
        raise InputError(
            f"{where}: a {claim.replicate_unit} shares data with the others; add overlap (test/train ratio)."
        )
    if claim.replicate_unit in ("training", "dataset") and claim.overlap is not None:
        raise InputError(f"{where}: overlap is for label draw or split, not {claim.replicate_unit}; remove it.")


def _check_plan(claim: Claim, plan: Plan, where: str) -> None:
    if not claim.can_be_judged or claim.evidence is None:
        raise InputError(f"{where}: a question, or a claim without evidence, has no power; remove its plan.")
    needed = {
        "value": ("sd",),
        "order": ("sd", "effect") if claim.evidence.paired else ("sd", "effect", "against_n"),
        "superiority": ("effect", "against_n"),
        "rate": ("share", "against_share", "against_n"),
        "bound": ("share",) if claim.counts else ("sd", "effect"),
    }[claim.kind]
    accepted = {*needed, "against_sd"} if claim.kind == "order" and not claim.evidence.paired else set(needed)
    for field in ("against_n", "sd", "against_sd", "effect", "share", "against_share"):
        if field in needed and getattr(plan, field) is None:
            raise InputError(f"{where}: a claim of kind {claim.kind} needs {', '.join(needed)}; add {field}.")
        if field not in accepted and getattr(plan, field) is not None:
            raise InputError(f"{where}: the power of a {claim.kind} here takes {', '.join(needed)}; remove {field}.")


def _check_evidence(claim: Claim, evidence: Evidence, where: str) -> None:
    if claim.kind in TWO_SIDED and evidence.against is None:
        raise InputError(f"{where}: a claim of kind {claim.kind} compares two sides; add against.")
    of_classes = claim.replicate_unit == "class"
    if of_classes and (claim.kind != "bound" or evidence.against is None or evidence.paired):
        raise InputError(f"{where}: over classes a bound on the share that agrees compares two sides, unpaired.")
    if claim.kind in ("value", "bound") and evidence.against is not None and not of_classes:
        raise InputError(f"{where}: a claim of kind {claim.kind} has one side; remove against.")
    if evidence.paired and evidence.against is None:
        raise InputError(f"{where}: paired needs two sides; add against or remove paired.")
    metrics = []
    needed = [column for column in NAMED if not (column == claim.replicate_unit in ("dataset", "class"))]
    for side, selection in (("measured", evidence.measured), ("against", evidence.against)):
        if selection is None:
            continue
        for column in needed:
            if column not in selection:
                raise InputError(f"{where}.{side}: column {column} is missing, so that more than one run may match.")
        metric = selection["metric"]
        if metric not in METRICS:
            raise InputError(f"{where}.{side}.metric: {metric!r} is not known; accepted: {', '.join(METRICS)}.")
        metrics.append(metric)
    if len(set(metrics)) > 1:
        raise InputError(f"{where}: the sides have different metrics, {metrics[0]} and {metrics[1]}; use one.")
    definition = METRICS[metrics[0]]
    if definition.better not in ("neither", claim.better):
        raise InputError(f"{where}: {metrics[0]} is better {definition.better}, the claim says {claim.better}.")
    if claim.kind == "superiority" and evidence.paired:
        raise InputError(f"{where}: superiority compares independent runs of two sides; remove paired.")
    if claim.kind == "rate" and definition.unit != "0/1":
        raise InputError(f"{where}: a rate counts successes; {metrics[0]} is no 0/1 metric, use success or diverged.")
