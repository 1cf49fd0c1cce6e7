"""Preparing says how far it has come, and how long the rest takes."""

from __future__ import annotations

import pytest

from search.datasets import progress
from search.datasets.progress import PreparationProgress


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Make a clock that stands where the test puts it."""
    now = [0.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    return now


def test_a_line_comes_now_and_then_with_the_time_that_is_left(clock: list[float]) -> None:
    said: list[str] = []
    texts = ["a text"] * 200
    with PreparationProgress(400, said.append) as preparing:
        for _ in range(2):
            for _ in preparing.each(texts):
                clock[0] += 1 / 16  # a float that adds up exactly
    assert said == [
        "  25 % prepared, about 19 s left",
        "  50 % prepared, about 12 s left",
        "  75 % prepared, about 6 s left",
        "  100 % prepared, about 0 s left",
    ]


def test_what_is_quick_says_nothing(clock: list[float]) -> None:
    said: list[str] = []
    with PreparationProgress(1_000, said.append) as preparing:
        assert list(preparing.each(["a", "b"] * 500)) == ["a", "b"] * 500
    assert said == []
