"""Texts from outside are shown, not obeyed."""

from __future__ import annotations

import unicodedata

import pytest

from tests.dashboards.odd import HOSTILE
from tracking.commandline.formatting import LINE, plain, printable, visible


def test_nothing_that_steers_a_terminal_is_left() -> None:
    every = "".join(map(chr, range(0x11000)))
    left = {unicodedata.category(one) for one in visible(every)}
    assert not left & {"Cc", "Cs", "Zl", "Zp"}
    assert "\u202e" not in visible(every)
    assert visible("👩\u200d👧 ünï 电影 [b] :x:") == "👩\u200d👧 ünï 电影 [b] :x:"


@pytest.mark.parametrize("text", HOSTILE)
def test_a_line_stays_one_line_of_some_length(text: str) -> None:
    shown = printable(f"{text}\n\x1b[2J{text}")
    assert shown.isprintable()
    assert len(shown) < 1.1 * LINE


def test_a_long_line_keeps_its_beginning_and_its_end() -> None:
    shown = printable("error: " + "x" * 100_000 + ". Rename it.")
    assert shown.startswith("error: xxx")
    assert shown.endswith("x. Rename it.")


def test_a_name_is_cut() -> None:
    assert plain("x" * 100_000) == "x" * 59 + "…"
