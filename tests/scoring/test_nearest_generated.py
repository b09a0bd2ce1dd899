"""Protocol nearest-generated: which samples and labels 1-NN sees; and quick forms of a generator."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.neighbors import KNeighborsClassifier
from torch import Tensor, nn

from replication.config.protocols import NearestGenerated, ProtocolOptions
from replication.models.layers.networks import Conditional, Generator, Networks
from replication.models.layers.samples import as_samples
from replication.scoring import nearest_generated as protocol
from replication.scoring.image_cell import ImageCell
from replication.scoring.nearest_generated import measure, variant
from replication.scoring.quick_generators import BatchwiseNorm, FoldedTransposition, batch_by_batch, folded
from replication.table.measurements import to_table
from replication.training.sampling import draw_samples
from tests.in_small import builder, own_params
from tests.scoring.small import LAST, small_cell

OPTIONS = ProtocolOptions(nearest_generated=NearestGenerated(counts=(50, 130)))
NETWORK = {"kind": "conditional", "kernel": 3, "init_std": 0.4, "dense": [6], "generator": [[4, 0], [1, 2]],
           "discriminator": [[2, 2]]}  # fmt: skip


def conditional(diverged: dict[int, int] | None = None) -> ImageCell:
    cell = small_cell(OPTIONS, diverged=diverged, **NETWORK)
    return replace(cell, recipe=replace(cell.recipe, pixels="unit"))


def errors(cell: ImageCell) -> dict[tuple[int, int, str], float]:
    to_table(cell.rows.collected)  # raises where a row is unknown or occurs twice
    assert {(row.metric, row.n_samples) for row in cell.rows.collected} == {("test_error", 60)}
    return {(row.seed, row.step, row.metric_variant): row.value for row in cell.rows.collected}


def test_rows_are_those_of_a_classifier_trained_on_the_same_samples(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protocol, "PART", 70)  # so that batches of 20 of three classes come 60 at a time
    cell = conditional()
    sheets = measure(cell)
    measured = errors(cell)
    places = ((0, "1-nn-50"), (LAST, "1-nn-50"), (LAST, "1-nn-130"))
    assert set(measured) == {(seed, *place) for seed in (0, 1) for place in places}
    test = cell.data.test_images.reshape(60, -1) / 255
    for seed in (0, 1):
        generator = cell.networks(LAST, seed).generator
        drawn = [draw_samples(generator, cell.recipe, cell.recipe.noise, seed, f"1-nn {n}", 60, 3)[0] for n in range(3)]
        samples, labels = torch.cat(drawn).flatten(1).numpy(), np.arange(180) % 3
        for count in (50, 130):
            oracle = KNeighborsClassifier(1, algorithm="brute").fit(samples[:count], labels[:count])
            error = (oracle.predict(test) != cell.data.test_labels).mean()
            assert measured[seed, LAST, f"1-nn-{count}"] == pytest.approx(error)
    assert sheets["conditional"].shape == (3, 10, 1, 8, 8) and sheets["conditional"].dtype == np.uint8


@pytest.mark.integration
def test_batches_are_drawn_together_where_launches_cost_more_than_arithmetic(monkeypatch: pytest.MonkeyPatch) -> None:
    """`cpu:0` is a processor by another name: the way of a GPU, on what there is."""
    joined = []
    monkeypatch.setattr(protocol, "batch_by_batch", lambda *of: joined.append(of) or batch_by_batch(*of))
    cells = [replace(conditional(), device=device) for device in ("cpu", "cpu:0")]
    for cell in cells:
        measure(cell)
    apart, together = map(errors, cells)
    assert apart == together and len(apart) == 6 and len(joined) == 4  # two seeds at two steps, of the second


class Told(Conditional):
    """Draws what the data set has of the class that it is told, a little noisy."""

    def __init__(self, images: np.ndarray) -> None:
        super().__init__()
        self.strength = nn.Parameter(torch.ones(1))
        self.images = as_samples(torch.from_numpy(images), "unit")

    def forward(self, noise: Tensor, labels: Tensor) -> Tensor:
        return self.images[labels] * self.strength + 0.001 * noise.mean()


@pytest.mark.parametrize("part", [25, 60, 8192])
def test_labels_stay_with_their_samples_from_part_to_part(monkeypatch: pytest.MonkeyPatch, part: int) -> None:
    monkeypatch.setattr(protocol, "PART", part)
    cell = conditional()
    patterns = np.stack([cell.data.test_images[cell.data.test_labels == label][0] for label in range(3)])
    data = replace(cell.data, test_images=np.repeat(patterns, 20, axis=0), test_labels=np.repeat(np.arange(3), 20))
    state = {"generator.body.strength": torch.tensor([[1.0], [0.0]])}  # the second seed's images are all black

    def build() -> Networks:
        return Networks(Generator(None, Told(patterns)), nn.Identity())

    trained = replace(cell.trained, states={0: state, LAST: state})
    answers = replace(cell, data=data, build=build, trained=trained, recipe=replace(cell.recipe, batch=7))
    sheet = measure(answers)["conditional"]
    measured = errors(answers)
    assert {(seed, value) for (seed, _, _), value in measured.items()} == {(0, 0.0), (1, 40 / 60)}
    for label in range(3):
        assert np.abs(sheet[label].astype(int) - patterns[label]).max() <= 1


def test_a_diverged_seed_reads_nan_and_is_not_sampled(monkeypatch: pytest.MonkeyPatch) -> None:
    sampled = []

    def noted(*arguments: Any) -> Any:
        sampled.append(arguments[3])
        return draw_samples(*arguments)

    monkeypatch.setattr(protocol, "PART", 70)
    monkeypatch.setattr(protocol, "draw_samples", noted)
    cell = conditional(diverged={1: 3})
    measure(cell)
    assert sorted(sampled) == [0, 0, 0, 0, 1]  # the second seed at step 0 alone
    measured = errors(cell)
    lost = {key for key, value in measured.items() if np.isnan(value)}
    assert lost == {(1, LAST, "1-nn-50"), (1, LAST, "1-nn-130")}


def test_a_count_has_a_short_name() -> None:
    counts = {50_000: "1-nn-50k", 10_000_000: "1-nn-10m", 1297: "1-nn-1297", 1_500_000: "1-nn-1500k"}
    assert {count: variant(count) for count in counts} == counts


SHAPES = {"mnist-conditional": (1, 28, 28), "mnist-gan": (1, 28, 28), "digits": (1, 8, 8)}


def has(generator: nn.Module, kind: type[nn.Module]) -> bool:
    return any(isinstance(module, kind) for module in generator.modules())


@pytest.mark.integration
@pytest.mark.parametrize("statistics", ["batch", "running"])
@pytest.mark.parametrize("name", SHAPES)
def test_batches_together_are_those_apart_and_a_folded_generator_draws_the_same(name: str, statistics: str) -> None:
    recipe = replace(own_params().recipe("dcgan", name, "code"), batch=8, sampled_with=statistics)
    generator = builder("dcgan", recipe, SHAPES[name], 10)().generator

    def draw(form: Generator, together: int = 1) -> Tensor:
        return draw_samples(form, recipe, recipe.noise, 0, "test", 45, 10, together=together)[0]

    before = {key: value.clone() for key, value in generator.state_dict().items()}
    together, in_patches = batch_by_batch(generator, recipe.batch), folded(generator)
    assert has(together, BatchwiseNorm)
    assert has(in_patches, FoldedTransposition) == has(generator, nn.ConvTranspose2d)
    drawn = draw(together, 4)  # 6 batches: 4 and 2
    assert all(torch.equal(value, before[key]) for key, value in generator.state_dict().items())
    torch.testing.assert_close(drawn, draw(generator), rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(draw(in_patches), draw(generator), rtol=1e-5, atol=1e-5)
    assert not has(generator, FoldedTransposition)
    assert statistics == "running" or (draw(generator, 4) - drawn).abs().max() > 1e-3  # which do matter here


@pytest.mark.integration
@pytest.mark.parametrize("geometry", [(5, 2, 2, 1), (3, 1, 1, 0), (4, 3, 1, 2), (1, 1, 0, 0)])
def test_patches_add_up_to_a_transposed_convolution(geometry: tuple[int, int, int, int]) -> None:
    kernel, stride, crop, extra = geometry
    layer = nn.ConvTranspose2d(6, 2, (kernel, kernel + 1), stride, crop, extra)
    for layout in (torch.contiguous_format, torch.channels_last):
        values = torch.randn(3, 6, 5, 7).to(memory_format=layout)
        torch.testing.assert_close(FoldedTransposition(layer)(values), layer(values), rtol=1e-5, atol=1e-5)
