"""A trial's curves are a page of a few kB that shows and lists each epoch."""

from __future__ import annotations

import math
from dataclasses import replace

from dashboards.page.curves import curves_page
from tests.builders import build_epochs, build_trial


def test_each_epoch_is_drawn_and_listed_and_the_kept_one_is_marked() -> None:
    html = curves_page(build_trial(3, 0.80, 0.85, 0.84), ", mine.csv")

    assert "<h1>Trial 3, tpe, mine.csv</h1>" in html
    assert html.count("<polyline") == 3
    assert "kept epoch" in html
    assert html.count("<tr>") == 1 + 3
    assert "<td>2</td><td>91.00 %</td><td>85.00 %</td>" in html


def test_it_is_small_and_asks_for_nothing() -> None:
    html = curves_page(build_trial(0, *(0.8 + epoch / 1_000 for epoch in range(100))))

    assert len(html.encode()) < 40_000
    assert "<script" not in html
    assert "default-src 'none'" in html


def test_a_hostile_name_stays_text() -> None:
    html = curves_page(build_trial(0, proposed_by="<script>alert(1)</script>"), ", <b>")

    assert "<script" not in html
    assert "<b>" not in html


def test_what_is_no_number_is_not_drawn() -> None:
    (epoch,) = build_epochs(0.5)
    lost = replace(epoch, train_accuracy=math.nan, val_accuracy=math.nan)
    unseen = replace(epoch, val_accuracy=None, val_loss=None)

    nothing = curves_page(build_trial(0, epochs=(lost,), state="failed"))
    assert "<svg" not in nothing
    assert "<td>nan %</td>" in nothing
    assert curves_page(build_trial(0, epochs=(unseen,), state="failed")).count("<polyline") == 1
