"""What a study may still cost, over all its sessions; and when there is nothing more to gain."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import TYPE_CHECKING

from search.coordinator.estimate import Pace

if TYPE_CHECKING:
    from search.datasets.cache import Dataset
    from spaces.plan import StudyPlan
    from spaces.ranges import Params
    from tracking.records import EpochRecord, TrialRecord


class Budget:
    """The limits of a plan, and how near they are.

    Args:
        spent: seconds that the study took in earlier sessions.
        history: their trials, by number.
    """

    def __init__(
        self, plan: StudyPlan, data: Dataset, spent: float, history: Iterable[TrialRecord]
    ) -> None:
        self._plan = plan
        self._start = time.monotonic() - spent
        self._pace = Pace(data)
        for trial in history:
            for epoch in trial.epochs:
                self.note_epoch(trial.family, trial.params, epoch)

    def seconds(self) -> float:
        """Seconds that the study has taken."""
        return time.monotonic() - self._start

    def leave_out(self, seconds: float) -> None:
        """Do not count what has just taken so long."""
        self._start += seconds

    def out_of_time(self) -> bool:
        return self._plan.timeout is not None and self.seconds() >= self._plan.timeout

    def met(self, n_begun: int, history: Iterable[TrialRecord] = ()) -> bool:
        """Return whether no other trial is to begin.

        Args:
            n_begun: trials that count, those under way too.
            history: trials that may try the patience.
        """
        n_trials, patience = self._plan.n_trials, self._plan.patience
        return (
            (n_trials is not None and n_begun >= n_trials)
            or (patience is not None and self._n_without_gain(history) >= patience)
            or self.out_of_time()
        )

    def note_epoch(self, family: str, params: Params, epoch: EpochRecord) -> None:
        """Learn how long an epoch takes."""
        if self._plan.timeout is not None and not self._plan.reproduces:
            self._pace.note(family, params, epoch)

    def lacking(self, family: str, params: Params) -> float:
        """Return the seconds that the study lacks for a trial to end as it should; 0 if none.

        The fastest that was measured of its family is what it is held to.
        """
        if self._plan.timeout is None:
            return 0.0
        needed = self._pace.least_seconds(family, params)
        return max(0.0, needed - (self._plan.timeout - self.seconds()))

    def _n_without_gain(self, history: Iterable[TrialRecord]) -> int:
        """Count the trials in a row that have brought nothing better, initial ones aside."""
        best, n_without = 0.0, 0
        for trial in history:
            score = trial.score
            if score is not None and score.val_accuracy > best:
                best, n_without = score.val_accuracy, 0
            elif trial.has_ended and trial.proposed_by not in self._plan.initial_trials():
                n_without += 1
        return n_without
