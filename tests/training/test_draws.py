"""What training draws: a function of seed and unit alone, over whole epochs."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from replication.recipes import Adam, Balance, Noise, Prior, Recipe
from replication.training.draws import draw_components, draw_noise, draw_units
from replication.training.schedule import unit_steps

ALTERNATE = Recipe(
    engine="kernel",
    objective="non-saturating",
    discriminator_scale=0.5,
    schedule="alternate",
    inner_steps=3,
    updates=1000,
    batch=10,
    latent_dim=2,
    noise=Noise("uniform"),
    network={},
    adam=Adam(1e-3, 0.5),
    prior=Prior(components=4, component="sampled"),
)
BALANCED = replace(ALTERNATE, schedule="balanced", inner_steps=5, balance=Balance(1.0, 1.0, 0.7, 3, 0.01, -3, 0.01))


@pytest.mark.parametrize("recipe", [ALTERNATE, BALANCED], ids=["alternate", "balanced"])
def test_a_seed_draws_the_same_in_every_block(recipe: Recipe) -> None:
    block, alone = draw_units(recipe, (1, 5, 2), 40, 20, 6), draw_units(recipe, (5,), 40, 20, 6)
    for many, one in zip(block, alone, strict=True):
        np.testing.assert_array_equal(many[1:2], one)
    for array in (block.noise, block.rows):
        assert not np.array_equal(array[0], array[2])


def test_shapes() -> None:
    draws = draw_units(ALTERNATE, (0, 1), 40, 0, 6)
    assert (draws.noise.shape, draws.component.shape, draws.rows.shape) == (
        (2, 6, 4, 10, 2),
        (2, 6, 4, 10),
        (2, 6, 3, 10),
    )
    draws = draw_units(BALANCED, (0, 1), 40, 0, 6)
    assert (draws.noise.shape, draws.component.shape, draws.rows.shape) == (
        (2, 6, 1, 10, 2),
        (2, 6, 1, 10),
        (2, 6, 1, 10),
    )
    assert (draws.noise.dtype, draws.component.dtype, draws.rows.dtype) == (np.float32, np.int64, np.int64)
    assert (unit_steps(ALTERNATE), unit_steps(BALANCED)) == (1, 5)


@pytest.mark.parametrize("n_rows", [40, 43, 30_000], ids=["whole", "with a remainder", "large"])
def test_every_epoch_is_a_permutation_whatever_the_chunks(n_rows: int) -> None:
    recipe = replace(ALTERNATE, batch=10 if n_rows < 100 else 6000)
    per_epoch = n_rows // recipe.batch
    units = 4 * per_epoch  # three minibatches a unit: twelve epochs
    whole = draw_units(recipe, (3,), n_rows, 0, units).rows
    cuts = [0, 1, 7, units]
    parts = [draw_units(recipe, (3,), n_rows, a, b - a).rows for a, b in zip(cuts, cuts[1:], strict=False)]
    np.testing.assert_array_equal(np.concatenate(parts, axis=1), whole)
    epochs = whole.reshape(-1, per_epoch * recipe.batch)
    assert len(epochs) == 12
    assert len({epoch.tobytes() for epoch in epochs}) == 12
    for epoch in epochs:
        assert len(set(epoch.tolist())) == per_epoch * recipe.batch
        assert epoch.min() >= 0 and epoch.max() < n_rows


def test_streams_that_many_short_epochs_share_do_not_repeat() -> None:
    rows = draw_units(replace(ALTERNATE, inner_steps=1), (0,), 40, 0, 8 * 500).rows  # a thousand epochs of 40
    epochs = {epoch.tobytes() for epoch in rows.reshape(-1, 40)}
    assert len(epochs) == 1000


@pytest.mark.parametrize("scale", [1.0, 0.25])
def test_noise_has_the_distribution_named(scale: float) -> None:
    stream = np.random.default_rng(0)
    uniform = draw_noise(Noise("uniform", scale), stream, (100, 200)) / scale
    normal = draw_noise(Noise("normal", scale), stream, (100, 200)) / scale
    assert uniform.dtype == normal.dtype == np.float32
    assert -1 <= uniform.min() < -0.999 and 0.999 < uniform.max() <= 1
    assert uniform.mean() == pytest.approx(0, abs=0.02) and uniform.var() == pytest.approx(1 / 3, abs=0.01)
    assert normal.mean() == pytest.approx(0, abs=0.03) and normal.std() == pytest.approx(1, abs=0.02)
    assert np.abs(normal).max() > 3


def test_components() -> None:
    stream = np.random.default_rng(0)
    sampled = draw_components(ALTERNATE, stream, (1000, 10))
    assert np.bincount(sampled.ravel(), minlength=4) == pytest.approx(2500, abs=200)
    by_row = draw_components(replace(ALTERNATE, prior=Prior(components=4, component="row")), stream, (2, 10))
    assert by_row.tolist() == [[0, 1, 2, 3, 0, 1, 2, 3, 0, 1]] * 2
    assert not draw_components(replace(ALTERNATE, prior=Prior()), stream, (2, 10)).any()
