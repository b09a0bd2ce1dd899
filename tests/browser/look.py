"""Prints every fault of a page and, where a folder is named, takes pictures of it: each view closed, and as PDF.

uv run python -m tests.browser.look PAGE [FOLDER]
"""

from __future__ import annotations

import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

from tests.browser.checks import OF_PAGE, OF_SCHEME, OF_VIEW, VIEWS, Visit, launch


def tell(place: str, faults: list[str]) -> None:
    for fault in faults:
        print(f"{place}: {fault}")


def look(path: Path, folder: Path | None) -> None:
    with sync_playwright() as playwright, launch(playwright) as browser:
        visit = Visit(browser.new_page(), path)
        for view in VIEWS:
            visit.show(view)
            for name, check in {**OF_VIEW, **OF_SCHEME}.items():
                tell(f"{view} {name}", check(visit))
            if folder and view.media == "screen" and not view.opened:  # a page with all open is too high for a picture
                visit.page.screenshot(path=folder / f"{view}.png", full_page=True, timeout=0)
        if folder:
            visit.page.pdf(path=folder / "page.pdf", format="A4")
        for name, check in OF_PAGE.items():
            tell(name, check(visit))


if __name__ == "__main__":
    look(Path(sys.argv[1]), Path(sys.argv[2]) if len(sys.argv) > 2 else None)
