"""What each metric in the table of measurements means: its unit, its better side and its worst value.

A run that diverged has no value; verdicts give it the metric's `worst`. Where `worst` is None the metric is
unbounded on its bad side, and a claim that meets a diverged run there cannot be replicated.
"""

from __future__ import annotations

from replication.table.definitions.classification import CLASSIFICATION
from replication.table.definitions.definition import MetricDefinition
from replication.table.definitions.images import IMAGES
from replication.table.definitions.inside import INSIDE
from replication.table.definitions.latent import LATENT
from replication.table.definitions.memorisation import MEMORISATION
from replication.table.definitions.toy import TOY
from replication.table.definitions.training import TRAINING

METRICS: dict[str, MetricDefinition] = {
    **TOY,
    **TRAINING,
    **IMAGES,
    **CLASSIFICATION,
    **LATENT,
    **INSIDE,
    **MEMORISATION,
}
