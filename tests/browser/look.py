"""Prints every fault of a page and, where a folder is named, takes a picture of each view of it.

uv run python -m tests.browser.look PAGE [FOLDER]
"""

from __future__ import annotations

import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

from tests.browser.checks import OF_PAGE, OF_VIEW, VIEWS, Visit, accessibility, launch


def tell(place: str, faults: list[str]) -> None:
    for fault in faults:
        print(f"{place}: {fault}")


def look(path: Path, folder: Path | None) -> None:
    with sync_playwright() as playwright, launch(playwright) as browser:
        visit = Visit(browser.new_page(), path)
        for view in VIEWS:
            visit.show(view)
            of_view = OF_VIEW if view.media == "print" else {**OF_VIEW, "accessibility": accessibility}
            for name, check in of_view.items():
                tell(f"{view} {name}", check(visit))
            if folder:
                visit.page.screenshot(path=folder / f"{view}.png", full_page=True)
        if folder:
            visit.page.pdf(path=folder / "page.pdf", format="A4")
        for name, check in OF_PAGE.items():
            tell(name, check(visit))


if __name__ == "__main__":
    look(Path(sys.argv[1]), Path(sys.argv[2]) if len(sys.argv) > 2 else None)
