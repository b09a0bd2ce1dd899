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
CALLS: dict[str, Callable[[Any], object]] = {
    "objective": lambda word: generator_loss(torch.ones(2), word),
    "distance": lambda word: feature_distance(JUDGED, JUDGED, SimpleNamespace(distance=word, layers=(0,))),  # pyright: ignore[reportArgumentType]
    "noise": lambda word: draw_noise(SimpleNamespace(distribution=word, scale=1.0), host_stream(0, "noise"), (2, 2)),  # pyright: ignore[reportArgumentType]
    "samples": lambda word: as_samples(ONES.to(torch.uint8), word),
    "images": lambda word: as_images(ONES, word),
    "minibatch": lambda word: MinibatchDiscrimination(3, 2, 2, word),
    "nonlinearity": lambda word: dense([2, 3, 1], word, None),
    "nonlinearity of an ensemble": lambda word: Ensemble(3, [2, 3, 1], word),
}
KNOWN = {
    "objective": "saturating",
    "distance": "squared-mean",
    "noise": "positive",
    "samples": "contrast",
    "images": "unit",
    "minibatch": "code",
    "nonlinearity": "relu",
    "nonlinearity of an ensemble": "tanh",
}


@pytest.mark.parametrize("call", CALLS)
def test_an_unknown_word_is_refused_with_those_accepted(call: str) -> None:
    with pytest.raises(InputError, match=rf"'unheard-of'.*accepted: .*{KNOWN[call]}"):
        CALLS[call]("unheard-of")
    CALLS[call](KNOWN[call])


def test_feature_matching_is_no_loss_on_logits() -> None:
    with pytest.raises(InputError, match="accepted: non-saturating, saturating"):
        generator_loss(torch.ones(2), "feature-matching")
