"""Texts from records are shown as they are, and do nothing."""

from __future__ import annotations

import pytest

from dashboards.page.ranges import NumberRange, number, parse
from dashboards.page.text import html, ink, plain, said
from spaces.families import FAMILIES
from spaces.ranges import Choice
from spaces.text import TEXT
from spaces.training import TRAIN
from tests.dashboards.odd import HOSTILE

_RANGES = {name: r for space in (TEXT, TRAIN, *FAMILIES.values()) for name, r in space.items()}


@pytest.mark.parametrize("text", HOSTILE)
def test_no_text_is_markup_or_hides_anything(text: str) -> None:
    for shown in (html(text), ink(text)):
        assert "<" not in shown
        assert len(shown) < 2_000
        shown.encode()  # a lone surrogate would not
    assert "\u202e" not in plain(text)
    assert plain(text)


def test_what_is_hidden_is_shown_and_what_is_long_is_cut() -> None:
    assert plain("a\u202eb\x07\n c") == "a\\u202eb\\u0007 c"
    assert plain("👩\u200d👧 ünï") == "👩\u200d👧 ünï"
    assert plain("x" * 100_000, 10) == "x" * 9 + "…"
    assert plain("") == "''"


def test_numbers_are_said_with_the_digits_that_tell() -> None:
    assert (said(80_000), said(0.000562341), said(True)) == ("80,000", "0.000562", "True")


@pytest.mark.parametrize("name", _RANGES)
def test_every_range_is_read_from_the_words_in_which_it_is_on_record(name: str) -> None:
    range_ = _RANGES[name]
    read = parse(str(range_))

    if isinstance(range_, Choice):
        assert read is None
    else:
        assert read == NumberRange(range_.low, range_.high, range_.log)


def test_what_is_no_finite_number_is_none() -> None:
    assert number(3) == 3.0
    for value in (None, True, "3", float("nan"), float("inf"), 10**400):
        assert number(value) is None
