"""What training draws: a function of seed and unit alone, over whole epochs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor

from replication.config.recipes import Balance, Labels, Noise, Prior, Recipe
from replication.foundation.errors import InputError
from replication.training.draws import draw_components, draw_noise, draw_units, labelled_rows
from replication.training.streams import DeviceStream, HostStream, Stream
from tests.in_small import plain_recipe

ALTERNATE = plain_recipe(engine="kernel", inner_steps=3, updates=1000, prior=Prior(components=4, component="sampled"))
LABELS = np.arange(43) % 3
BALANCED = replace(ALTERNATE, schedule="balanced", inner_steps=5, balance=Balance(1.0, 1.0, 0.7, 3, 0.01, -3, 0.01))


@pytest.mark.parametrize("recipe", [ALTERNATE, BALANCED], ids=["alternate", "balanced"])
def test_draws_are_a_function_of_seed_and_unit(recipe: Recipe) -> None:
    each, again, other = (draw_units(recipe, seed, 40, 20, 6) for seed in (5, 5, 2))
    for first, second in zip(each, again, strict=True):
        np.testing.assert_array_equal(first, second)
    assert not torch.equal(each.noise, other.noise) and not torch.equal(each.rows, other.rows)


@pytest.mark.parametrize("n_rows", [40, 43, 30_000], ids=["whole", "with a remainder", "large"])
def test_every_epoch_is_a_permutation_whatever_the_chunks(n_rows: int) -> None:
    recipe = replace(ALTERNATE, batch=10 if n_rows < 100 else 6000)
    per_epoch = n_rows // recipe.batch
    units = 4 * per_epoch  # three minibatches a unit: twelve epochs
    whole = draw_units(recipe, 3, n_rows, 0, units).rows.numpy()
    cuts = [0, 1, 7, units]
    parts = [draw_units(recipe, 3, n_rows, a, b - a).rows for a, b in zip(cuts, cuts[1:], strict=False)]
    np.testing.assert_array_equal(np.concatenate(parts), whole)
    epochs = whole.reshape(-1, per_epoch * recipe.batch)
    assert len(epochs) == 12
    assert len({epoch.tobytes() for epoch in epochs}) == 12
    for epoch in epochs:
        assert len(set(epoch.tolist())) == per_epoch * recipe.batch
        assert epoch.min() >= 0 and epoch.max() < n_rows


def test_streams_that_many_short_epochs_share_do_not_repeat() -> None:
    rows = draw_units(replace(ALTERNATE, inner_steps=1), 0, 40, 0, 8 * 500).rows.numpy()  # a thousand epochs of 40
    epochs = {epoch.tobytes() for epoch in rows.reshape(-1, 40)}
    assert len(epochs) == 1000


STREAMS = {
    "host": lambda: HostStream(np.random.default_rng(0)),
    "device": lambda: DeviceStream(torch.Generator().manual_seed(0)),
}


@pytest.mark.parametrize("kind", STREAMS.values(), ids=STREAMS)
@pytest.mark.parametrize("scale", [1.0, 0.25])
def test_noise_has_the_distribution_named(scale: float, kind: Callable[[], Stream]) -> None:
    stream = kind()
    uniform = draw_noise(Noise("uniform", scale), stream, (100, 200)).numpy() / scale
    normal = draw_noise(Noise("normal", scale), stream, (100, 200)).numpy() / scale
    assert uniform.dtype == normal.dtype == np.float32
    positive = draw_noise(Noise("positive", scale), stream, (100, 200)).numpy() / scale
    assert 0 <= positive.min() < 1e-3 and 0.999 < positive.max() <= 1
    assert positive.mean() == pytest.approx(0.5, abs=0.01) and positive.dtype == np.float32
    assert -1 <= uniform.min() < -0.999 and 0.999 < uniform.max() <= 1
    assert uniform.mean() == pytest.approx(0, abs=0.02) and uniform.var() == pytest.approx(1 / 3, abs=0.01)
    assert normal.mean() == pytest.approx(0, abs=0.03) and normal.std() == pytest.approx(1, abs=0.02)
    assert np.abs(normal).max() > 3


def test_components() -> None:
    stream = HostStream(np.random.default_rng(0))
    sampled = draw_components(ALTERNATE, stream, (1000, 10)).numpy()
    assert np.bincount(sampled.ravel(), minlength=4) == pytest.approx(2500, abs=200)
    by_row = draw_components(replace(ALTERNATE, prior=Prior(components=4, component="row")), stream, (2, 10))
    assert by_row.tolist() == [[0, 1, 2, 3, 0, 1, 2, 3, 0, 1]] * 2
    assert not draw_components(replace(ALTERNATE, prior=Prior()), stream, (2, 10)).any()


def epochs_of(rows: Tensor, size: int) -> list[list[int]]:
    return rows.reshape(-1, size).tolist()


@pytest.mark.parametrize("n_rows", [40, 43])
def test_fixed_minibatches_are_the_same_in_every_epoch(n_rows: int) -> None:
    recipe = replace(ALTERNATE, inner_steps=1, minibatches="fixed")
    rows = [draw_units(recipe, seed, n_rows, 0, 12).rows for seed in range(2)]
    for of_seed in rows:
        first, *others = epochs_of(of_seed, 40)
        assert others == [first, first] and len(set(first)) == 40
    assert rows[0].tolist() != rows[1].tolist()
    np.testing.assert_array_equal(draw_units(recipe, 1, n_rows, 5, 7).rows, rows[1][5:])


def test_the_generators_next_minibatches_are_of_the_discriminators_order() -> None:
    """DCGAN's released code: each minibatch of an epoch updates one of the two."""
    following = replace(ALTERNATE, inner_steps=1, generator_minibatch="next")
    order = draw_units(replace(ALTERNATE, inner_steps=1), 4, 40, 0, 12).rows[:, 0]
    rows = draw_units(following, 4, 40, 0, 6).rows
    np.testing.assert_array_equal(rows[:, 0], order[0::2])
    np.testing.assert_array_equal(rows[:, 1], order[1::2])


def test_the_generators_own_minibatches_are_of_an_order_of_their_own() -> None:
    """Improved GAN's released code: another permutation of the same images."""
    recipe = replace(ALTERNATE, inner_steps=1, generator_steps=2, generator_minibatch="own")
    rows = draw_units(recipe, 4, 43, 0, 12).rows
    np.testing.assert_array_equal(rows[:, :1], draw_units(replace(ALTERNATE, inner_steps=1), 4, 43, 0, 12).rows)
    epochs = epochs_of(rows[:, 1:], 40)
    assert len(epochs) == 6 and all(len(set(epoch)) == 40 for epoch in epochs)
    assert epochs[0] != epochs_of(rows[:, 0], 40)[0]
    np.testing.assert_array_equal(draw_units(recipe, 4, 43, 5, 7).rows, rows[5:])


def test_labelled_rows_are_as_many_of_each_class() -> None:
    rows = labelled_rows(Labels(4), LABELS, 5)
    assert len(set(rows.tolist())) == 12 and np.bincount(LABELS[rows]).tolist() == [4, 4, 4]
    drawn = {tuple(labelled_rows(Labels(4), LABELS, seed)) for seed in range(10)}
    assert len(drawn) == 10
    assert labelled_rows(Labels(0), LABELS, 5).tolist() == list(range(43))


def test_trainings_of_a_draw_share_its_labels() -> None:
    """Improved GAN's ensembles: ten networks trained on the same labels."""
    drawn = [labelled_rows(Labels(2, trainings_per_draw=3), LABELS, seed).tolist() for seed in range(9)]
    assert drawn == [drawn[0]] * 3 + [drawn[3]] * 3 + [drawn[6]] * 3
    assert len({tuple(rows) for rows in drawn}) == 3


def test_more_labels_than_there_are_is_one_sentence() -> None:
    with pytest.raises(InputError, match="asks for 15 labels of each class, but one class has 14: ask for fewer"):
        labelled_rows(Labels(15), LABELS, 0)


@pytest.mark.parametrize(("count", "repeats", "per_epoch"), [(20, 1, 2), (25, 1, 2), (10, 1, 1), (6, 2, 1), (3, 4, 1)])
def test_labelled_minibatches(count: int, repeats: int, per_epoch: int) -> None:
    """Whole orders of the labelled rows one after the other, as many as fill a batch of ten where they are fewer."""
    recipe, subset = replace(ALTERNATE, inner_steps=2, labels=Labels(1)), np.arange(100, 100 + count)
    labelled = draw_units(recipe, 7, 40, 0, 12, subset).labelled
    assert labelled.shape == (12, 2, 10) and labelled.dtype == torch.int64
    for epoch in labelled.reshape(-1, per_epoch * 10).numpy():
        values, counts = np.unique(epoch, return_counts=True)
        assert set(values) <= set(subset) and counts.max() <= repeats
        assert len(values) == min(count, per_epoch * 10)
    np.testing.assert_array_equal(draw_units(recipe, 7, 40, 5, 7, subset).labelled, labelled[5:])
