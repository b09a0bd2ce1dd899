"""A generator as a function of latents, each image by its own latent alone, and walks through them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from replication.config.protocols import LatentWalk, ProtocolOptions
from replication.models.layers.networks import Generator, Networks
from replication.models.layers.priors import MixturePrior
from replication.models.layers.samples import as_images
from replication.scoring.image_cell import ImageCell
from replication.scoring.latent_space import LatentSpace, cell_plausibility
from replication.scoring.latent_walk import measure
from replication.table.measurements import to_table
from tests.in_small import builder, own_params
from tests.scoring.small import LAST, rebuilt, small_cell, some_data, values

PARAMS, CLASSES = own_params(), 10
CONDITIONAL = {
    "kind": "conditional", "init_std": 0.5, "kernel": 3, "dense": [8], "generator": [[4, 0], [1, 2]],
    "discriminator": [[2, 2]],
}  # fmt: skip


def test_an_image_depends_on_its_latent_alone() -> None:
    space = LatentSpace(small_cell(), LAST, 0)
    latents = space.draw("some", 30)
    images = space.images(latents, space.labels(30))
    assert images.shape == (30, 1, 8, 8) and images.std() > 10
    order = np.random.default_rng(0).permutation(30)[:7]
    assert np.array_equal(space.images(latents[order], space.labels(7)), images[order])
    walked = space.images(latents.reshape(5, 6, 3), space.labels(5))
    assert np.array_equal(walked.reshape(images.shape), images)


def test_images_are_nearly_those_among_random_ones() -> None:
    cell = replace(small_cell(), recipe=replace(small_cell().recipe, batch=200))
    space = LatentSpace(cell, LAST, 1)
    latents = space.draw("some", 200)
    alone = space.images(latents, space.labels(200)).astype(float)
    generator = cell.networks(LAST, 1).generator.train()
    with torch.no_grad():
        together = as_images(generator(torch.from_numpy(latents), torch.zeros(200))).numpy().astype(float)
        running = as_images(generator.eval()(torch.from_numpy(latents), torch.zeros(200))).numpy().astype(float)
    apart = np.abs(alone - together).mean()
    assert apart < 0.1 * np.abs(together - np.roll(together, 1, axis=0)).mean()
    assert apart < 0.2 * np.abs(running - together).mean()  # the stored statistics of an untrained network are others


def test_draws_are_the_recipes_noise_and_repeat() -> None:
    space = LatentSpace(small_cell(), LAST, 0)
    drawn = space.draw("some", 4000)
    assert drawn.dtype == np.float32 and np.abs(drawn).max() <= 1
    assert drawn.std() == pytest.approx(1 / np.sqrt(3), rel=0.03)
    assert np.array_equal(drawn, space.draw("some", 4000))
    assert not np.array_equal(drawn, space.draw("other", 4000))
    assert not np.array_equal(drawn, LatentSpace(small_cell(), LAST, 1).draw("some", 4000))


@pytest.mark.parametrize(("model", "variant"), [("deligan", "paper"), ("improved_gan", "code")])
def test_latents_are_those_after_the_prior(model: str, variant: str) -> None:
    """Of a mixture, and with batch normalisation that keeps no running statistics."""
    recipe = PARAMS.recipe(model, "digits", variant)
    cell = rebuilt(replace(small_cell(), recipe=recipe), builder(model, recipe, (1, 8, 8), CLASSES))
    generator = cell.networks(LAST, 0).generator
    if isinstance(generator.prior, MixturePrior):
        for state in cell.trained.states.values():
            state["generator.prior.mean"] += 50.0
    space = LatentSpace(cell, LAST, 0)
    drawn = space.draw("some", 40)
    assert (drawn.mean() > 40) == isinstance(generator.prior, MixturePrior)
    images = space.images(drawn, space.labels(40))
    assert images.std() > 1 and np.array_equal(space.images(drawn[::-3], space.labels(14)), images[::-3])


def test_a_conditional_generator_keeps_the_label_given() -> None:
    cell = small_cell()
    cell = replace(cell, recipe=replace(cell.recipe, pixels="unit", generator_minibatch="own"))
    cell = rebuilt(cell, builder("dcgan", replace(cell.recipe, network=CONDITIONAL), (1, 8, 8), 3))
    space = LatentSpace(cell, LAST, 0)
    assert space.classes == 3 and space.labels(5).tolist() == [0, 1, 2, 0, 1]
    latents = np.repeat(space.draw("some", 1), 3, axis=0)
    images = space.images(latents, space.labels(3))
    assert len({image.tobytes() for image in images}) == 3
    walked = space.images(np.repeat(latents[:, None], 4, axis=1), space.labels(3))
    assert np.array_equal(walked, np.repeat(images[:, None], 4, axis=1))


def test_a_diverged_unconditional_generator_gives_images_all_the_same_and_has_no_labels() -> None:
    space = LatentSpace(small_cell(diverged={0: 3}), LAST, 0)
    assert space.classes == 0 and space.labels(4).tolist() == [0, 0, 0, 0]
    assert np.isfinite(space.images(space.draw("some", 5), space.labels(5))).all()


def test_plausibility_is_of_the_cells_judge() -> None:
    known = cell_plausibility(small_cell())
    assert known is not None and known.of(some_data().train_images).mean() > 0.8
    assert cell_plausibility(replace(small_cell(), judge=None)) is None


OPTIONS = ProtocolOptions(latent_walk=LatentWalk(points=3, steps=4, walks=6))


class Levels(nn.Module):
    """One grey level, linear in the first latent; with `sharp` it is black or white by that latent's sign."""

    def __init__(self, sharp: bool) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(()))
        self.sharp = sharp

    def forward(self, latent: Tensor) -> Tensor:
        level = latent[:, 0].sign() if self.sharp else latent[:, 0]
        return (self.scale * level)[:, None, None, None].expand(-1, 1, 8, 8)


def level_cell(sharp: bool) -> ImageCell:
    cell = small_cell(ProtocolOptions(latent_walk=LatentWalk(points=3, steps=4, walks=100)))
    return rebuilt(cell, lambda: Networks(Generator(None, Levels(sharp)), nn.Linear(1, 1)))


def test_rows_by_variant_and_step() -> None:
    cell = small_cell(OPTIONS)
    sheets = measure(cell)
    to_table(cell.rows.collected)  # raises where a row is unknown or occurs twice
    smooth, plausible = (
        {(row.seed, row.metric_variant, row.step): row.n_samples for row in cell.rows.collected if row.metric == metric}
        for metric in ("walk_smoothness", "walk_plausibility")
    )
    places = (("latent", 0), ("latent", 8), ("memorised", 0), ("memorised", 8), ("pixel", 8))
    assert smooth == {(seed, *place): 12 for seed in (0, 1) for place in places}
    counts = {"latent-endpoints": 18, "latent-midpoints": 12}
    last = {**counts, "pixel-midpoints": 12, "real": 60}
    expected = {(seed, name, 0): count for seed in (0, 1) for name, count in counts.items()}
    assert plausible == expected | {(seed, name, 8): count for seed in (0, 1) for name, count in last.items()}
    assert {row.judge for row in cell.rows.collected if row.metric == "walk_plausibility"} == {"rows-classifier"}
    assert sheets["walk"].dtype == np.uint8 and sheets["walk"].shape == (2 + 2, 5, 1, 8, 8)
    assert np.array_equal(sheets["walk"][0, -1], sheets["walk"][1, 0])  # a leg begins where the last one ended


def test_a_generator_linear_in_its_latent_walks_as_a_cross_fade() -> None:
    """But for the rounding of grey levels, which a walk of one grey between levels near each other is all of."""
    cell = level_cell(sharp=False)
    measure(cell)
    points = LatentSpace(cell, LAST, 0).draw("latent walk", 300).reshape(100, 3, 3)[..., 0].astype(float)
    shares = [0, 0.25, 0.5, 0.75, 1]
    each = []
    for first, last in np.concatenate([points[:, :2], points[:, 1:]]):
        changes = np.abs(np.diff([round(127.5 * (1 + first + share * (last - first))) for share in shares]))
        each.append(changes.mean() / changes.max() if changes.max() else 0.0)
    smoothness = values(cell, "walk_smoothness", "latent")[0, LAST]
    assert smoothness == pytest.approx(np.mean(each), abs=2e-3) and smoothness > 0.9
    assert values(cell, "walk_smoothness", "pixel")[0, LAST] == pytest.approx(1.0, abs=0.05)


def test_a_generator_that_jumps_is_as_sharp_as_a_memory() -> None:
    """Of two random points half lie on either side: those legs have one step of change, the others none."""
    cell = level_cell(sharp=True)
    measure(cell)
    sharp = values(cell, "walk_smoothness", "latent")
    assert sharp[0, LAST] == pytest.approx(0.5 / 4, abs=0.04)
    assert values(cell, "walk_smoothness", "memorised")[0, LAST] == pytest.approx(sharp[0, LAST], abs=1e-6)
    unjudged = replace(small_cell(OPTIONS), judge=None, judge_name="")
    measure(unjudged)
    assert {row.metric for row in unjudged.rows.collected} == {"walk_smoothness"}


def test_fades_of_a_conditional_cell_are_within_a_class() -> None:
    network = {"kind": "conditional", "init_std": 0.5, "dense": [8], "generator": [], "discriminator": []}
    data = some_data()
    grey = (60 * data.train_labels + 60).astype(np.uint8).repeat(64).reshape(-1, 1, 8, 8)
    sheet = measure(small_cell(OPTIONS, data=replace(data, train_images=grey), **network))["walk"]
    assert {tuple(np.unique(fade)) for fade in sheet[2:]} == {(60,)}  # the first walk is of the first class
