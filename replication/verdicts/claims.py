"""What the papers claim, as data: the shape of a claim in `benchmarks/*.yaml`.

`replication.verdicts.benchmarks` reads the files; `claim_rules` has what each kind of claim must say. Every margin
and bound stands in the files before any run is made.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import InitVar, dataclass
from typing import Annotated, Literal

from pydantic import Field, GetPydanticSchema
from pydantic.json_schema import SkipJsonSchema
from typing_extensions import TypedDict

from replication.config.strict import Count, Natural, Positive, Share
from replication.table.definitions import METRICS

Text = Annotated[str, Field(min_length=1)]
Id = Annotated[str, Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$")]
Replicates = Annotated[int, Field(ge=2)]
Kind = Literal["value", "order", "superiority", "rate", "bound", "question"]
Origin = Literal["published", "statement", "background", "instrument"]
Obstacle = Literal["not run", "no data", "data closed", "needs people", "too costly", "protocol differs"]
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
    incomparable: str = ""  # why a substitute tells no direction, in a sentence; "" where it points one
    reversed_classes: tuple[Text, ...] = ()  # over classes: those in which the paper has `against` on the better side
    where: InitVar[Selection | None] = None  # what both sides select, each of which may say otherwise

    def __post_init__(self, where: Selection | None) -> None:
        for side in ("measured", "against"):
            selection = getattr(self, side)
            object.__setattr__(self, side, selection and {**(where or {}), **selection})

    @property
    def sides(self) -> list[Selection]:
        """The one side or the two that are read."""
        return [side for side in (self.measured, self.against) if side is not None]


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
    # Cells of params.yaml that measure it, where an experiment names its rows otherwise.
    measured_by: tuple[Text, ...] = ()
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
        metric = METRICS.get(str(self.evidence.measured.get("metric"))) if self.evidence else None
        return self.replicate_unit == "class" or (metric is not None and metric.unit == "0/1")

    @property
    def published_n(self) -> int | None:
        """Trainings (or draws) behind the published mean; None where that has no error of its own."""
        return None if self.deterministic or self.published is None else self.published.trainings
