"""The report as files, which a second one repeats by the byte, and the pages that are made from it."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from replication.config.params import load_params
from replication.foundation.errors import InputError
from replication.page import main
from replication.report.__main__ import main as write_report
from replication.report.build import build_report
from replication.report.pictures import inline_svg


class Page(HTMLParser):
    """A page's elements with their attributes, and the tags that do not nest."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.wrong: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_startendtag(tag, attrs)
        if tag not in ("meta", "img", "br", "link", "hr", "input"):
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.wrong.append(f"</{tag}> at {self.getpos()}")

    def values(self, *names: str) -> list[str]:
        return [str(attributes[name]) for _, attributes in self.elements for name in names if attributes.get(name)]


@pytest.fixture(scope="module")
def html(reported: Path) -> str:
    return (reported / "reports/index.html").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def markdown(reported: Path) -> str:
    """All Markdown pages, one after another."""
    pages = [reported / "reports/README.md", *sorted((reported / "reports/pages").glob("*.md"))]
    return "\n".join(page.read_text(encoding="utf-8") for page in pages)


def test_the_page_is_well_formed_and_loads_nothing(html: str) -> None:
    page = Page(html)
    assert not page.wrong and not page.open
    ids = page.values("id")
    assert len(ids) == len(set(ids))
    anchors = {anchor[1:] for anchor in page.values("href") if anchor.startswith("#")}
    assert anchors and anchors <= set(ids)
    loading = [tag for tag, _ in page.elements if tag in ("script", "link", "iframe", "object", "embed")]
    outside = page.values("src", "srcset", "data", "poster", "xlink:href")
    assert loading == ["script"] and all(address.startswith(("data:image/png;base64,", "#")) for address in outside)
    assert not re.search(r"@import|url\((?!#)", html)


def test_every_picture_says_what_it_shows(html: str) -> None:
    pictures = [attributes for tag, attributes in Page(html).elements if tag in ("img", "svg")]
    assert len(pictures) >= 8  # forest, two sets of curves, two toy figures, three grids
    assert all(names.get("alt") or names.get("aria-label") or names.get("viewbox") is None for names in pictures)


def test_links_and_pictures_of_the_markdown_pages_are_there(reported: Path) -> None:
    pages = [reported / "reports/README.md", *(reported / "reports/pages").glob("*.md")]
    link = re.compile(r"\]\((?!http)([^)#]+)\)")
    places = [(page, place) for page in pages for place in link.findall(page.read_text("utf-8"))]
    assert len(places) > 5 and not [place for page, place in places if not (page.parent / place).exists()]


def test_verdicts_stand_in_word_and_shape_and_text_of_the_benchmarks_is_escaped(html: str, markdown: str) -> None:
    row = next(line for line in markdown.splitlines() if "More steps lower the gap." in line)
    assert row.startswith("| ● replicated |") and "● " in re.sub(r"<[^>]+>", "", html)
    assert "Nets &lt;&amp; more&gt;" in html and "<& more>" not in html
    assert "50 % \\| at last" in markdown and "steps \\| k" in markdown


# A number with its n, where it was computed, why another is missing, what was published, how it is measured again.
SAID = (
    "(n = 5)", "A processor (2 cores)", "torch 2.11", "5 of 5 against 1 of 5", "There is no MNIST here.",
    "Nothing measures it.", "digits for the toy", "225 ± 2", "standard error over test examples",
    "learning rate 0.001; beta1 0.5", "dev-1", "Error rates of the rule", "uv run dvc repro", "duplicate rate",
    "uv run python -m replication.run cpu-k1",
)  # fmt: skip


def test_both_pages_say_it(html: str, markdown: str) -> None:
    words = re.sub(r"<[^>]+>", "", html)
    assert [text for text in SAID if text not in words or text not in markdown] == []


def test_a_table_row_has_as_many_cells_as_its_header(markdown: str) -> None:
    lines = markdown.splitlines()
    for number, line in enumerate(lines):
        if re.fullmatch(r"\|(---\|)+", line):
            columns = line.count("---")
            for row in lines[number - 1 :]:
                if not row.startswith("|"):
                    break
                assert len(re.findall(r"(?<!\\)\|", row)) == columns + 1, row


def test_only_what_the_reports_say_reaches_the_page(repository: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = {path: path.read_bytes() for path in (repository / "reports").rglob("*") if path.is_file()}
    shutil.rmtree(repository / "outputs")
    main([])
    assert "reports/index.html" in capsys.readouterr().out
    assert {path: path.read_bytes() for path in (repository / "reports").rglob("*") if path.is_file()} == before


def test_update_readme_rewrites_only_between_the_markers(repository: Path) -> None:
    readme = repository / "README.md"
    right = readme.read_text(encoding="utf-8")
    readme.write_text(right.replace("measured", "doubted"), encoding="utf-8")
    main(["--update-readme"])
    assert readme.read_text(encoding="utf-8") == right
    readme.write_text("# No markers\n", encoding="utf-8")
    with pytest.raises(InputError, match="tables:begin"):
        main(["--update-readme"])
    shutil.rmtree(repository / "reports")
    with pytest.raises(InputError, match="no report under reports/: run `uv run dvc repro`"):
        main([])


def test_inlined_drawings_keep_their_ids_apart() -> None:
    path = '<path id="a" style="fill: #1c1c1a"/><use href="#a"/>'
    inlined = inline_svg(f'<?xml?><svg xmlns="x" width="1pt" height="1pt">{path}</svg>', "first", 'A "plot"')
    assert 'id="first-a"' in inlined and 'href="#first-a"' in inlined and "var(--ink)" in inlined
    assert 'aria-label="A &quot;plot&quot;"' in inlined and "width" not in inlined


def content(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.integration
def test_a_second_report_has_the_same_bytes_whatever_else_lies_about(repository: Path) -> None:
    first = content(repository / "reports" / "cpu")
    (repository / "outputs/score/cpu/gan/cpu-old").mkdir()
    (repository / "outputs/score/cpu/gan/cpu-old/measurements.csv").write_text("nonsense", encoding="utf-8")
    write_report([])
    assert content(repository / "reports" / "cpu") == first
    assert {"measurements.csv", "verdicts.json", "provenance.json"} < set(first)


def test_provenance_alone_has_clocks_and_hosts_and_lists_every_file_with_its_hash_and_every_cell(
    reported: Path,
) -> None:
    files = content(reported / "reports/cpu")
    provenance = files.pop("provenance.json")
    written, telling = json.loads(provenance), (b"2020-01-01T00", b"somewhere")
    assert all(word in provenance for word in telling)
    assert not [name for name, data in files.items() if any(word in data for word in telling)]
    assert written["files"] == {name: hashlib.sha256(data).hexdigest() for name, data in files.items()}
    assert list(written["cells"]) == ["cpu-k1", "cpu-k5", "cpu-digits"]


def test_a_missing_cell_stops_the_report_and_leaves_the_old_one(repository: Path) -> None:
    (repository / "outputs/score/cpu/gan/cpu-k5/measurements.csv").unlink()
    before = content(repository / "reports")
    with pytest.raises(InputError, match="cpu-k5/measurements.csv: run `uv run dvc repro`"):
        build_report(load_params(), "cpu")
    assert content(repository / "reports") == before


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        (",toy-k5,", ",toy-k9,", "recipe 'toy-k9', but cell cpu-k5 has 'toy-k5'"),
        ("\ncpu,", "\npaper,", "profile 'paper', but cell cpu-k5 has 'cpu'"),
        (",40,4,", ",40,7,", r"seeds \[0, 1, 2, 3, 7\], but cell cpu-k5 has 0-4"),
        ("float32,0.", "float32,0.9", "measurements.csv is .* not what was measured: run `.*replication.score cpu-k5`"),
    ],
)
def test_a_table_of_another_cell_is_refused(repository: Path, old: str, new: str, sentence: str) -> None:
    path = repository / "outputs/score/cpu/gan/cpu-k5/measurements.csv"
    path.write_text(path.read_text(encoding="utf-8").replace(old, new), encoding="utf-8")
    with pytest.raises(InputError, match=sentence):
        build_report(load_params(), "cpu")


def write(path: Path, change: Callable[[Any], Any]) -> None:
    path.write_text(json.dumps(change(json.loads(path.read_text(encoding="utf-8")))), encoding="utf-8")


BROKEN: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
    "nothing": lambda _: {},
    "no recipes": lambda written: {name: value for name, value in written.items() if name != "recipes"},
    "figures of text": lambda written: {**written, "figures": "x"},
    "a figure of nothing": lambda written: {**written, "figures": [{}]},
    "cells in a list": lambda written: {**written, "cells": []},
    "a cell of nothing": lambda written: {**written, "cells": dict.fromkeys(written["cells"], {})},
    "an unknown device": lambda written: {**written, "device": 3},
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_report_with_broken_provenance_is_to_be_made_again(repository: Path, name: str) -> None:
    write(repository / "reports/cpu/provenance.json", BROKEN[name])
    with pytest.raises(InputError, match="provenance.json: .* Run `uv run dvc repro`"):
        main([])


def test_a_figure_that_was_edited_is_to_be_drawn_again(repository: Path) -> None:
    (repository / "reports/cpu/figures/forest.svg").write_text("no picture", encoding="utf-8")
    with pytest.raises(InputError, match="forest.svg is missing or not what was drawn"):
        main([])


def test_verdicts_of_other_indicative_evidence_are_to_be_made_again(repository: Path) -> None:
    path, extra = repository / "reports/cpu/verdicts.json", {"substitutes": "x", "reason": "x"}
    before = json.loads(path.read_text(encoding="utf-8"))
    extra |= {"direction": "no measurements", "comparison": None}
    count = len(before[0]["indicative"])
    write(path, lambda verdicts: [{**verdicts[0], "indicative": [extra] * (count + 1)}, *verdicts[1:]])
    with pytest.raises(InputError, match=rf"different claims \(such as {before[0]['claim']}\)"):
        main([])


def test_a_readme_in_another_encoding_is_named(repository: Path) -> None:
    (repository / "README.md").write_bytes(b"caf\xe9")
    with pytest.raises(InputError, match="README.md is no text in UTF-8"):
        main(["--update-readme"])
