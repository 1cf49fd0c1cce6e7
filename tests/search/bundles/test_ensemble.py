"""What is picked for an ensemble, and what its gain is said to be."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from search.bundles.ensemble import gain, held_out_gain, pick

LABELS = np.arange(400) % 2


def sure_of(is_right: NDArray[np.bool_], confidence: float = 0.8) -> NDArray[np.float32]:
    """Probabilities that are right or wrong where they are asked to be."""
    of_one = np.where(is_right == (LABELS == 1), confidence, 1 - confidence)
    return np.stack([1 - of_one, of_one], axis=1).astype(np.float32)


def test_unlike_members_are_picked_and_a_copy_of_one_is_not() -> None:
    place = np.arange(len(LABELS)) // 2  # each place has both labels
    scores = {number: sure_of(place % 10 != number, 0.7) for number in range(3)}
    scores[3] = sure_of((place % 10 != 0) & (place % 50 != 7), 0.7)  # as 0, but for more mistakes
    picks = pick(scores, LABELS, 6)
    assert sorted(picks) == [0, 1, 2]  # nothing is left to gain, so it ends there
    assert gain(scores, picks, LABELS) == pytest.approx(0.1)


def test_where_one_is_better_than_any_mean_it_is_alone() -> None:
    place = np.arange(len(LABELS)) // 2
    scores = {0: sure_of(place % 100 != 0, 0.99), 1: sure_of(place % 3 != 0, 0.99)}
    assert pick(scores, LABELS, 4) == [0]


def test_members_that_are_wrong_in_different_places_gain_on_texts_where_none_was_picked() -> None:
    chance = np.random.default_rng(0)
    scores = {number: sure_of(chance.random(len(LABELS)) < 0.8, 0.7) for number in range(5)}
    groups = np.arange(len(LABELS)) // 4
    picks = pick(scores, LABELS, 5)
    assert gain(scores, picks, LABELS) > 0.05
    held_out = held_out_gain(scores, LABELS, groups, 5)
    assert held_out is not None
    assert 0.03 < held_out <= gain(scores, picks, LABELS) + 0.02


def test_copies_of_one_another_gain_nothing() -> None:
    one = sure_of(np.random.default_rng(0).random(len(LABELS)) < 0.8)
    scores = {0: one, 1: one.copy()}
    assert gain(scores, pick(scores, LABELS, 4), LABELS) == 0
    assert held_out_gain(scores, LABELS, None, 4) == 0


def test_one_group_leaves_no_text_to_measure_the_gain_on() -> None:
    scores = {0: sure_of(LABELS == 0), 1: sure_of(LABELS == 1)}
    assert held_out_gain(scores, LABELS, np.zeros(len(LABELS), int), 2) is None
