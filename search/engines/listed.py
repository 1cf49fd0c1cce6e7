"""No search: each configuration of a list in turn, as often as the plan repeats it.

What was tried is known from the records alone; there is nothing to learn from it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from search.engines import Asked, derive
from spaces.plan import StudyPlan
from tracking.records import EpochRecord, State, TrialRecord


class ListedEngine:
    """Asks for the starting points of a plan."""

    def __init__(self, plan: StudyPlan, *, seed: int) -> None:
        self._plan = plan
        self._seed = seed
        self._finished: Counter[str] = Counter()  # attempts that count, by origin
        self._origins: dict[int, str] = {}
        self._seconds = 0.0

    def ask(self) -> Asked:
        points = self._plan.starting_points()
        origin = min(points, key=lambda origin: self._finished[origin])
        number = max(self._origins, default=-1) + 1
        self._origins[number] = origin
        seed = derive(self._seed, self._finished[origin], origin)
        return Asked(number=number, params=points[origin], seed=seed, origin=origin)

    def should_prune(self, number: int, epoch: EpochRecord) -> bool:
        return False

    def tell(
        self,
        number: int,
        state: State,
        value: float | None,
        *,
        void: bool,
        n_parameters: int | None = None,
    ) -> None:
        self._finished[self._origins[number]] += not void

    def reconcile(self, recorded: Mapping[int, TrialRecord]) -> None:
        points = self._plan.starting_points()
        for number, trial in recorded.items():
            self._origins[number] = trial.origin
            # A configuration that was since corrected is trained again.
            same = trial.origin not in points or trial.params == points[trial.origin]
            self._finished[trial.origin] += same and not trial.void
            self._seconds += trial.seconds

    def n_finished(self) -> int:
        repeats = self._plan.repeats
        return sum(min(self._finished[origin], repeats) for origin in self._plan.starting_points())

    def seconds_spent(self) -> float:
        return self._seconds

    def spend(self, seconds: float) -> None:
        self._seconds = seconds
