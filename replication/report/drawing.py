"""How figures look and are saved: one palette, equal bytes for equal data, no date inside."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import matplotlib
from matplotlib.artist import Artist
from matplotlib.figure import Figure
from PIL import Image

# The page replaces these colours by its own variables (render.inline_svg), so that figures follow light and dark.
INK = "#1c1c1a"
FAINT = "#86867f"
RULE = "#d9d9d3"
BAND = "#ededE8".lower()
PAPER = "#fffffe"
COLOURS = 24  # of a PNG
SERIES = ("#0072b2", "#d55e00", "#009e73", "#aa4499", "#997700")  # told apart by colour-blind readers too
STYLE: Any = {
    "svg.hashsalt": "gan-replication",
    "svg.fonttype": "none",
    "font.family": "DejaVu Sans",
    "font.size": 8.5,
    "axes.edgecolor": FAINT,
    "axes.labelcolor": INK,
    "axes.titlecolor": INK,
    "axes.titlesize": 8.5,
    "axes.titlelocation": "left",
    "axes.linewidth": 0.6,
    "axes.formatter.useoffset": False,
    "axes.grid": True,
    "axes.grid.axis": "y",
    "axes.axisbelow": True,
    "grid.color": RULE,
    "grid.linewidth": 0.5,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.facecolor": "none",
    "figure.facecolor": PAPER,
    "text.color": INK,
    "xtick.color": FAINT,
    "ytick.color": FAINT,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "xtick.labelsize": 7.5,
    "ytick.labelsize": 7.5,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "legend.frameon": False,
    "legend.labelcolor": INK,
}


@contextmanager
def canvas(width: float, height: float) -> Iterator[Figure]:
    """A figure of `width` × `height` inches in the suite's style."""
    with matplotlib.rc_context(rc=STYLE):
        yield Figure(figsize=(width, height))


def save(figure: Figure, folder: Path, name: str) -> None:
    """Write `name`.svg and `name`.png; call inside `canvas`, whose style holds the hash salt."""
    figure.set_layout_engine(None)  # `tight_layout` leaves one, for whose sake each file would be drawn twice
    figure.savefig(folder / f"{name}.svg", metadata={"Date": None, "Creator": None})
    drawn = io.BytesIO()
    figure.savefig(drawn, format="png", dpi=88, metadata={"Software": None})
    with Image.open(drawn) as image:  # a palette of them makes a file a third as long
        image.convert("RGB").quantize(COLOURS, Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE).save(
            folder / f"{name}.png", optimize=True
        )


def finish(
    figure: Figure,
    handles: Sequence[Artist],
    scales: str,
    folder: Path,
    name: str,
    *,
    across: int,
    length: float = 2.4,
    head: float = 0.3,
    foot: float = 0.16,
    pads: tuple[float, float] = (1.0, 0.8),
) -> None:
    """A legend in `across` columns above the panels, what their axes are below, and the files; panels without data
    are hidden. Heights are in inches, `pads` between panels in sizes of the font.
    """
    height = figure.get_size_inches()[1]
    for axes in figure.axes:
        axes.set_visible(axes.has_data())
    figure.legend(handles=handles, loc="upper left", ncols=across, bbox_to_anchor=(0.0, 1.0), handlelength=length)
    if scales:
        figure.text(0.995, 0.06 / height, scales, ha="right", va="bottom", color=FAINT, fontsize=7.5)
    figure.tight_layout(rect=(0, foot / height, 1, 1 - head / height), h_pad=pads[0], w_pad=pads[1])
    save(figure, folder, name)
