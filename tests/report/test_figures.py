from __future__ import annotations

import json
from contextlib import chdir
from dataclasses import asdict
from io import BytesIO
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from replication.config.params import load_params
from replication.report.cells import gather
from replication.report.curves import panels
from replication.report.figures import draw
from replication.report.forest import bars
from replication.report.pictures import unenlarged
from replication.report.samples import save_sheet, tile_grid
from replication.table.measurements import read_table
from replication.verdicts.benchmarks import load_benchmarks
from replication.verdicts.claims import Claim
from replication.verdicts.verdict import judge_all


@pytest.fixture(scope="module")
def claims(reported: Path) -> list[Claim]:
    return [claim for benchmark in load_benchmarks(reported / "benchmarks") for claim in benchmark.claims]


def test_the_forest_is_in_margins_with_better_to_the_right(reported: Path, claims: list[Claim]) -> None:
    table = read_table(reported / "reports/cpu/measurements.csv")
    groups = bars(claims, judge_all(claims, table))
    assert {kind: [bar.claim for bar in group] for kind, group in groups.items()} == {
        "value": ["hit-rate"],
        "order": ["more-steps"],
        "rate": ["success-rate"],
    }
    last = table.loc[(table["step"] == 100) & (table["metric"] == "discriminator_gap")]
    gap = last.loc[last["recipe"] == "toy-k1", "value"].mean() - last.loc[last["recipe"] == "toy-k5", "value"].mean()
    order = groups["order"][0]
    assert order.centre == pytest.approx(gap / 0.001)  # the claim wants it lower, so a lower gap lies to the right
    assert order.low < order.centre < order.high
    assert groups["rate"][0].centre == pytest.approx(0.8)


def test_panels_hold_every_seed_and_leave_quiet_divergence_out(reported: Path) -> None:
    table = read_table(reported / "reports/cpu/measurements.csv")
    rows = table.loc[table["dataset"] == "toy-bimodal"]
    quiet = rows.loc[rows["metric"] == "success"].assign(metric="diverged", value=0.0)
    by_metric = {panel.metric: panel for panel in panels(pd.concat([rows, quiet], ignore_index=True))}
    assert set(by_metric) == {"success", "hit_rate", "discriminator_gap", "generator_loss"}
    curves = by_metric["hit_rate"].runs[0]
    assert curves.label == "gan toy-k1 (paper)" and curves.values.shape == (5, 3)
    assert curves.positions.tolist() == [0, 50, 100]
    first = rows.loc[(rows["metric"] == "hit_rate") & (rows["recipe"] == "toy-k1") & (rows["seed"] == 0)]
    assert curves.values[0].tolist() == first.sort_values("step")["value"].tolist()


def test_image_grids_keep_pixels_and_order() -> None:
    images = np.arange(5 * 8 * 8, dtype=np.uint8).reshape(5, 1, 8, 8)
    sheet = np.asarray(tile_grid(images))
    assert sheet.shape == (32, 5 * 36 - 4)  # 8×8 enlarged fourfold, and a pixel so enlarged between
    assert (sheet[::4, :32:4] == images[0, 0]).all() and (sheet[::4, 36:68:4] == images[1, 0]).all()
    colour = np.zeros((70, 3, 32, 32), dtype=np.uint8)
    colour[63, 2] = 200
    sheet = np.asarray(tile_grid(colour))
    assert sheet.shape == (8 * 34 - 2, 8 * 34 - 2, 3)  # 64 of the 70
    assert sheet[-1, -1].tolist() == [0, 0, 200]


def test_a_grey_sheet_is_saved_in_few_levels_and_a_coloured_one_in_all(tmp_path: Path) -> None:
    ramp = np.arange(256, dtype=np.uint8).repeat(4).reshape(32, 32)
    for name, sheet in {"grey": ramp, "coloured": np.stack([ramp, ramp[::-1], ramp.T], 2)}.items():
        save_sheet(Image.fromarray(sheet), tmp_path / f"{name}.png")
        with Image.open(tmp_path / f"{name}.png") as image:
            pixels = np.asarray(image.convert("RGB" if sheet.ndim == 3 else "L")).astype(int)
        assert np.abs(pixels - sheet).max() <= (9 if sheet.ndim == 2 else 0)
    assert pixels.shape == (32, 32, 3)


@pytest.mark.parametrize(("side", "factor"), [(8, 4), (10, 3), (16, 2), (28, 1)])
@pytest.mark.parametrize("channels", [1, 3])
def test_an_enlarged_sheet_is_embedded_small_and_enlarges_to_itself(
    side: int, factor: int, channels: int, tmp_path: Path
) -> None:
    images = np.random.default_rng(0).integers(0, 256, (5, channels, side, side)).astype(np.uint8)
    save_sheet(tile_grid(images, columns=3), tmp_path / "sheet.png")
    content = (tmp_path / "sheet.png").read_bytes()
    whole, small = (Image.open(BytesIO(each)) for each in (content, unenlarged(content)))
    assert (small.width * factor, small.height * factor) == whole.size
    again = small.convert("RGB").resize(whole.size, Image.Resampling.NEAREST)
    assert again.tobytes() == whole.convert("RGB").tobytes()


@pytest.mark.slow
def test_figures_are_equal_from_two_processes(reported: Path, claims: list[Claim], tmp_path: Path) -> None:
    table = read_table(reported / "reports/cpu/measurements.csv")
    with chdir(reported):
        cells, _ = gather(load_params().profile)
    figures = draw(cells, table, claims, judge_all(claims, table), tmp_path, 2)
    report = reported / "reports/cpu"
    written = json.loads((report / "provenance.json").read_text(encoding="utf-8"))["figures"]
    assert [asdict(figure) for figure in figures] == written
    files = {file.name: file.read_bytes() for file in tmp_path.iterdir()}
    assert {Path(name).stem for name in files} == {figure.name for figure in figures}
    assert files == {file.name: file.read_bytes() for file in (report / "figures").iterdir()}
