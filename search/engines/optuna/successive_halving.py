"""Successive halving: at each rung the best third of the trials goes on, and the rest is paused.

Whether a trial is among the best is asked when it arrives, without waiting for others (Li et al.
2020, "A System for Massively Parallel Hyperparameter Tuning"); one that was paused is promoted
when it is among the best of those that have arrived since. As in hyperband (Li et al. 2018), the
trials are dealt out to brackets, of which each begins to judge one rung later than the one before.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

Steps = Mapping[int, float]  # accuracy of a trial by step

_FACTOR = 3  # each rung is three times as far as the one before


@dataclass(frozen=True)
class Standing:
    """How a trial that has just come to a rung does there.

    Attributes:
        rivals: accuracies of the others of its bracket at this rung, the best first.
    """

    accuracy: float
    rivals: tuple[float, ...]

    @property
    def n_go_on(self) -> int:
        """How many of all that have arrived may go on."""
        return max(1, (len(self.rivals) + 1) // _FACTOR)

    @property
    def is_poor(self) -> bool:
        return self.n_better >= self.n_go_on

    @property
    def n_better(self) -> int:
        return sum(rival > self.accuracy for rival in self.rivals)


@dataclass(frozen=True)
class Rungs:
    """Where trials are judged.

    Attributes:
        most_steps: that a trial can have.
    """

    most_steps: int

    @property
    def all(self) -> list[int]:
        """The steps at which there is a rung, all below the last."""
        found = [1]
        while found[-1] * _FACTOR < self.most_steps:
            found.append(found[-1] * _FACTOR)
        return [step for step in found if step < self.most_steps]

    def of(self, number: int) -> list[int]:
        """Return the rungs of a trial, those of its bracket."""
        rungs = self.all
        return rungs[number % len(rungs) :] if rungs else []

    def is_poor(self, number: int, steps: Steps, others: Mapping[int, Steps]) -> bool:
        """Return whether a trial has just come to a rung and is not among the best there.

        Args:
            others: the steps of all trials that it may be compared with, by number.
        """
        standing = self.standing(number, steps, others)
        return standing is not None and standing.is_poor

    def standing(self, number: int, steps: Steps, others: Mapping[int, Steps]) -> Standing | None:
        """Compare a trial that has just come to a rung; None between rungs."""
        rung = self._arrived_at(number, steps)
        if rung is None:
            return None
        rungs = self.of(number)
        rivals = [
            other[_first_from(rung, other)]
            for n, other in others.items()
            if self.of(n) == rungs and max(other, default=0) >= rung
        ]
        return Standing(steps[max(steps)], tuple(sorted(rivals, reverse=True)))

    def promoted(self, paused: Iterable[int], trials: Mapping[int, Steps]) -> int | None:
        """Return the number of a paused trial that is among the best of its rung by now.

        Args:
            trials: the steps of all trials, those that are paused too.
        """
        for number in sorted(paused, key=lambda n: (-max(trials[n], default=0), n)):
            others = {other: steps for other, steps in trials.items() if other != number}
            steps = trials[number]
            # One that was paused elsewhere, before the rungs were these, has no place here.
            if self._arrived_at(number, steps) and not self.is_poor(number, steps, others):
                return number
        return None

    def _arrived_at(self, number: int, steps: Steps) -> int | None:
        """Return the rung that the last step of a trial has reached; None if it had before."""
        reached = (r for r in self.of(number) if steps and _first_from(r, steps) == max(steps))
        return max(reached, default=None)


def _first_from(rung: int, steps: Steps) -> int:
    """Return the first step at a rung or behind it; 0 if there is none."""
    return min((step for step in steps if step >= rung), default=0)
