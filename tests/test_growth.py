"""A figure that grows with trials alone is told from one that grows with time."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from tests.growth import of_held, of_sum

_N = 120
_LEVEL = 0.01
Grows = Callable[[np.random.Generator, float], bool]
HOURS = np.linspace(0, 0.5, _N)
LIVES = np.arange(_N) // 6


def trials(luck: np.random.Generator) -> np.ndarray:
    """More in the second half."""
    return np.cumsum(luck.poisson(np.where(HOURS < 0.25, 1, 2)))


def held(luck: np.random.Generator, per_hour: float) -> bool:
    """Whether a figure of so much an hour, held by a process at a time, is found to grow."""
    n_trials, of_life = trials(luck), luck.normal(size=_N)[LIVES]
    busy = luck.integers(0, 3, _N)
    values = 200 + 0.02 * n_trials + per_hour * HOURS + 50 * busy + of_life
    values = values + luck.normal(size=_N)
    return of_held(values, n_trials, HOURS, [busy], LIVES, _LEVEL).with_time


def added_up(luck: np.random.Generator, per_hour: float) -> bool:
    """Whether a sum of so much an hour is found to grow with it."""
    n_trials = trials(luck)
    each = np.where(np.diff(n_trials, prepend=0) > 0, luck.normal(size=_N), 0)
    values = n_trials * 0.5 + np.cumsum(0.05 * each) + per_hour * HOURS
    return of_sum(values, n_trials, HOURS, [], LIVES, _LEVEL).with_time


def added_late(luck: np.random.Generator, per_hour: float) -> bool:
    """The same, but a third of the trials add what they add a moment after they are counted."""
    n_trials = trials(luck)
    late = luck.binomial(np.diff(n_trials, prepend=0), 1 / 3)
    values = (n_trials - late) * 0.5 + per_hour * HOURS + 0.05 * luck.normal(size=_N)
    return of_sum(values, n_trials, HOURS, [], LIVES, _LEVEL).with_time


@pytest.mark.parametrize("grows", [held, added_up, added_late])
def test_growth_with_trials_is_not_taken_for_growth_with_time(grows: Grows) -> None:
    found = sum(grows(np.random.default_rng(seed), 0) for seed in range(100))
    assert found <= 5  # by chance one, at a level of 0.01; more than five in 1 of 1,900


@pytest.mark.parametrize("grows", [held, added_up, added_late])
def test_growth_with_time_is_found(grows: Grows) -> None:
    assert all(grows(np.random.default_rng(seed), 80) for seed in range(20))


def test_a_figure_that_stays_the_same_does_not_grow() -> None:
    same, n_trials = np.full(_N, 7.0), trials(np.random.default_rng(0))
    assert not of_held(same, n_trials, HOURS, [], LIVES, _LEVEL).with_time
    assert not of_sum(same, n_trials, HOURS, [], LIVES, _LEVEL).with_time
