"""The order of proposals, and which ends each of them may know: nothing depends on who is fast.

A trial has a place in that order; an attempt that is made again has the place of the one that was
cut short. With N workers the proposal for place k knows how the trials up to place k - N ended,
and takes those after them for under way, whether they are or not. So neither haste nor a stop or
a kill changes what is proposed: all that it depends on lies in the engine's memory.
"""

from __future__ import annotations

from array import array

_NONE = -1  # the place of a number that was not begun


class Order:
    """The places of a study's trials.

    Args:
        n_workers: how far a proposal is ahead of what it knows; None if it knows all that has
            ended, whatever that is.
    """

    def __init__(self, n_workers: int | None = None) -> None:
        self._n_workers = n_workers
        # Arrays, for there is one of each for every trial.
        self._places = array("q")  # by number of an attempt
        self._last = array("q")  # number of the last attempt, by place
        self._ended: set[int] = set()  # places behind one that has not ended
        self._void: set[int] = set()  # places whose last attempt was cut short
        self.n_ended = 0  # places, from the first on, whose trials have ended

    def begin(self, number: int, first: int | None = None) -> None:
        """Note an attempt.

        Args:
            first: an earlier attempt at the same values, of which it takes the place.
        """
        place = len(self._last) if first is None else self.place(first)
        self._places.extend([_NONE] * (number + 1 - len(self._places)))
        self._places[number] = place
        if place == len(self._last):
            self._last.append(number)
        self._last[place] = number
        self._void.discard(place)

    def end(self, number: int, *, void: bool) -> None:
        """Note how an attempt ended; one that is void is to be made again."""
        place = self.place(number)
        if void:
            self._void.add(place)
            return
        self._ended.add(place)
        while self.n_ended in self._ended:
            self._ended.remove(self.n_ended)
            self.n_ended += 1

    def __len__(self) -> int:
        """Give how many places were taken."""
        return len(self._last)

    @property
    def next(self) -> int:
        """The place of the next attempt: the first to be taken again, else a new one."""
        return min(self._void, default=len(self))

    def place(self, number: int) -> int:
        place = self._places[number]
        assert place != _NONE
        return place

    def number(self, place: int) -> int:
        """Give the number of the last attempt at a place."""
        return self._last[place]

    def n_known(self, place: int) -> int | None:
        """Give how many ends a proposal for a place knows, from the first place on.

        Returns:
            None while one of them has not come yet; all places where it knows all that has ended.
        """
        if self._n_workers is None:
            return len(self)
        n = max(0, place + 1 - self._n_workers)
        return n if n <= self.n_ended else None
