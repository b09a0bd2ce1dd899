"""A generator forgets a planted object: its second-highest maps with a positive weight for it are dropped (DCGAN
§6.3.1)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np
import torch

from replication.data.planted import balanced_accuracy, best_threshold, object_scores
from replication.foundation.seeding import generator as stream_of
from replication.metrics import forgetting
from replication.scoring.classifier import judged
from replication.scoring.image_cell import ImageCell, draw_images

SHOWN = 12  # samples in the sheet


@dataclass(frozen=True)
class Detector:
    """Where the planted object of `size` pixels is, and whether: from `threshold` on, set on training images."""

    size: int
    threshold: float
    accuracy: float  # balanced, on test images
    n_test: int

    def __call__(self, images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """bool [n] and corners int64 [n, 2] of uint8 images [n, C, H, W]."""
        scores, places = object_scores(images, self.size)
        return scores >= self.threshold, places


def measure(cell: ImageCell) -> dict[str, np.ndarray]:
    """Add how often samples of the last step show the object, and what else changes, for every seed.

    Samples are drawn thrice from the same noise: whole, with the maps dropped, and with as many random maps dropped.
    Where no sample shows the object no map is dropped, and nothing changes. The sheet `forgetting` is the first seed's.
    """
    detector = detector_of(cell)
    last = [cell.trained.steps[-1]]
    return {"forgetting": cell.each(lambda _, index: _measure_seed(cell, index, detector), last, "forgetting")[0]}


def detector_of(cell: ImageCell) -> Detector:
    """The detector of a data set's planted object."""
    data = cell.data
    assert data.train_places is not None and data.test_places is not None  # as `requirements` holds
    size = data.manifest["options"]["planted"]["size"]
    present, held_out = data.train_places[:, 0] >= 0, data.test_places[:, 0] >= 0
    threshold = best_threshold(object_scores(data.train_images, size)[0], present)
    detected = object_scores(data.test_images, size)[0] >= threshold
    return Detector(size, threshold, balanced_accuracy(detected, held_out), len(held_out))


def _measure_seed(cell: ImageCell, index: int, detector: Detector) -> np.ndarray:
    """The rows of one seed; pictures uint8 [3, SHOWN, C, H, W]."""
    step, seed, options = cell.trained.steps[-1], cell.seeds[index], cell.options.forgetting
    network = cell.networks(step, index).generator
    # uint8 [samples, C, H, W], always from the same noise
    draw = partial(draw_images, network, cell.recipe, seed, "forgetting", options.samples, cell.classes)
    layer, stream = forgetting.takes_second_highest(network), stream_of(seed, "forgetting")
    with forgetting.recorded(layer) as seen:
        whole = draw()
    maps = torch.nan_to_num(torch.cat(seen)[: len(whole)]).cpu().numpy()  # [n, F, h, w]
    present, places = detector(whole)
    marked = np.flatnonzero(present)[: options.boxes]  # their maps with a positive weight are those of the object
    inside = forgetting.inside_boxes(places[marked], detector.size, whole.shape[2], maps.shape[2])
    weights = forgetting.map_weights(maps[marked], inside, stream) if len(marked) else np.zeros(0)
    chosen = np.flatnonzero(weights > 0).tolist()
    with forgetting.dropped(layer, chosen):
        without = draw()
    others = []
    for _ in range(options.draws):
        with forgetting.dropped(layer, stream.permutation(maps.shape[1])[: len(chosen)].tolist()):
            others.append(draw())
    rows = cell.rows
    rows.add(seed, step, "detector_accuracy", detector.accuracy, detector.n_test)
    rows.add(seed, step, "dropped_maps", len(chosen) / maps.shape[1], maps.shape[1])
    rows.add(seed, step, "object_frequency", present.mean(), len(whole), metric_variant="whole")
    looked = np.flatnonzero(present) if present.any() else np.arange(len(whole))
    for name, versions in (("dropped", [without]), ("random-maps", others)):
        frequency = np.mean([detector(images)[0].mean() for images in versions])
        rows.add(seed, step, "object_frequency", float(frequency), len(whole), metric_variant=name)
        versions_looked_at = [images[looked] for images in versions]
        _add_rest(cell, index, name, whole[looked], versions_looked_at, places[looked], detector.size)
    order = np.argsort(~present, kind="stable")[:SHOWN]  # samples with an object first
    return np.stack([whole[order], without[order], others[0][order]])


def _add_rest(
    cell: ImageCell, index: int, name: str, whole: np.ndarray, versions: list[np.ndarray], places: np.ndarray, size: int
) -> None:
    """What else changes in samples `whole`, which are `versions` of themselves with maps dropped."""
    step, seed = cell.trained.steps[-1], cell.seeds[index]
    change = np.mean([forgetting.change_outside(whole, images, places, size) for images in versions])
    cell.rows.add(seed, step, "change_outside", float(change), len(whole), metric_variant=name)
    if cell.judge is not None:
        before = judged(cell.judge, whole).classes
        same = np.mean([(judged(cell.judge, images).classes == before).mean() for images in versions])
        where = {"metric_variant": name, "judge": cell.judge_name}
        cell.rows.add(seed, step, "rest_unchanged", float(same), len(whole), **where)
