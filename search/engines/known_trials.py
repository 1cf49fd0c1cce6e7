"""The trials of one Optuna study, as the process that writes them remembers them."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import Counter
from collections.abc import Container
from operator import attrgetter

from optuna.trial import FrozenTrial, TrialState

_NUMBER = attrgetter("number")
_States = tuple[TrialState, ...]


class KnownTrials:
    """Trials by number, in order.

    Samplers and pruners ask for those in some states, some times a trial, and most have ended: a
    list of these is kept for each selection that was asked for, and a trial that ends is added.
    One that has ended can be forgotten; it is counted all the same.
    """

    def __init__(self) -> None:
        self._by_number: dict[int, FrozenTrial] = {}
        self._open: set[int] = set()  # numbers of those that have not ended
        self._ended: dict[_States, list[FrozenTrial]] = {}  # by what was asked for
        self._forgotten: Counter[TrialState] = Counter()

    def __len__(self) -> int:
        """Give how many trials there are, the forgotten included."""
        return len(self._by_number) + self._forgotten.total()

    def __getitem__(self, number: int) -> FrozenTrial:
        return self._by_number[number]

    def __contains__(self, number: int) -> bool:
        return number in self._by_number

    def put(self, trial: FrozenTrial) -> None:
        """Remember a trial, in the place of what was known of it."""
        number = trial.number
        self._by_number[number] = trial
        if not trial.state.is_finished():
            self._open.add(number)
            return
        self._open.discard(number)
        for states, found in self._ended.items():
            if trial.state in states:
                place = bisect_left(found, number, key=_NUMBER)
                if found[place : place + 1] and found[place].number == number:
                    found[place] = trial
                else:
                    found.insert(place, trial)

    def drop(self, number: int) -> FrozenTrial | None:
        """Take out a trial that has not ended, as if it had never been there, and give it."""
        self._open.discard(number)
        return self._by_number.pop(number, None)

    def forget(self, number: int) -> None:
        """Forget a trial that has ended."""
        trial = self._by_number.pop(number)
        self._forgotten[trial.state] += 1
        for states, found in self._ended.items():
            if trial.state in states:
                del found[bisect_left(found, number, key=_NUMBER)]

    def n_forgotten(self, states: Container[TrialState] | None) -> int:
        """Give how many of these states were forgotten; None is all."""
        return sum(n for state, n in self._forgotten.items() if states is None or state in states)

    def having(self, states: Container[TrialState] | None) -> list[FrozenTrial]:
        """Give the trials in any of these states, in the order of their numbers; None is all.

        Those that were forgotten are not among them.
        """
        if states is None:
            return list(self._by_number.values())
        asked_for = tuple(state for state in TrialState if state in states)
        ended = tuple(state for state in asked_for if state.is_finished())
        found = list(self._having_ended(ended)) if ended else []
        if ended != asked_for:
            for number in self._open:
                if self._by_number[number].state in asked_for:
                    insort(found, self._by_number[number], key=_NUMBER)
        return found

    def _having_ended(self, states: _States) -> list[FrozenTrial]:
        if states not in self._ended:
            all_ = self._by_number.values()
            self._ended[states] = [trial for trial in all_ if trial.state in states]
        return self._ended[states]
