"""What building a page costs: seconds, those of the processor, megabytes, by number of trials.

python tests/benchmarks/page.py [--trials 2000 --trials 10000] [--epochs 10] [--read] [--browser]

The records are made up. --read writes the study to a store first and measures reading it back
(minutes); --browser measures how long Chromium takes to draw every figure, and to scroll.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.builders import build_search, place_database, write_study

_SCROLL = """
async () => {
    const longest = [];
    let before = performance.now();
    for (let y = 0; y < document.body.scrollHeight; y += 120) {
        window.scrollTo(0, y);
        await new Promise(requestAnimationFrame);
        const now = performance.now();
        longest.push(now - before);
        before = now;
    }
    longest.sort((a, b) => a - b);
    return [longest[Math.floor(longest.length / 2)], longest[Math.floor(longest.length * 0.95)]];
}
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, action="append", help="default: 2,000 and 10,000")
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--read", action="store_true")
    parser.add_argument("--browser", action="store_true")
    arguments = parser.parse_args()
    before = time.perf_counter()
    from dashboards.page.compose import page

    print(f"loading the code: {time.perf_counter() - before:.1f} s", flush=True)
    for n_trials in arguments.trials or (2_000, 10_000):
        study = build_search(n_trials, arguments.epochs, n_more=10)
        if arguments.read:
            study = _read(study)
        before, worked = time.perf_counter(), time.process_time()
        html = page([study])
        seconds, worked = time.perf_counter() - before, time.process_time() - worked
        megabytes = len(html.encode()) / 1e6
        print(
            f"{n_trials:,} trials: building {seconds:.1f} s, of the processor {worked:.1f} s; "
            f"{megabytes:.1f} MB",
            flush=True,
        )
        if arguments.browser:
            _browse(html)


def _read(study):
    from tracking import store

    with tempfile.TemporaryDirectory() as folder:
        root = place_database(Path(folder))
        write_study(root, study)
        before = time.perf_counter()
        read = store.read_study(root, study.plan.study)
        print(f"reading {len(read.trials):,} trials: {time.perf_counter() - before:.1f} s")
    return read


def _browse(html: str) -> None:
    from playwright.sync_api import sync_playwright

    from tests.browser import ARGUMENTS, CHROMIUM

    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        file = Path(folder) / "page.html"
        file.write_text(html, "utf-8")
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        tab = browser.new_page(viewport={"width": 1440, "height": 900})
        before = time.perf_counter()
        tab.goto(file.as_uri())
        tab.wait_for_selector("#board td")
        shown = time.perf_counter() - before
        before = time.perf_counter()
        tab.evaluate("seqsearch.drawAll()")
        tab.wait_for_function(
            "document.querySelectorAll('.plot:not(.js-plotly-plot)').length == 0"
        )
        drawn = time.perf_counter() - before
        middle, slow = tab.evaluate(_SCROLL)
        print(
            f"    shown after {shown:.1f} s, all figures drawn in {drawn:.1f} s; "
            f"a frame while scrolling {middle:.0f} ms (95 % under {slow:.0f} ms)"
        )
        browser.close()


if __name__ == "__main__":
    main()
