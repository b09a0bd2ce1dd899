"""Faults of a page that only a browser sees. Each check takes a page and returns sentences, none where all is well."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import unquote

if TYPE_CHECKING:
    from playwright.sync_api import Browser, ConsoleMessage, Page, Playwright

HERE = Path(__file__).parent
BROWSERS = ("chromium", "google-chrome", "google-chrome-stable", "chromium-browser")
MAX_BYTES = 2_000_000
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice"]
CONTRAST = 4.5  # also of large text, to which axe would allow 3


@dataclass(frozen=True)
class View:
    """How a reader looks at the page: width of the window in pixels, colour scheme, screen or paper, details open."""

    width: int
    scheme: Literal["light", "dark"] = "light"
    media: Literal["screen", "print"] = "screen"
    opened: bool = True

    def __str__(self) -> str:
        return f"{self.width}-{self.scheme}-{self.media}-{'open' if self.opened else 'closed'}"


A4_WIDTH = 718  # pixels between the margins of 1 cm of an A4 page
SCREENS = [View(width, scheme) for width in (1280, 390) for scheme in ("light", "dark")]
OPENED = [*SCREENS, View(A4_WIDTH, "light", "print")]
VIEWS = [*OPENED, *(View(view.width, view.scheme, view.media, opened=False) for view in OPENED)]


def chromium() -> str | None:
    """The path of the machine's Chromium or Chrome, None where it has none."""
    return next((path for name in BROWSERS if (path := shutil.which(name))), None)


def launch(playwright: Playwright) -> Browser:
    return playwright.chromium.launch(executable_path=chromium(), args=["--no-sandbox"])


@dataclass
class Visit:
    """A page opened from a file, with all that it asked for and complained of since."""

    page: Page
    path: Path
    requests: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.page.route("**/*", lambda route: route.continue_() if route.request.url == self.url else route.abort())
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.on("console", self.hear)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.reload()

    @property
    def url(self) -> str:
        return self.path.resolve().as_uri()

    def hear(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.complaints.append(message.text)

    def reload(self) -> None:
        self.page.goto(self.url)

    def ask(self, question: str, argument: Any = None) -> Any:
        """The answer of a function in layout.js or keyboard.js."""
        if not self.page.evaluate("'keyboard' in globalThis"):
            for name in ("layout", "keyboard"):
                self.page.evaluate((HERE / f"{name}.js").read_text())
        return self.page.evaluate(f"argument => ({question})(argument)", argument)

    def show(self, view: View) -> None:
        self.page.set_viewport_size({"width": view.width, "height": 800})
        self.page.emulate_media(color_scheme=view.scheme, media=view.media, reduced_motion="reduce")
        self.page.evaluate(
            """opened => { for (const details of document.querySelectorAll("details")) {
                details.removeAttribute("name");  // of details that share a name only one is open at a time
                details.open = opened;
            } }""",
            view.opened,
        )


def requests(visit: Visit) -> list[str]:
    """What the page asked for besides itself."""
    fine = ("data:", "blob:", "about:")
    return [f"the page asks for {url}" for url in visit.requests if url != visit.url and not url.startswith(fine)]


def complaints(visit: Visit) -> list[str]:
    return [f"the console says: {text}" for text in visit.complaints]


def size(visit: Visit) -> list[str]:
    written = visit.path.stat().st_size
    return [f"the file has {written:,} bytes, more than {MAX_BYTES:,}"] if written > MAX_BYTES else []


def viewport(visit: Visit) -> list[str]:
    content = visit.page.evaluate("document.querySelector('meta[name=viewport]')?.content ?? ''")
    return [] if "width=device-width" in content.replace(" ", "") else ["a phone would show the page 980 pixels wide"]


def targets(visit: Visit) -> list[str]:
    """Links to a part of the page that is not there, or to a file that is not there."""
    faults = []
    ids = set(visit.page.evaluate("[...document.querySelectorAll('[id]')].map(element => element.id)"))
    for link in visit.page.evaluate("[...document.querySelectorAll('a')].map(link => link.getAttribute('href') ?? '')"):
        path, _, fragment = link.partition("#")
        if not path:
            there = unquote(fragment) in ids
        else:
            there = ":" in path.split("/")[0] or (visit.path.parent / unquote(path)).exists()
        if not there:
            faults.append(f"the link to “{link}” leads nowhere")
    return sorted(set(faults))


def accessibility(visit: Visit) -> list[str]:
    """Violations of axe-core's rules but that of contrast, which looks at every letter."""
    rules = {"runOnly": TAGS, "rules": {"color-contrast": {"enabled": False}}}
    return axe(visit, "{ exclude: ['svg > *'] }", rules)


def contrast(visit: Visit) -> list[str]:
    """Text too pale for its ground, by axe-core, in one element of each kind of text."""
    return axe(visit, "layout.textKinds()", {"runOnly": ["color-contrast"]})


def axe(visit: Visit, parts: str, options: dict[str, Any]) -> list[str]:
    from axe_playwright_python.base import AXE_SCRIPT

    if not visit.page.evaluate("'axe' in globalThis"):
        visit.page.evaluate(AXE_SCRIPT)
    question = f"""([options, expected]) => {{
        const contrastRatio = {{ normal: {{ expected }}, large: {{ expected }} }};
        axe.configure({{ checks: [{{ id: "color-contrast", options: {{ ignoreLength: true, contrastRatio }} }}] }});
        return axe.run({parts}, {{ resultTypes: ["violations"], preload: false, ...options }});
    }}"""
    return [
        f"{rule['id']}: {' '.join(map(str, node['target']))}: {' '.join(node['failureSummary'].split())}"
        for rule in visit.ask(question, [options, CONTRAST])["violations"]
        for node in rule["nodes"]
    ]


def tabbing(visit: Visit) -> list[str]:
    """Tab stops at each link, summary and scrolling box, in the document's order, and the focus is seen there."""
    for _ in range(visit.ask("keyboard.watch") + 1):
        visit.page.keyboard.down("Tab")
    visit.page.keyboard.up("Tab")
    return visit.ask("keyboard.visits")


def toggling(visit: Visit) -> list[str]:
    """Enter and Space open and close each details."""
    for at in range(visit.ask("keyboard.watchToggles")):
        visit.ask("keyboard.focusSummary", at)
        for key in ("Enter", "Space"):
            visit.page.keyboard.press(key)
    return visit.ask("keyboard.toggles")


def arriving(visit: Visit) -> list[str]:
    """A link into a part of the page brings it into sight; one in a nav opens the details that it points into."""
    return visit.ask("keyboard.arrivals")


def asked(name: str) -> Callable[[Visit], list[str]]:
    return lambda visit: visit.ask(f"layout.{name}")


LAYOUT = ("sideways", "overlaps", "clipped", "unreachable", "breakable", "headers")
OF_VIEW = {name: asked(name) for name in LAYOUT}
OF_SCHEME = {"contrast": contrast, "accessibility": accessibility}
OF_PAGE = {
    **{name: asked(name) for name in ("pictures", "identifiers")},
    **{check.__name__: check for check in (size, viewport, targets, tabbing, toggling, arriving, requests, complaints)},
}
