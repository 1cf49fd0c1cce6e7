"""What a study may still cost, over all its sessions; and when there is nothing more to gain."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import TYPE_CHECKING

from search.estimate import Pace

if TYPE_CHECKING:
    from search.datasets.cache import Dataset
    from search.engines import Asked
    from spaces.plan import StudyPlan
    from spaces.ranges import Params
    from tracking.records import EpochRecord, State, TrialRecord


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
        self._best = 0.0
        self._without_gain = 0
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

    def met(self, n_finished: int) -> bool:
        """Tell whether the study is to end."""
        n_trials, patience = self._plan.n_trials, self._plan.patience
        return (
            (n_trials is not None and n_finished >= n_trials)
            or (patience is not None and self._without_gain >= patience)
            or self.out_of_time()
        )

    def note_epoch(self, asked: Asked, epoch: EpochRecord) -> None:
        """Learn how long an epoch takes."""
        self._note(self._plan.family(asked.params), asked.params, epoch)

    def note_end(self, origin: str, state: State, accuracy: float | None) -> None:
        """Learn what a trial has brought. Starting points are not what patience is tried by."""
        if state == "complete" and accuracy is not None and accuracy > self._best:
            self._best = accuracy
            self._without_gain = 0
        elif origin not in self._plan.starting_points():
            self._without_gain += 1

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
