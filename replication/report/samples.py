"""What the models made: toy points of every seed, and image grids beside real images and nearest neighbours."""

from __future__ import annotations

import math
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle
from PIL import Image

from replication.config.params import Cell
from replication.report.cells import SHEETS, ScoredCell
from replication.report.drawing import FAINT, INK, SERIES, canvas, save
from replication.report.provenance import Drawn

TILES = 8  # a side of an image grid
PANELS = 11  # toy panels in a line
MOST = PANELS - 2  # seeds whose points are drawn, of more the first
POINTS = 400  # drawn of each seed, as many as the toy data have
GREYS = 16  # of a picture on the page; the archive has all
KINDS = {"grid": "generated", "neighbours": "their nearest training images", "real": "real images"}


def draw_samples(cells: Iterable[ScoredCell], folder: Path) -> Iterable[Drawn]:
    """Figures of the cells that carry samples."""
    for scored in on_first_splits(cells):
        if "points" in scored.samples:
            yield _draw_points(scored, folder)
        for kind in KINDS:
            if "grid" in scored.samples and kind in scored.samples:
                yield _draw_grid(scored, kind, folder)
        for sheet in SHEETS:
            if sheet in scored.samples:
                yield _draw_sheet(scored, sheet, folder)


def on_first_splits(cells: Iterable[ScoredCell]) -> Iterable[ScoredCell]:
    """The first block of each cell, without cells whose recipe came before on another split, which curves show."""
    splits: dict[tuple[str, str, str, str], str] = {}
    first: dict[str, ScoredCell] = {}
    for scored in cells:
        first.setdefault(scored.cell.key, scored)
    for scored in first.values():
        cell = scored.cell
        if splits.setdefault((cell.model, cell.recipe, cell.variant, cell.dataset), cell.split) == cell.split:
            yield scored


def label(cell: Cell) -> str:
    return f"{cell.model} {cell.recipe} ({cell.variant})"


def _draw_grid(scored: ScoredCell, kind: str, folder: Path) -> Drawn:
    """Write a grid as PNG: `kind` is an array of uint8 images [n, C, H, W]."""
    cell, name = scored.cell, f"{kind}-{scored.cell.key}"
    save_sheet(tile_grid(scored.samples[kind]), folder / f"{name}.png")
    what = f"{label(cell)} on {cell.dataset}, {cell.split}: {KINDS[kind]}"
    alt = f"Grid of images, {what}" + (", in the order of the generated ones." if kind == "neighbours" else ".")
    return Drawn(name, "grid", cell.paper, KINDS[kind], alt, False)


def _draw_sheet(scored: ScoredCell, name: str, folder: Path) -> Drawn:
    """Write a protocol's sheet, uint8 [rows, columns, C, H, W], as PNG."""
    cell, sheet, file = scored.cell, scored.samples[name], f"{name}-{scored.cell.key}"
    save_sheet(tile_grid(sheet.reshape(-1, *sheet.shape[2:]), sheet.shape[1], len(sheet)), folder / f"{file}.png")
    title = f"{label(cell)} on {cell.dataset}, seed {cell.seed_numbers[0]}: {SHEETS[name]}"
    return Drawn(file, "sheet", cell.paper, title, f"Sheet of images, {title}", False)


def tile_grid(images: np.ndarray, columns: int = TILES, lines: int = TILES) -> Image.Image:
    """At most columns × lines of uint8 images [n, C, H, W], enlarged by whole factors so that small ones show."""
    images = images[: columns * lines]
    n, channels, height, width = images.shape
    factor = max(1, 32 // max(height, width))
    images = images.repeat(factor, axis=2).repeat(factor, axis=3)
    columns, gap = min(columns, n), factor if factor > 1 else 2  # a sheet of enlarged images is an enlarged sheet
    lines = math.ceil(n / columns)
    step_down, step_across = height * factor + gap, width * factor + gap
    sheet = np.full((lines * step_down - gap, columns * step_across - gap, 3), 128, dtype=np.uint8)
    for place, image in enumerate(images):
        top, left = place // columns * step_down, place % columns * step_across
        pixels = image.transpose(1, 2, 0)  # [H, W, C]
        sheet[top : top + height * factor, left : left + width * factor] = pixels if channels == 3 else pixels[..., :1]
    return Image.fromarray(sheet if channels == 3 else sheet[..., 0])


def save_sheet(sheet: Image.Image, path: Path) -> None:
    """A PNG; a grey one in GREYS levels, which look like all 256 and take half of the bytes."""
    if sheet.mode == "L":
        levels = np.rint(np.asarray(sheet) / 255 * (GREYS - 1)).astype(np.uint8)
        sheet = Image.fromarray(levels).convert("P")
        sheet.putpalette(np.rint(np.arange(GREYS) * 255 / (GREYS - 1)).astype(np.uint8).repeat(3).tolist())
        sheet.save(path, optimize=True, bits=4)
    else:
        sheet.save(path, optimize=True)


def _draw_points(scored: ScoredCell, folder: Path) -> Drawn:
    """The data, seed 0 early in training, and every seed's samples at the end: all panels in one pair of axes."""
    samples, cell, name = scored.samples, scored.cell, f"points-{scored.cell.key}"
    panels: list[tuple[str, np.ndarray, str]] = []  # title, points, colour
    if "real" in samples:
        panels.append(("data", samples["real"], FAINT))
    if "early_points" in samples:
        panels.append((f"seed {cell.seed_numbers[0]}, early", samples["early_points"][0], SERIES[2]))
    succeeded, noise = _succeeded(scored.table)
    for seed, points in list(zip(cell.seed_numbers, samples["points"], strict=False))[:MOST]:
        good = succeeded.get(seed)
        mark = {True: " ●", False: " ✕", None: ""}[good]
        panels.append((f"seed {seed}{mark}", points, SERIES[1] if good is False else SERIES[0]))
    lines = math.ceil(len(panels) / PANELS)
    with canvas(9.6, 9.6 / PANELS * 1.16 * lines + 0.05) as figure:
        axes = figure.add_axes((0.002, 0.002, 0.996, 0.996))
        _place_panels(axes, panels, lines)
        save(figure, folder, name)
    count = sum(succeeded.values())
    drawn_with = f"Drawn with {noise.replace('-', ' ')}, " if noise else ""
    outcome = f" {drawn_with}{count} of {len(succeeded)} seeds succeed (●), the others do not (✕)." if succeeded else ""
    drawn = "every seed" if len(cell.seed_numbers) <= MOST else f"{MOST} of {len(cell.seed_numbers)} seeds"
    title = f"{label(cell)}: data, early samples and the samples of {drawn}.{outcome}"
    return Drawn(name, "points", cell.paper, title, f"Scatter plots of toy points, {title}", True)


def _place_panels(axes: Axes, panels: list[tuple[str, np.ndarray, str]], lines: int) -> None:
    reach, pitch, drop = 1.15, 2.5, 2.9
    axes.set_xlim(-1.25, PANELS * pitch - 1.25)
    axes.set_ylim(-lines * drop + 1.65, 1.65)
    axes.set_axis_off()
    for place, (title, points, colour) in enumerate(panels):
        x, y = place % PANELS * pitch, -(place // PANELS) * drop
        drawn = points[:POINTS].astype(np.float64)
        drawn = drawn[np.isfinite(drawn).all(axis=1)]
        drawn = np.clip(drawn, -reach, reach) + (x, y)
        axes.plot(drawn[:, 0], drawn[:, 1], ".", color=colour, markersize=1.7, markeredgewidth=0, rasterized=True)
        frame = Rectangle((x - reach, y - reach), 2 * reach, 2 * reach, fill=False, edgecolor=FAINT, linewidth=0.5)
        axes.add_patch(frame)
        axes.text(x - reach, y + reach + 0.1, title, fontsize=6.5, color=INK)


def _succeeded(table: pd.DataFrame) -> tuple[dict[int, bool], str]:
    """Whether each seed succeeded at its last step, and of which noise: the display noise where samples have two."""
    rows = table.loc[table["metric"] == "success"]
    if rows.empty:
        return {}, ""
    noise = sorted(set(rows["metric_variant"].tolist()))[0]
    rows = rows.loc[(rows["metric_variant"] == noise) & (rows["step"] == rows["step"].max())]
    pairs = zip(rows["seed"].tolist(), rows["value"].tolist(), strict=True)
    return {int(seed): value == 1.0 for seed, value in pairs}, noise
