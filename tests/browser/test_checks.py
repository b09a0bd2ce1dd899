"""Each check of a page passes a sound page and refuses impostors, pages with a single fault."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.browser.checks import A4_WIDTH, OF_PAGE, OF_SCHEME, OF_VIEW, VIEWS, View, Visit

pytestmark = pytest.mark.browser

CHECKS = {**OF_VIEW, **OF_SCHEME, **OF_PAGE}
WIDE, NARROW, PRINT = View(1280), View(390), View(A4_WIDTH, media="print")
DARK, CLOSED = View(1280, "dark"), View(1280, opened=False)
DOT = "data:image/gif;base64,R0lGODlhAQABAIAAAP8AAAAAACwAAAAAAQABAAACAkQBADs="
DOTTED = "overflow:hidden;white-space:nowrap;text-overflow:ellipsis;width:5em"
CLAMPED = "display:-webkit-box;-webkit-box-orient:vertical;-webkit-line-clamp:1;overflow:hidden"
ROW = "<tr><th scope='row'>a row</th>" + "<td>a wide cell</td>" * 12 + "</tr>"

# What looks like a fault and is none: text hidden from sight but not from screen readers, raised signs, wrapped links,
# cells scrolled out of their box, and a table in details that are closed at first.
SOUND = f"""<!doctype html><html lang="en"><head><meta charset="utf-8"><title>A sound page</title>
<meta name="viewport" content="width=device-width,initial-scale=1"><style>
body {{ margin: 1em; font: 15px/1.5 sans-serif; color: #222; background: #fff }} a {{ color: #1d5a94 }}
@media (prefers-color-scheme: dark) {{ body {{ color: #eee; background: #111 }} a {{ color: #8dbbe6 }} }}
.rolling {{ overflow-x: auto }} td {{ white-space: nowrap }} tr, figure {{ break-inside: avoid }}
.spoken {{ position: absolute; width: 1px; height: 1px; overflow: hidden; white-space: nowrap }}
@media print {{ .rolling {{ overflow: visible }} td {{ white-space: normal }} }}
</style></head><body><nav aria-label="sections"><a href="#table">Table</a> <a href="#end">End</a></nav>
<main><h1>Sound</h1>
<p>Text<sup>2</sup> of several lines with <a href="#end">a link that wraps when the window is narrow enough for it</a>,
<span class="spoken">words for a screen reader alone,</span> H<sub>2</sub>O and <b>bold</b> words, on and on.</p>
<details><summary>More</summary><h2 id="table">Table</h2>
<div class="rolling" tabindex="0" role="region" aria-label="Table"><table><thead>
<tr><th scope="col">name</th>{'<th scope="col">value</th>' * 12}</tr></thead><tbody>{ROW * 2}</tbody></table></div>
</details><figure><img src="{DOT}" alt="a dot" width="40" height="40"><figcaption>Dot</figcaption></figure>
<h2 id="end">End</h2><p>It ends <a href="https://example.org/">here</a>.</p>
<!-- here be faults --></main></body></html>"""


def styled(css: str) -> str:
    return f"<style>{css}</style>"


IMPOSTORS = [
    ("sideways", NARROW, "<p style='width:600px'>wide</p>"),
    ("sideways", WIDE, "<table><tr><th scope='row'>" + "unbroken" * 200 + "</th></tr></table>"),
    ("sideways", NARROW, "<details><summary>More</summary><pre>" + "long " * 40 + "</pre></details>"),
    ("sideways", PRINT, styled("@media print { h1 { width: 900px } }")),
    ("overlaps", WIDE, "<p>above</p><p style='margin-top:-30px'>below</p>"),
    ("overlaps", WIDE, "<p>a <span style='position:relative;left:-9px'>span</span></p>"),
    ("overlaps", WIDE, "<p style='line-height:.5;width:5em'>lines that lie on each other</p>"),
    ("overlaps", WIDE, f"<p>text</p><img src='{DOT}' alt='a dot' height='30' style='position:relative;top:-40px'>"),
    ("overlaps", NARROW, "<svg viewBox='0 0 90 30' width='90'><text y='20'>one</text><text y='22'>two</text></svg>"),
    ("overlaps", DARK, styled("@media (prefers-color-scheme: dark) { h2 { margin-top: -60px } }")),
    ("clipped", WIDE, "<div style='overflow:hidden;width:3em'><p style='width:20em'>text that is cut off</p></div>"),
    ("clipped", WIDE, "<p style='overflow:hidden;height:1em'>text of<br>two lines</p>"),
    ("clipped", WIDE, f"<p style='{DOTTED}'>more than the box has room for</p>"),
    ("clipped", WIDE, f"<p style='{CLAMPED}'>clamped text of<br>two lines</p>"),
    ("clipped", NARROW, styled("body { overflow-x: hidden }") + "<p style='width:600px;text-align:right'>far away</p>"),
    ("clipped", WIDE, "<p style='margin-left:-2em'>begins outside</p>"),
    ("clipped", PRINT, styled("@media print { .rolling { overflow: auto; width: 9em } td { white-space: nowrap } }")),
    ("unreachable", WIDE, "<pre style='overflow:auto;width:5em' role='group' aria-label='A'>text too wide</pre>"),
    ("unreachable", WIDE, "<pre style='overflow:auto;width:5em' tabindex='0'>without a name</pre>"),
    ("breakable", PRINT, styled("tr { break-inside: auto }")),
    ("breakable", PRINT, styled("figure { break-inside: auto }")),
    ("breakable", PRINT, "<figure style='height:1200px'>higher than a page</figure>"),
    ("headers", WIDE, "<table><tr><td>no header</td></tr></table>"),
    ("headers", WIDE, "<table><tr><th>no scope</th></tr></table>"),
    ("pictures", CLOSED, "<img src='data:image/gif;base64,R0lGOD' alt='broken'>"),
    ("pictures", CLOSED, f"<img src='{DOT}' alt=' '>"),
    ("pictures", CLOSED, f"<img src='{DOT}'>"),
    ("identifiers", WIDE, "<p id='end'>a second end</p>"),
    ("size", WIDE, f"<!--{'x' * 2_000_000}-->"),
    ("viewport", WIDE, "<script>document.querySelector('meta[name=viewport]').remove()</script>"),
    ("targets", WIDE, "<a href='#nowhere'>a link</a>"),
    ("targets", WIDE, "<a href='#'>a link</a>"),
    ("targets", WIDE, "<a href='other.html'>a link</a>"),
    ("requests", WIDE, "<img src='https://example.org/dot.png' alt='a dot'>"),
    ("requests", WIDE, "<link rel='stylesheet' href='style.css'>"),
    ("requests", WIDE, styled("@font-face { font-family: F; src: url(https://example.org/f) } h1 { font-family: F }")),
    ("complaints", WIDE, "<script>console.error('no')</script>"),
    ("complaints", WIDE, "<script>undefined.no</script>"),
    ("tabbing", WIDE, "<a href='#end' style='outline:none'>a link</a>"),
    ("tabbing", WIDE, "<a href='#end' style='outline-color:transparent'>a link</a>"),
    ("tabbing", WIDE, "<a href='#end' tabindex='1'>out of order</a>"),
    ("tabbing", WIDE, "<a href='#end' onfocus='this.blur()'>a</a><script>onkeydown = e => e.preventDefault()</script>"),
    ("toggling", CLOSED, "<details onkeydown='return false' onkeyup='return false'><summary>No</summary>a</details>"),
    ("arriving", CLOSED, "<p id='shut' hidden>hidden</p><a href='#shut'>a link</a>"),
    ("arriving", CLOSED, "<p id='far' style='position:fixed;top:-99px'>far</p><a href='#far'>a link</a>"),
    ("arriving", CLOSED, "<div style='position:fixed;inset:0;background:#fff'></div>"),
    ("arriving", CLOSED, "<nav><a href='#shut'>a</a></nav><details id='shut'><summary>A</summary>a</details>"),
    ("contrast", WIDE, "<p style='color:#999'>pale</p>"),
    ("contrast", WIDE, "<p style='color:#999;font-size:40px'>large and pale</p>"),
    ("contrast", WIDE, "<p style='color:#999'>●</p>"),
    ("contrast", WIDE, "<details><summary>More</summary><p style='color:#999'>pale inside</p></details>"),
    ("contrast", CLOSED, styled("details:not([open]) { color: #999 }")),
    ("contrast", DARK, "<p style='color:#222'>dark on dark</p>"),
    ("accessibility", WIDE, "<h5>a level left out</h5>"),
    ("accessibility", WIDE, "</main><p>outside all landmarks</p>"),
    ("accessibility", WIDE, "<main>a second main part</main>"),
    ("accessibility", WIDE, "<table><tr><td scope='col'>a</td><td>b</td></tr><tr><td>a</td><td>b</td></tr></table>"),
    ("accessibility", WIDE, "<a href='#end'></a>"),
    ("accessibility", WIDE, "<script>document.documentElement.lang = ''</script>"),
    ("accessibility", WIDE, "<svg role='img' width='9' height='9'></svg>"),
]  # fmt: skip


@pytest.fixture(scope="module")
def opened(visit: Callable[[Path], Visit], tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Visit]:
    """A page with a fault added to it, always in the same tab."""
    path = tmp_path_factory.mktemp("pages") / "page.html"
    path.write_text(SOUND)
    tab = visit(path)

    def fill(fault: str) -> Visit:
        path.write_text(SOUND.replace("<!-- here be faults -->", fault))
        tab.requests.clear()
        tab.complaints.clear()
        tab.reload()
        return tab

    return fill


@pytest.mark.parametrize("view", VIEWS, ids=str)
def test_a_sound_page_passes_every_check(opened: Callable[[str], Visit], view: View) -> None:
    page = opened("")
    page.show(view)
    checks = OF_VIEW if view.media == "print" else CHECKS
    assert {name: faults for name, check in checks.items() if (faults := check(page))} == {}


@pytest.mark.parametrize(("name", "view", "fault"), IMPOSTORS)
def test_a_check_refuses_its_impostor(opened: Callable[[str], Visit], name: str, view: View, fault: str) -> None:
    page = opened(fault)
    page.show(view)
    assert CHECKS[name](page) != []


def test_every_check_has_an_impostor() -> None:
    assert {name for name, _, _ in IMPOSTORS} == set(CHECKS)
