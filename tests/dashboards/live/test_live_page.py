"""The live page in a real browser: new epochs come by themselves, and zoom stays."""

from __future__ import annotations

import http.client
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from dashboards import serve
from dashboards.figures import FIGURES
from tests import browser
from tests.browser import Tab
from tests.builders import (
    build_data,
    build_epochs,
    build_plan,
    build_trial,
    place_database,
    write_trial,
)
from tests.dashboards.odd import HOSTILE
from tests.programs import ROOT, environment
from tracking import store
from tracking.commandline.errors import UserError

_TEXTS = [text[:200] for text in HOSTILE if "\ud800" not in text and text]


class Live:
    """A server on a study under way, and the study's writer."""

    def __init__(self, home: Path) -> None:
        root = place_database(home / "mlruns")
        plan = build_plan(question=_TEXTS[0], space={"lstm.units": "32 to 256", _TEXTS[2]: "any"})
        self.study = store.open_study(root, plan, fresh=False)
        for number, text in enumerate(_TEXTS[:4]):
            params = {"lstm.units": 32 + number, _TEXTS[2]: text}
            trial = build_trial(number, 0.80, 0.85 - number / 100, proposed_by=text, params=params)
            write_trial(self.study, trial)
        failed = build_trial(4, state="failed", reason=_TEXTS[1], proposed_by=_TEXTS[3])
        write_trial(self.study, failed)
        self.server = subprocess.Popen(
            [sys.executable, "-m", "dashboards.serve"],
            cwd=ROOT,
            env=environment(home),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self.server.stdout is not None
        self.url = self.server.stdout.readline().strip()

    def begin(self, number: int):
        log = self.study.open_trial(
            number, "lstm", {"lstm.units": 99}, seed=1, proposed_by="tpe", data=build_data()
        )
        log.epoch(build_epochs(0.7)[0])
        return log


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    browser.require()
    live = Live(tmp_path_factory.mktemp("live"))
    yield live
    live.server.kill()
    live.server.communicate()


@pytest.fixture(scope="module")
def tab(live: Live) -> Iterator[Tab]:
    with browser.start() as chromium:
        tab = Tab(chromium.new_page(viewport={"width": 1440, "height": 1000}))
        tab.page.goto(live.url)
        tab.page.wait_for_selector("#plot-accuracy .main-svg", timeout=60_000)
        tab.page.wait_for_selector("#board td")
        tab.page.evaluate("seqsearch.drawAll()")
        yield tab


def test_every_figure_of_the_built_page_is_there_and_nothing_goes_wrong(tab: Tab, live) -> None:
    for name in FIGURES:
        said = tab.page.locator(f"#see-{name}").inner_text()
        drawn = tab.page.locator(f"#plot-{name}").is_visible()
        assert drawn != said.startswith("Not drawn"), name
    assert tab.count("#plot-accuracy .point") == 4
    assert tab.errors == []
    assert tab.hosts == {live.url.split("/")[2]}


def test_it_is_accessible(tab: Tab) -> None:
    assert tab.violations() == []


def test_hostile_texts_stay_text(tab: Tab) -> None:
    assert _TEXTS[0] in tab.page.locator("#verdict").inner_text()
    assert tab.count("#verdict img, #board img, svg a, #verdict script") == 0
    assert tab.errors == []


def test_a_new_epoch_appears_without_a_reload_and_zoom_and_order_stay(tab: Tab, live) -> None:
    page = tab.page
    page.locator("#board th button", has_text="minutes").click()
    plot = page.locator("#plot-overlay .nsewdrag")
    plot.scroll_into_view_if_needed()
    box = plot.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 100, box["y"] + 60)
    page.mouse.down()
    page.mouse.move(box["x"] + 500, box["y"] + 220, steps=5)
    page.mouse.up()
    range_ = "document.getElementById('plot-overlay')._fullLayout.xaxis.range"
    page.wait_for_timeout(500)
    zoomed = page.evaluate(range_)
    page.evaluate("window.notReloaded = true")

    log = live.begin(5)

    page.wait_for_function("document.body.innerText.includes('trial 5 under way, 1 epochs')")
    page.wait_for_function(
        "document.getElementById('plot-overlay').data.some((trace) => trace.name === 'under way')"
    )
    log.epoch(build_epochs(0.7, 0.8)[1])
    page.wait_for_function("document.body.innerText.includes('trial 5 under way, 2 epochs')")
    assert page.evaluate("window.notReloaded")
    assert page.evaluate(range_) == zoomed
    assert page.locator("#board th[aria-sort=descending]").inner_text() == "minutes ▼"
    assert tab.errors == []


def test_a_click_on_a_point_opens_the_trial_with_its_link(tab: Tab, live: Live) -> None:
    page = tab.page
    point = page.locator("#plot-gap .point").first
    point.scroll_into_view_if_needed()
    box = point.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.wait_for_timeout(300)
    page.mouse.down()
    page.mouse.up()

    page.wait_for_selector("#trial:not([hidden]) .main-svg")

    link = page.locator("#trial a").get_attribute("href")
    assert link is not None
    assert "http://127.0.0.1:5000/#/experiments/" in link
    page.locator("#close").click()
    page.wait_for_selector("#trial", state="hidden")
    page.locator("#board tbody tr td:nth-child(3)").first.click()
    page.wait_for_selector("#trial:not([hidden])")
    assert tab.errors == []


def test_a_foreign_host_is_refused(live: Live) -> None:
    netloc = live.url.split("/")[2]
    port = netloc.split(":")[1]
    hosts = {
        netloc: 200,
        f"localhost:{port}": 200,
        f"10.evil.example:{port}": 403,
        "127.0.0.1:1": 403,
        "evil.example": 403,
    }
    for host, status in hosts.items():
        connection = http.client.HTTPConnection(netloc, timeout=20)
        connection.request("GET", "/_dash-layout", headers={"Host": host})
        assert connection.getresponse().status == status, host
        connection.close()


def test_ctrl_c_ends_it_without_a_traceback(live: Live) -> None:
    live.server.send_signal(signal.SIGINT)
    _, err = live.server.communicate(timeout=20)

    assert live.server.returncode == 130
    assert err == "stopped.\n"


def test_there_is_nothing_to_serve_before_the_first_study(monkeypatch) -> None:
    monkeypatch.setattr(sys, "argv", ["dashboards.serve"])

    with pytest.raises(UserError, match=r"holds no study yet: python -m search\.run"):
        serve.main()
