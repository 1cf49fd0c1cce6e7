"""Trials as they are remembered: what is asked for is what going through all of them gives."""

from __future__ import annotations

import random
from datetime import datetime

import pytest
from optuna.trial import FrozenTrial, TrialState

from search.engines.known_trials import KnownTrials

ALL = tuple(TrialState)
SELECTIONS = (
    None,
    (TrialState.COMPLETE,),
    [TrialState.PRUNED, TrialState.COMPLETE],
    (TrialState.RUNNING, TrialState.WAITING),
    (TrialState.RUNNING, TrialState.COMPLETE),
    ALL,
    (),
)


def trial(number: int, state: TrialState) -> FrozenTrial:
    return FrozenTrial(
        number=number,
        trial_id=number + 100,
        state=state,
        value=0.5 if state is TrialState.COMPLETE else None,
        datetime_start=datetime(2026, 1, 1),
        datetime_complete=datetime(2026, 1, 1) if state.is_finished() else None,
        params={},
        distributions={},
        user_attrs={},
        system_attrs={},
        intermediate_values={},
    )


@pytest.mark.parametrize("seed", range(5))
def test_what_is_asked_for_is_what_going_through_all_of_them_gives(seed: int) -> None:
    luck = random.Random(seed)
    known, expected = KnownTrials(), {}
    forgotten: set[int] = set()
    for _ in range(400):
        number = luck.choice([*(expected.keys() - forgotten), len(expected), len(expected)])
        before = expected.get(number)
        if before is not None and before.state.is_finished():
            state = before.state  # it stays, and something else of it changes
        else:
            state = luck.choice(ALL)
        expected[number] = trial(number, state)
        known.put(expected[number])
        if expected[number].state.is_finished() and luck.random() < 0.2:
            known.forget(number)
            forgotten.add(number)
        for states in luck.sample(SELECTIONS, 3):
            found = [t for t in expected.values() if states is None or t.state in states]
            given = known.having(states)
            left = [t for t in found if t.number not in forgotten]
            assert [id(t) for t in given] == [id(t) for t in left]
            assert known.n_forgotten(states) == len(found) - len(left)
    assert forgotten
    assert len(known) == len(expected)


def test_what_is_given_may_be_changed_by_whoever_gets_it() -> None:
    known = KnownTrials()
    known.put(trial(0, TrialState.COMPLETE))
    for states in SELECTIONS:
        known.having(states).clear()
    assert [t.number for t in known.having((TrialState.COMPLETE,))] == [0]


def test_a_trial_that_is_dropped_is_gone() -> None:
    known = KnownTrials()
    known.put(trial(0, TrialState.COMPLETE))
    known.put(trial(1, TrialState.RUNNING))
    dropped = known.drop(1)
    assert dropped is not None
    assert dropped.number == 1
    assert known.drop(1) is None
    assert 1 not in known
    assert [t.number for t in known.having(ALL)] == [0]
