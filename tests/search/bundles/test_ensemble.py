"""What is picked for an ensemble, and what its gain is said to be."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from search.bundles.ensemble import gain, held_out_gain, pick

LABELS = np.arange(400) % 2


def sure_of(is_right: NDArray[np.bool_], confidence: float = 0.8) -> NDArray[np.float32]:
    """Probabilities that are right or wrong where they are asked to be."""
    of_one = np.where(is_right == (LABELS == 1), confidence, 1 - confidence)
    return np.stack([1 - of_one, of_one], axis=1).astype(np.float32)


def test_unlike_members_are_picked_before_the_second_best() -> None:
    place = np.arange(len(LABELS))
    scores = {
        0: sure_of(place % 10 != 0, 0.8),  # 90 %
        1: sure_of(place % 10 > 1, 0.7),  # wrong where 0 is, and more: 80 %
        2: sure_of(place % 10 != 1, 0.95),  # wrong elsewhere, and surer: 90 %
        3: sure_of(place % 3 != 0),
    }
    picks = pick(scores, LABELS, 2)
    assert set(picks) == {0, 2} or picks == [2, 2]
    assert pick(scores, LABELS, 1) == [2]  # of equals the lower log loss
    assert gain(scores, picks, LABELS) >= 0


def test_members_that_are_wrong_in_different_places_gain_on_texts_where_none_was_picked() -> None:
    chance = np.random.default_rng(0)
    scores = {number: sure_of(chance.random(len(LABELS)) < 0.8, 0.7) for number in range(5)}
    groups = np.arange(len(LABELS)) // 4
    picks = pick(scores, LABELS, 5)
    assert gain(scores, picks, LABELS) > 0.05
    assert 0.03 < held_out_gain(scores, LABELS, groups, 5) <= gain(scores, picks, LABELS) + 0.02


def test_copies_of_one_another_gain_nothing() -> None:
    one = sure_of(np.random.default_rng(0).random(len(LABELS)) < 0.8)
    scores = {0: one, 1: one.copy()}
    assert gain(scores, pick(scores, LABELS, 4), LABELS) == 0
    assert held_out_gain(scores, LABELS, None, 4) == 0
