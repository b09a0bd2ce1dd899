"""What a cell is not measured by where its data set has no test images: a sentence for its training and its report."""

from __future__ import annotations

from functools import cache

from replication.config.params import Cell, Params
from replication.data.reading import PreparedImages, ToyData
from replication.models import PARZEN, PROBE, is_scored_by

INCEPTION = "inception"


def left_out(params: Params, cell: Cell, data: PreparedImages | ToyData) -> str:
    """One sentence on what a cell without test images is not measured by; "" where there are some, or nothing lacks."""
    if isinstance(data, ToyData) or len(data.test_images):
        return ""
    labelled, judged = len(data.class_names) > 1, params.judged_by(cell.dataset)
    lacking = {
        "scores under a judge (params.yaml has none for it)": not judged,
        "the accuracy of its judge": judged == cell.dataset,
        "distances to held-out images under its judge": judged,
        "FID, KID, precision and recall to held-out images": INCEPTION in cell.protocols,
        "the linear probe": is_scored_by(cell.model, PROBE) and cell.probe == "own" and labelled,
        "the likelihood under a Parzen window": is_scored_by(cell.model, PARZEN),
        "the test error": params.recipe_of(cell).labels is not None,
    }
    names = [name for name, lacks in lacking.items() if lacks]
    listed = ", ".join(names[:-1]) + (" and " if len(names) > 1 else "") + names[-1] if names else ""
    return listed and f"Cell {cell.key} is scored without {listed}, for data set {data.name} has no test images."


@cache
def say_once(sentence: str) -> None:
    """Print a sentence, once in a process."""
    if sentence:
        print(sentence, flush=True)
