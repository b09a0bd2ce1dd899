"""The forest plot: every judged claim's difference with its 90 % interval, turned so that right is better."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

from matplotlib.axes import Axes

from replication.report.drawing import BAND, FAINT, INK, RULE, SERIES, canvas, save
from replication.report.for_dvc import Bar, bars
from replication.report.provenance import Drawn
from replication.report.wording import SHAPES
from replication.verdicts.claims import Claim
from replication.verdicts.verdict import Verdict

GROUPS = {
    "value": "Values: measured − published, in margins",
    "order": "Orders: the claim's side − the other, in negligible margins",
    "superiority": "Superiority: P(a run of the claim's side is better) − ½",
    "rate": "Rates: difference of the shares of runs",
    "bound": "Bounds: measured − bound, in bounds",
}


def draw_forest(claims: Sequence[Claim], verdicts: Sequence[Verdict], folder: Path) -> list[Drawn]:
    """Draw the bars; [] where no claim has an interval."""
    groups = bars(claims, verdicts)
    if not groups:
        return []
    heights = [len(members) * 0.24 + 0.75 for members in groups.values()]
    with canvas(9.6, sum(heights)) as figure:
        axes = figure.subplots(len(groups), 1, squeeze=False, height_ratios=heights).ravel()
        for panel, (kind, members) in zip(axes, groups.items(), strict=True):
            _draw_group(panel, kind, members)
        figure.tight_layout(h_pad=1.2)
        save(figure, folder, "forest")
    count = sum(map(len, groups.values()))
    title = f"{count} differences with 90 % intervals; right of 0 is better, the shaded band is within the margin."
    listed = "; ".join(f"{bar.claim} {bar.word}" for members in groups.values() for bar in members)
    return [Drawn("forest", "forest", "", title, f"Forest plot of {count} claims: {listed}.", True)]


def _draw_group(axes: Axes, kind: str, members: list[Bar]) -> None:
    axes.set_title(GROUPS[kind], fontsize=8.5, color=INK)
    axes.grid(visible=False)
    if kind in ("value", "order"):
        axes.set_xscale("symlog", linthresh=1.0, linscale=1.0)
        axes.axvspan(-1, 1, color=BAND, linewidth=0)
    axes.axvline(0, color=FAINT, linewidth=0.8)
    for line, bar in enumerate(members):
        shape = SHAPES[bar.word]
        against = bar.word in ("not replicated", "reversed")
        colour = SERIES[1] if against else SERIES[0] if bar.word in ("replicated", "differs, better") else INK
        axes.axhline(line, color=RULE, linewidth=0.4, zorder=0)
        axes.plot([bar.low, bar.high], [line, line], color=colour, linewidth=1.3, solid_capstyle="butt")
        face = colour if shape.filled else "white"
        axes.plot([bar.centre], [line], shape.marker, color=colour, markerfacecolor=face, markersize=6)
        axes.text(1.01, line, bar.word, transform=axes.get_yaxis_transform(), va="center", fontsize=7.5, color=INK)
    axes.set_yticks(range(len(members)), [bar.claim for bar in members])
    axes.set_ylim(len(members) - 0.4, -0.6)
    axes.tick_params(axis="y", length=0)
    least = 1.6 if kind in ("value", "order") else 0.1
    reach = max(least, *(abs(end) for bar in members for end in (bar.low, bar.high)))
    axes.set_xlim(-1.12 * reach, 1.12 * reach)
    if kind in ("value", "order"):
        powers = [10.0**power for power in range(int(math.log10(reach)) + 1)]
        ticks = [-power for power in reversed(powers)] + [0.0, *powers]
        axes.set_xticks(ticks, [f"{tick:g}".replace("-", "−") for tick in ticks])
        axes.minorticks_off()
