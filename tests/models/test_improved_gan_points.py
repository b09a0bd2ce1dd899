"""Improved GAN's networks of points: minibatch discrimination by hand, the toy beside GAN's, what is refused."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from replication.config.recipes import Prior
from replication.foundation.errors import InputError
from replication.models.improved_gan import build
from replication.training.toy.plan import plan_of
from tests.in_small import own_params

PARAMS = own_params()
MINIBATCH = {"kernels": 3, "dimensions": 2, "form": "paper"}
POINTS: dict[str, Any] = {"points": {"hidden": [4], "nonlinearity": "tanh", "minibatch": MINIBATCH}}


def test_points_are_judged_beside_their_batch_as_written_out_in_numpy() -> None:
    torch.manual_seed(0)
    discriminator = build({**POINTS, "logits": "one"}, Prior(), 2, (2,)).discriminator
    points = torch.randn(5, 2)
    weights = {name: value.detach().double().numpy() for name, value in discriminator.named_parameters()}
    features = np.tanh(points.double().numpy() @ weights["body.0.weight"].T + weights["body.0.bias"])  # [5, 4]
    rows = np.einsum("bf,fkd->bkd", features, weights["minibatch.direction"])  # [5, 3, 2]
    closeness = np.exp(-np.abs(rows[:, None] - rows[None]).sum(3)).sum(1)  # [5, 3]
    logits = np.hstack([features, closeness]) @ weights["output.0.weight"].T + weights["output.0.bias"]
    judged = discriminator(points)
    np.testing.assert_allclose(judged.logits.detach().numpy(), logits[:, 0], rtol=1e-5)
    np.testing.assert_allclose(judged.features[-1].detach().numpy(), features, rtol=1e-5)


def test_compiled_loops_refuse_minibatch_discrimination_by_name() -> None:
    recipe = replace(PARAMS.recipe("improved_gan", "toy-minibatch", "paper"), engine="kernel", initial_images=0)
    with pytest.raises(InputError, match="does not compute network: MinibatchDiscrimination; write engine: eager"):
        plan_of(build(recipe.network, recipe.prior, recipe.latent_dim, (2,)), recipe, 8)


def test_a_network_without_a_hidden_layer_is_refused() -> None:
    with pytest.raises(InputError, match=r"points\.hidden: .*\[\]"):
        build({"points": {**POINTS["points"], "hidden": []}, "logits": "one"}, Prior(), 2, (2,))
