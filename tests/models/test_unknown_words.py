"""A word that nothing implements fails where it is used, in calls that no recipe has checked before."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from replication.foundation.errors import InputError
from replication.models.layers.dense import dense
from replication.models.layers.minibatch import MinibatchDiscrimination
from replication.models.layers.networks import Judged
from replication.models.layers.priors import Ensemble
from replication.models.layers.samples import as_images, as_samples
from replication.training.draws import draw_noise
from replication.training.objectives import feature_distance, generator_loss
from replication.training.streams import host_stream

ONES = torch.ones(2, 1, 2, 2)
JUDGED = Judged(torch.ones(2), (torch.ones(2, 3),))
# Calls that no recipe has checked before, each with a word that it knows.
CALLS: dict[str, tuple[str, Callable[[Any], object]]] = {
    "objective": ("saturating", lambda word: generator_loss(torch.ones(2), word)),
    "distance": (
        "squared-mean",
        lambda word: feature_distance(JUDGED, JUDGED, SimpleNamespace(distance=word, layers=(0,))),  # pyright: ignore[reportArgumentType]
    ),
    "noise": (
        "positive",
        lambda word: draw_noise(SimpleNamespace(distribution=word, scale=1.0), host_stream(0, "noise"), (2, 2)),  # pyright: ignore[reportArgumentType]
    ),
    "samples": ("contrast", lambda word: as_samples(ONES.to(torch.uint8), word)),
    "images": ("unit", lambda word: as_images(ONES, word)),
    "minibatch": ("code", lambda word: MinibatchDiscrimination(3, 2, 2, word)),
    "nonlinearity": ("relu", lambda word: dense([2, 3, 1], word, None)),
    "nonlinearity of an ensemble": ("tanh", lambda word: Ensemble(3, [2, 3, 1], word)),
}


@pytest.mark.parametrize("name", CALLS)
def test_an_unknown_word_is_refused_with_those_accepted(name: str) -> None:
    known, call = CALLS[name]
    with pytest.raises(InputError, match=rf"'unheard-of'.*accepted: .*{known}"):
        call("unheard-of")
    call(known)


def test_feature_matching_is_no_loss_on_logits() -> None:
    with pytest.raises(InputError, match="accepted: non-saturating, saturating"):
        generator_loss(torch.ones(2), "feature-matching")
