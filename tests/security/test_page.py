"""Texts of strangers reach the page as text, and hostile archives of records do not reach the report."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from replication.config.params import load_params
from replication.foundation.errors import InputError
from replication.page import write_page
from replication.record import take_in
from replication.report.build import build_report
from tests.record.conftest import archive as packed
from tests.record.conftest import no_figures  # noqa: F401 — of every test here
from tests.report.test_pages import Page
from tests.security.held import RAN, listing, pickled

EVIL = "<script>alert(1)</script><img src=x onerror=alert(2)>'\"><b>"
KEY = "paper-k1"
TEXTS = ("The hit rate tends to 50 % | at last.", "Gaps are compared.", "Five points.", "A model", "Scores",
         '"steps | k"', "The toy recipe", "Nothing measures it.", '"Nets <& more>"', "A. Author")  # fmt: skip


def test_no_text_becomes_an_element_of_the_page(repository: Path) -> None:
    claims = repository / "benchmarks/gan2014.yaml"
    quoted = json.dumps(EVIL)
    text = claims.read_text(encoding="utf-8")
    for old in TEXTS:
        assert old in text
        text = text.replace(old, quoted)
    claims.write_text(text, encoding="utf-8")
    for file in (repository / "outputs/score/cpu/gan").glob("*/provenance.json"):
        written = json.loads(file.read_text(encoding="utf-8"))
        written["environment"]["device"] = EVIL
        written["clock"]["host"] = EVIL
        file.write_text(json.dumps(written), encoding="utf-8")
    build_report(load_params(), "cpu")
    write_page(load_params())
    page = (repository / "reports/index.html").read_text(encoding="utf-8")
    assert "&lt;script&gt;alert(1)" in page
    elements = Page(page).elements
    assert not [tag for tag, attributes in elements if tag == "img" and attributes.get("src") == "x"]
    assert not [name for _, attributes in elements for name in attributes if name.startswith("on")]
    assert [tag for tag, _ in elements].count("script") == 1
    for file in (repository / "reports").rglob("*.md"):
        assert not re.search(r"(?<!\\)<(script|img src=x)", file.read_text(encoding="utf-8")), file


def listing_more(content: dict[str, bytes]) -> Path:
    manifest = json.dumps({"files": {"../../etc/passwd": "0" * 64}}).encode()
    return packed({"manifest.json": manifest, **content}, rehash=False)


def changed(old: bytes, new: bytes, name: str = KEY) -> Callable[[dict[str, bytes]], Path]:
    """Another text in every file, and another name of their folder."""
    return lambda content: packed({n.replace(KEY, name): d.replace(old, new) for n, d in content.items()})


HOSTILE: dict[str, Callable[[dict[str, bytes]], Path]] = {
    "a manifest that names a file outside": listing_more,
    "a cell of another name": changed(b"", b"", f"{KEY}/../x"),
    "a pickle for samples": lambda content: packed({**content, f"{KEY}/samples.npz": pickled()}),
    "a part of 10^11 seeds": changed(b'"0-2"', b'"0-99999999999"', f"{KEY}+0-99999999999"),
    "a provenance of another cell": changed(b'"cell": "paper-k1"', b'"cell": "paper-k5"'),
    "a provenance in depth": lambda content: packed({**content, f"{KEY}/provenance.json": b"[" * 100_000}),
    "a device that is markup": changed(b'"device": "cpu"', json.dumps({"device": EVIL})[1:-1].encode()),
    "rows of another profile": changed(b"paper,gan2014", b"cpu,gan2014"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_record_leaves_nothing(repository: Path, name: str) -> None:
    folder = repository / "outputs/score/paper/gan" / KEY
    content = {f"{KEY}/{path.name}": path.read_bytes() for path in sorted(folder.iterdir())}
    archive = HOSTILE[name](content)
    before = listing(repository.parent)
    with pytest.raises(InputError) as refused:
        take_in([archive], load_params())
    assert "\n" not in str(refused.value) and len(str(refused.value)) < 2000
    assert listing(repository.parent) == before and not RAN.exists()
