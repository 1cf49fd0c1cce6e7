"""The built page in a real browser: it draws, sorts, filters, and asks nobody for anything."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from dashboards.figures import FIGURES
from dashboards.page.compose import PageSource, page
from tests import browser
from tests.browser import Tab
from tests.builders import build_search
from tests.dashboards.odd import ODD

MARKS = {
    "accuracy": ".scatterlayer .point",
    "progress": ".scatterlayer .point",
    "overfitting": ".scatterlayer .point",
    "overlay": ".scatterlayer path.js-line",
    "gap": ".scatterlayer .point",
    "cost": ".scatterlayer .point",
    "importance": ".barlayer .point",
    "parallel": ".parcoords .axis",
    "slices": ".scatterlayer .point",
    "contour": ".contourlayer path, .heatmaplayer image",
    "health": ".barlayer .point",
    "race": ".scatterlayer path.js-line",
}


@pytest.fixture(scope="module")
def chromium() -> Iterator[object]:
    browser.require()
    with browser.start() as started:
        yield started


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pages")
    search = build_search(40, 3)
    sources = {"search": PageSource("http://127.0.0.1:5000/#/experiments/1/runs/", None)}
    (folder / "search.html").write_text(page([search], sources), "utf-8")
    other = replace(search, plan=replace(search.plan, study="other"))
    (folder / "two.html").write_text(page([search, other]), "utf-8")
    (folder / "tutorials.html").write_text(page([ODD["a reproduction"]]), "utf-8")
    hostile = {"<script>alert(1)</script>": PageSource("javascript:alert(7)//", None)}
    (folder / "hostile.html").write_text(page([ODD["hostile"]], hostile), "utf-8")
    return folder


def _open(chromium, file: Path, *, draw: bool = True, **options) -> Tab:
    tab = Tab(chromium.new_page(**options))
    tab.page.goto(file.as_uri())
    tab.page.wait_for_selector("#board td")
    if draw:
        tab.page.evaluate("seqsearch.drawAll()")
        tab.page.wait_for_function(
            "[...document.querySelectorAll('.plot')].every((p) => p.querySelector('.main-svg'))"
        )
    return tab


@pytest.fixture(scope="module")
def drawn(chromium, folder: Path) -> Iterator[Tab]:
    """A page with all its figures, for tests that leave it as it is."""
    tab = _open(chromium, folder / "search.html", viewport={"width": 1440, "height": 900})
    yield tab
    tab.page.close()


@pytest.fixture
def tab(chromium, folder: Path) -> Iterator[Tab]:
    tab = _open(chromium, folder / "search.html", draw=False)
    yield tab
    tab.page.close()


def test_every_figure_has_its_marks_and_nothing_goes_wrong(drawn: Tab) -> None:
    tab = drawn
    tab.page.wait_for_timeout(500)

    for name, marks in MARKS.items():
        assert tab.count(f"#plot-{name} :is({marks})") > 0, name
    assert set(FIGURES) - set(MARKS) == {"published"}  # of reproductions only
    assert tab.errors == []
    assert tab.hosts == {""}  # the file itself


def test_a_figure_is_drawn_only_when_it_comes_near_the_view(chromium, folder: Path) -> None:
    tab = _open(chromium, folder / "search.html", draw=False)
    tab.page.wait_for_timeout(300)

    assert tab.count("#plot-health .main-svg") == 0
    tab.page.locator("#health").scroll_into_view_if_needed()
    tab.page.wait_for_selector("#plot-health .main-svg")
    tab.page.close()


def _column(tab: Tab, name: str) -> list[str]:
    heads = tab.page.locator("#board th").all_inner_texts()
    place = next(n for n, head in enumerate(heads) if head.split(" ▲")[0].split(" ▼")[0] == name)
    return tab.page.locator(f"#board tbody td:nth-child({place + 1})").all_inner_texts()


def test_the_leaderboard_sorts_by_a_click_on_a_columns_name(tab: Tab) -> None:
    button = tab.page.locator("#board th button", has_text="minutes")

    button.click()
    down = [float(text) for text in _column(tab, "minutes")]
    button.click()
    up = [float(text) for text in _column(tab, "minutes")]

    assert down == sorted(down, reverse=True)
    assert up == sorted(up)
    assert tab.page.locator("#board th[aria-sort=ascending]").count() == 1


def test_the_leaderboard_filters_by_family_state_and_words(tab: Tab) -> None:
    study = build_search(40, 3)
    lstm = [t for t in study.trials if t.family == "lstm" and t.state == "pruned"]

    tab.page.locator("select[data-name=family]").select_option("lstm")
    tab.page.locator("select[data-name=state]").select_option("pruned")

    assert tab.page.locator("#board .count").first.inner_text() == f"{len(lstm)} of 40 trials"
    tab.page.get_by_label("Search all columns").fill("nothing like it")
    assert tab.page.locator("#board .count").first.inner_text() == "0 of 40 trials"


def test_a_trials_number_opens_its_mlflow_run(tab: Tab) -> None:
    link = tab.page.locator("#board tbody a").first

    best = build_search(40, 3).candidates[0]
    assert link.inner_text() == str(best.number)
    assert link.get_attribute("href").endswith(f"/#/experiments/1/runs/{best.run_id}")


def test_a_click_on_a_point_finds_the_trial_in_the_leaderboard(drawn: Tab) -> None:
    tab = drawn
    tab.page.evaluate(
        "document.getElementById('plot-gap')"
        ".emit('plotly_click', {points: [{customdata: ['search', 7]}]})"
    )

    row = tab.page.locator("#board tr.chosen")
    assert row.count() == 1
    assert row.locator("a").inner_text() == "7"


def test_the_csv_holds_what_is_shown_and_no_formula(chromium, folder: Path) -> None:
    tab = _open(chromium, folder / "hostile.html", draw=False)
    with tab.page.expect_download() as download:
        tab.page.locator("#board button", has_text="Download CSV").click()

    text = Path(download.value.path()).read_text("utf-8-sig")
    rows = list(csv.reader(io.StringIO(text)))
    assert len(rows) == 1 + len(ODD["hostile"].trials)
    assert len({len(row) for row in rows}) == 1
    for cell in (cell for row in rows for cell in row):
        assert not cell.startswith(("=", "+", "@", "\t", "\r"))
        assert not cell.startswith("-") or float(cell) < 0
    tab.page.close()


def test_hostile_texts_run_nothing_and_break_nothing(chromium, folder: Path) -> None:
    tab = _open(chromium, folder / "hostile.html")
    tab.page.wait_for_timeout(300)

    assert tab.errors == []
    assert tab.hosts == {""}
    assert tab.count("img") == 0
    for link in tab.page.locator("a").all():
        assert link.get_attribute("href").startswith("#")
    assert tab.count("svg a") == 0
    assert tab.page.locator("h1").inner_text() == "<script>alert(1)</script>"
    assert tab.page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    tab.page.close()


def test_the_page_is_accessible_in_light_and_dark(drawn: Tab) -> None:
    assert drawn.violations() == []
    drawn.page.locator("#theme").click()
    assert drawn.violations() == []
    drawn.page.locator("#theme").click()


@pytest.mark.slow  # axe takes its time with a page of thousands of marks
@pytest.mark.parametrize("file", ["two", "tutorials", "hostile"])
def test_every_kind_of_page_is_accessible(chromium, folder: Path, file: str) -> None:
    tab = _open(chromium, folder / f"{file}.html", color_scheme="dark")

    assert tab.violations(inside=True) == []
    assert tab.errors == []
    tab.page.close()


def test_the_page_is_never_wider_than_the_screen(drawn: Tab) -> None:
    for width in (390, 768, 1440):
        drawn.page.set_viewport_size({"width": width, "height": 900})
        assert drawn.page.evaluate("document.documentElement.scrollWidth") <= width


def test_the_button_turns_the_colours_of_page_and_figures(drawn: Tab) -> None:
    tab = drawn

    def back() -> tuple[str, str]:
        return (
            tab.page.evaluate("getComputedStyle(document.body).backgroundColor"),
            tab.page.evaluate("document.getElementById('plot-gap')._fullLayout.paper_bgcolor"),
        )

    assert back() == ("rgb(255, 255, 255)", "#ffffff")
    tab.page.locator("#theme").click()
    assert back() == ("rgb(21, 24, 29)", "#15181d")
    tab.page.locator("#theme").click()


def test_it_is_printed_in_light_and_whole(chromium, folder: Path) -> None:
    tab = _open(chromium, folder / "search.html", draw=False, color_scheme="dark")
    tab.page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
    tab.page.emulate_media(media="print")

    assert tab.count(".plot:not(.js-plotly-plot)") == 0
    width = tab.page.evaluate("document.getElementById('plot-slices')._fullLayout.width")
    colour = tab.page.evaluate("document.getElementById('plot-slices')._fullLayout.paper_bgcolor")
    assert (width, colour) == (680, "#ffffff")
    assert tab.page.locator("nav").is_hidden()
    tab.page.evaluate("window.dispatchEvent(new Event('afterprint'))")
    tab.page.emulate_media(media="screen")
    assert tab.page.evaluate("document.documentElement.dataset.theme") == "dark"
    tab.page.close()
