"""Figures as the pages hold them: the drawn files, inlined so that they follow light and dark."""

from __future__ import annotations

import base64
import html
import re
from collections.abc import Mapping
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

from PIL import Image

from replication.report.wording import slug

ENLARGED = (4, 3, 2)  # how many times small images are enlarged, as `samples.tile_grid` does
LONGEST = 45_000  # bytes of an SVG in the page
COLOURS = {  # of replication.report.drawing → variables of style.css
    "#1c1c1a": "var(--ink)",
    "#86867f": "var(--faint)",
    "#d9d9d3": "var(--rule)",
    "#edede8": "var(--band)",
    "#fffffe": "none",
    "#ffffff": "var(--paper)",
    "#0072b2": "var(--series-1)",
    "#d55e00": "var(--series-2)",
    "#009e73": "var(--series-3)",
    "#aa4499": "var(--series-4)",
    "#997700": "var(--series-5)",
}


@dataclass(frozen=True)
class Figure:
    name: str
    kind: str
    paper: str
    cell: str  # of an image grid
    title: str
    alt: str
    png: str  # path relative to the page
    svg: str  # "" where there is only a PNG
    folder: Path  # of the page

    @property
    def same(self) -> str:
        """What two profiles' figures of one thing share: the name but for the profile's."""
        return f"{self.kind} {self.name.replace(f'-{self.profile}-', '-')}"

    @property
    def profile(self) -> str:
        return self.png.split("/")[0]

    @property
    def width(self) -> int:
        """Pixels on the page at scale 1, from the drawn file."""
        if not self.svg:
            return int.from_bytes((self.folder / self.png).read_bytes()[16:20], "big")
        written = re.search(r'width="([\d.]+)pt"', (self.folder / self.svg).read_text(encoding="utf-8"))
        return round(float(written[1]) * 4 / 3) if written else 960

    @property
    def inline(self) -> str:
        """The picture as HTML: an SVG element where that is not much longer than an image whose bytes stand there."""
        image = (self.folder / self.png).stat().st_size
        if self.svg and (self.folder / self.svg).stat().st_size <= min(LONGEST, 3 * image):
            return inline_svg((self.folder / self.svg).read_text(encoding="utf-8"), slug(self.png), self.alt)
        content = (self.folder / self.png).read_bytes()
        embedded = unenlarged(content)
        pixels = ' class="pixels"' if embedded != content else ""
        source = f"data:image/png;base64,{base64.b64encode(embedded).decode('ascii')}"
        return f'<img{pixels} src="{source}" alt="{_escaped(self.alt)}" width="{self.width}">'


def unenlarged(content: bytes) -> bytes:
    """A PNG whose pixels all stand several times in either direction, each once; else as it is.

    Images of 8×8 are drawn enlarged, so that they show wherever the file is opened; in the page the browser enlarges
    them, from a third of the bytes.
    """
    with Image.open(BytesIO(content)) as image:
        for factor in ENLARGED:
            small = image.resize((image.width // factor, image.height // factor), Image.Resampling.NEAREST)
            if small.resize(image.size, Image.Resampling.NEAREST).tobytes() == image.tobytes():
                stream = BytesIO()
                small.save(stream, "png", optimize=True)
                return stream.getvalue()
    return content


def figure(record: Mapping[str, Any], folder: Path) -> Figure:
    """A figure from its record in provenance.json; `folder` is the report's, and the page lies beside it."""
    name = str(record["name"])
    place = f"{folder.name}/figures/{name}"
    svg = f"{place}.svg" if record["vector"] else ""
    cell = name.split("-", 1)[1] if record["kind"] == "grid" else ""
    kind, paper, title, alt = (str(record[field]) for field in ("kind", "paper", "title", "alt"))
    return Figure(name, kind, paper, cell, title, alt, f"{place}.png", svg, folder.parent)


def inline_svg(written: str, name: str, alt: str) -> str:
    """An SVG file's element with its own namespace of ids, its colours as variables and a text alternative."""
    body = written[written.index("<svg") :]
    body = re.sub(r"<metadata>.*?</metadata>", "", body, flags=re.DOTALL)
    body = re.sub(r'\bid="([^"]+)"', rf'id="{name}-\1"', body)
    body = re.sub(r'href="#([^"]+)"', rf'href="#{name}-\1"', body)
    body = re.sub(r"url\(#([^)]+)\)", rf"url(#{name}-\1)", body)
    for colour, variable in COLOURS.items():
        body = body.replace(colour, variable)
    opening, rest = body.split(">", 1)
    opening = re.sub(r' (width|height)="[^"]*"', "", opening)
    opening = re.sub(r' xmlns(:xlink)?="[^"]*"', "", opening).replace(' version="1.1"', "")
    return f'{opening} role="img" aria-label="{_escaped(alt)}">{rest.strip()}'


def _escaped(text: str) -> str:
    return html.escape(text, quote=False).replace('"', "&quot;")
