"""The page of results as readers meet it: wide and narrow, light and dark, printed, by keyboard, by screen reader."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.browser.checks import OF_PAGE, OF_VIEW, VIEWS, View, Visit, accessibility, contrast

pytestmark = pytest.mark.browser
PAGE = Path(__file__).parents[2] / "reports/index.html"
NARROW = View(390)


@pytest.fixture(scope="module")
def page(visit: Callable[[Path], Visit]) -> Visit:
    if not PAGE.exists():
        pytest.skip("reports/index.html is not there: uv run dvc repro writes it")
    return visit(PAGE)


def assert_none(faults: list[str]) -> None:
    assert not faults, "\n".join(faults[:30])


@pytest.mark.parametrize("view", VIEWS, ids=str)
def test_every_view_is_laid_out_well(page: Visit, view: View) -> None:
    page.show(view)
    assert_none([fault for check in OF_VIEW.values() for fault in check(page)])


@pytest.mark.parametrize("view", [View(390, opened=False), View(1280)], ids=str)
def test_the_page_is_accessible(page: Visit, view: View) -> None:
    page.show(view)
    assert_none(accessibility(page) + contrast(page))


@pytest.mark.parametrize("view", [View(390, "dark", opened=False), View(1280, "dark")], ids=str)
def test_dark_text_has_contrast(page: Visit, view: View) -> None:
    page.show(view)
    assert_none(contrast(page))


@pytest.mark.parametrize("check", OF_PAGE.values(), ids=OF_PAGE)
def test_the_page_is_sound(page: Visit, check: Callable[[Visit], list[str]]) -> None:
    page.show(NARROW)
    assert_none(check(page))
