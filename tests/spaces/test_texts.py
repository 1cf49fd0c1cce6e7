"""Text length and vocabulary of a plan are fitted to texts of one's own."""

from __future__ import annotations

import pytest

from spaces.ranges import Int
from spaces.studies import STUDIES


def ranges(**texts: int) -> tuple[Int, Int]:
    given = {"maxlen": 100, "longest": 300, "vocab_size": 9_000, "n_ids": 20_000, **texts}
    space = STUDIES["lstm"].with_texts(**given).space
    maxlen, vocab_size = space["text.maxlen"], space["text.vocab_size"]
    assert isinstance(maxlen, Int)
    assert isinstance(vocab_size, Int)
    return maxlen, vocab_size


def test_the_defaults_are_those_of_the_texts_and_nothing_is_searched_beyond_them() -> None:
    maxlen, vocab_size = ranges()
    assert (maxlen.low, maxlen.default, maxlen.high) == (20, 100, 300)
    assert (vocab_size.low, vocab_size.default, vocab_size.high) == (500, 9_000, 20_000)


@pytest.mark.parametrize(
    ("texts", "maxlen", "vocab_size"),
    [
        ({"maxlen": 12, "longest": 15}, (20, 2_500), 9_000),  # any length holds them whole
        ({"maxlen": 9_000, "longest": 30_000}, (2_500, 2_500), 9_000),
        ({"vocab_size": 30, "n_ids": 60}, (100, 300), 500),
        ({"vocab_size": 10**6, "n_ids": 10**7}, (100, 300), 80_000),
    ],
)
def test_they_stay_within_the_ranges(
    texts: dict[str, int], maxlen: tuple[int, int], vocab_size: int
) -> None:
    of_length, of_words = ranges(**texts)
    assert (of_length.default, of_length.high) == maxlen
    assert of_words.default == vocab_size


@pytest.mark.parametrize("study", STUDIES)
def test_every_plan_can_be_fitted(study: str) -> None:
    plan = STUDIES[study].with_texts(maxlen=30, longest=60, vocab_size=700, n_ids=900)
    for params in plan.initial_trials().values():
        assert (params["text.maxlen"], params["text.vocab_size"]) == (30, 700)
