"""What a study may still cost, over all its sessions; and when there is nothing more to gain."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from search.estimate import Pace

if TYPE_CHECKING:
    from search.datasets.cache import Dataset
    from search.engines import Asked
    from spaces.plan import StudyPlan
    from spaces.ranges import Params
    from tracking.records import EpochRecord, State, TrialRecord

Brought = Iterable[tuple[str, float | None]]


class Budget:
    """The limits of a plan, and how near they are.

    Args:
        spent: seconds that the study took in earlier sessions.
        recorded: their trials, in the order of their numbers.
    """

    def __init__(
        self, plan: StudyPlan, data: Dataset, spent: float, recorded: Iterable[TrialRecord]
    ) -> None:
        self._plan = plan
        self._start = time.monotonic() - spent
        self._pace = Pace(data)
        self._gains = _Gains(plan)
        for trial in recorded:
            if not trial.void:  # one that was adopted has epochs, and no end
                for epoch in trial.epochs:
                    self._note(trial.family, trial.params, epoch)
                accuracy = trial.score.val_accuracy if trial.score else None
                if trial.state != "running":
                    self.note_end(trial.origin, trial.state, accuracy)

    def seconds(self) -> float:
        """Seconds that the study has taken."""
        return time.monotonic() - self._start

    def leave_out(self, seconds: float) -> None:
        """Do not count what has just taken so long."""
        self._start += seconds

    def out_of_time(self) -> bool:
        return self._plan.timeout is not None and self.seconds() >= self._plan.timeout

    def met(self, n_finished: int, known: Callable[[], Brought | None] = lambda: None) -> bool:
        """Tell whether the study is to end.

        Args:
            known: gives origin and accuracy of the trials that alone may try the patience; None
                is all that have ended.
        """
        n_trials, patience = self._plan.n_trials, self._plan.patience
        gains = self._gains
        if patience is not None and (brought := known()) is not None:
            gains = _Gains(self._plan)
            for origin, accuracy in brought:
                gains.note(origin, accuracy)
        return (
            (n_trials is not None and n_finished >= n_trials)
            or (patience is not None and gains.n_without >= patience)
            or self.out_of_time()
        )

    def note_epoch(self, asked: Asked, epoch: EpochRecord) -> None:
        """Learn how long an epoch takes."""
        self._note(self._plan.family(asked.params), asked.params, epoch)

    def note_end(self, origin: str, state: State, accuracy: float | None) -> None:
        """Learn what a trial has brought."""
        self._gains.note(origin, accuracy if state == "complete" else None)

    def lacking(self, asked: Asked) -> float:
        """Give the seconds that the study lacks for a trial to end as it should; 0 if none.

        The fastest that was measured of its family is what it is held to.
        """
        if self._plan.timeout is None:
            return 0.0
        needed = self._pace.least_seconds(self._plan.family(asked.params), asked.params)
        return max(0.0, needed - (self._plan.timeout - self.seconds()))

    def _note(self, family: str, params: Params, epoch: EpochRecord) -> None:
        if self._plan.timeout is not None and not self._plan.reproduces:
            self._pace.note(family, params, epoch)


class _Gains:
    """How many proposals in a row have brought nothing better."""

    def __init__(self, plan: StudyPlan) -> None:
        self._points = plan.starting_points()  # they are not what patience is tried by
        self._best = 0.0
        self.n_without = 0

    def note(self, origin: str, accuracy: float | None) -> None:
        if accuracy is not None and accuracy > self._best:
            self._best = accuracy
            self.n_without = 0
        elif origin not in self._points:
            self.n_without += 1
