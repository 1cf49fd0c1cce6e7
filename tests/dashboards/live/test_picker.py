"""Of several studies on the live page the chosen one stays; keys open a trial and close it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from dashboards.live import layout
from tests import browser
from tests.browser import Tab
from tests.builders import build_study, build_trial, place_database, write_study
from tests.dashboards.serving import serve

_INTERVAL = 1_500  # milliseconds, so that a test need not wait for many of them
_LOOKS = 3
_PATIENCE = 120_000  # milliseconds: a busy machine draws a study in ten seconds, not in one


def _write(root: Path, name: str, *accuracies: float) -> None:
    trials = [build_trial(number, accuracy) for number, accuracy in enumerate(accuracies)]
    write_study(root, build_study(*trials, study=name, plan=name, question=f"What of {name}?"))


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = place_database(tmp_path_factory.mktemp("several") / "mlruns")
    _write(root, "first", 0.80, 0.82, 0.81)
    _write(root, "second", 0.70)
    _write(root, "third", 0.60)
    return root


@pytest.fixture(scope="module")
def tab(root: Path) -> Iterator[Tab]:
    browser.require()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(layout, "_LIST", _INTERVAL)
        patch.setattr(layout, "_POLL", _INTERVAL)
        with serve(root) as url, browser.start() as chromium:
            tab = Tab(chromium.new_page(viewport={"width": 1440, "height": 1000}))
            tab.page.set_default_timeout(_PATIENCE)
            tab.page.goto(url)
            tab.page.wait_for_selector("#board td")
            yield tab


def _shown(tab: Tab, name: str) -> None:
    tab.page.locator("#verdict", has_text=f"What of {name}?").wait_for()


def _picked(tab: Tab) -> str:
    return str(tab.page.evaluate("document.getElementById('picker').value"))


def _studies(tab: Tab) -> list[str]:
    return sorted(tab.page.locator("#picker option").all_inner_texts())


def test_the_chosen_study_stays_chosen_while_the_list_is_asked_for_again(tab: Tab) -> None:
    first = _picked(tab)
    _shown(tab, first)
    other = next(name for name in _studies(tab) if name != first)

    tab.page.locator("#picker").select_option(other)
    _shown(tab, other)
    tab.page.locator("#picker").select_option(other)  # the one that is shown

    for _ in range(_LOOKS):
        tab.page.wait_for_timeout(_INTERVAL)
        assert _picked(tab) == other
    _shown(tab, other)
    assert tab.errors == []


def test_it_stays_when_a_study_appears_and_when_the_page_is_loaded_anew(
    tab: Tab, root: Path
) -> None:
    tab.page.locator("#picker").select_option("second")
    _shown(tab, "second")

    _write(root, "fourth", 0.7)
    tab.page.wait_for_selector("#picker option[value=fourth]", state="attached")

    assert _studies(tab) == ["first", "fourth", "second", "third"]
    assert _picked(tab) == "second"
    _shown(tab, "second")
    tab.page.reload()
    _shown(tab, "second")
    assert _picked(tab) == "second"


def test_a_study_that_was_left_can_be_chosen_again(tab: Tab) -> None:
    for name in ("first", "second", "first"):
        tab.page.locator("#picker").select_option(name)
        _shown(tab, name)
        assert _picked(tab) == name
    assert tab.errors == []


@pytest.mark.parametrize("close", ["Escape", "Enter"])
def test_a_trial_is_opened_and_closed_by_keys_and_the_focus_comes_back(
    tab: Tab, close: str
) -> None:
    page = tab.page
    row = page.locator("#board tbody tr").nth(1)
    key = row.get_attribute("data-key")
    row.focus()
    page.keyboard.press("Enter")
    page.wait_for_selector("#trial:not([hidden])")
    page.wait_for_function("document.activeElement.id === 'close'")

    page.keyboard.press(close)  # Enter presses the button that has the focus

    page.wait_for_selector("#trial", state="hidden")
    page.wait_for_function("document.activeElement.tagName === 'TR'")
    assert page.evaluate("document.activeElement.dataset.key") == key
    assert tab.errors == []


def test_a_row_that_is_drawn_anew_keeps_the_focus_and_gets_it_back(tab: Tab, root: Path) -> None:
    page = tab.page
    page.locator("#picker").select_option("first")
    _shown(tab, "first")
    row = page.locator("#board tbody tr").nth(2)
    key = row.get_attribute("data-key")
    row.click()
    page.wait_for_function("document.activeElement.id === 'close'")

    page.locator("#board th button", has_text="minutes").dispatch_event("click")
    page.keyboard.press("Escape")
    page.wait_for_selector("#trial", state="hidden")
    assert page.evaluate("document.activeElement.dataset.key") == key
    page.locator("#board th button", has_text="minutes").dispatch_event("click")
    assert page.evaluate("document.activeElement.dataset.key") == key


def test_escape_does_nothing_where_no_trial_is_open(tab: Tab) -> None:
    tab.page.locator("#picker").focus()
    tab.page.keyboard.press("Escape")
    tab.page.wait_for_timeout(_INTERVAL)

    assert tab.page.evaluate("document.activeElement.id") == "picker"
    assert tab.errors == []


def test_the_page_with_an_open_trial_is_accessible(tab: Tab) -> None:
    tab.page.locator("#board tbody tr").first.click()
    tab.page.wait_for_selector("#trial:not([hidden]) .main-svg")

    assert tab.violations() == []
