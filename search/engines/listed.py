"""No search: each configuration of a list in turn, as often as the plan repeats it.

What was tried is known from the records alone; there is nothing to learn from it.
"""

from __future__ import annotations

import itertools
from collections import Counter, defaultdict
from collections.abc import Collection, Mapping

from search.engines import Asked, derive
from spaces.plan import StudyPlan
from tracking.records import State, TrialRecord


class ListedEngine:
    """Asks for the starting points of a plan."""

    first_rung: float | None = None

    def __init__(self, plan: StudyPlan, *, seed: int) -> None:
        self._plan = plan
        self._seed = seed
        self._finished: Counter[str] = Counter()  # attempts that count, by origin
        self._taken: defaultdict[str, dict[int, int]] = defaultdict(dict)  # number by seed
        self._origins: dict[int, str] = {}
        self._seconds = 0.0

    def ask(self) -> Asked:
        points = self._plan.starting_points()
        origin = min(points, key=lambda origin: len(self._taken[origin]))
        number = max(self._origins, default=-1) + 1
        self._origins[number] = origin
        seeds = (derive(self._seed, index, origin) for index in itertools.count())
        seed = next(seed for seed in seeds if seed not in self._taken[origin])
        self._taken[origin][seed] = number
        return Asked(number=number, params=points[origin], seed=seed, origin=origin)

    def should_prune(self, number: int, n_epochs: float, accuracy: float) -> bool:
        return False

    def tell(
        self,
        number: int,
        state: State,
        value: float | None,
        *,
        void: bool,
        n_parameters: int | None = None,
        reason: str = "",
    ) -> None:
        origin = self._origins[number]
        self._finished[origin] += not void
        if void:  # its seed is free again
            taken = self._taken[origin]
            self._taken[origin] = {seed: n for seed, n in taken.items() if n != number}

    def adopt(self, asked: Asked) -> bool:
        return asked.params == self._plan.starting_points().get(asked.origin)

    def refuse_unknown(self, numbers: Collection[int]) -> None:
        """It remembers nothing but what is recorded."""

    def reconcile(self, recorded: Mapping[int, TrialRecord]) -> None:
        points = self._plan.starting_points()
        for number, trial in recorded.items():
            self._origins[number] = trial.origin
            # A configuration that was since corrected is trained again.
            same = trial.origin not in points or trial.params == points[trial.origin]
            if same and not trial.void:
                self._finished[trial.origin] += trial.state != "running"  # it was adopted
                self._taken[trial.origin][trial.seed] = number
            self._seconds += trial.seconds

    def n_finished(self) -> int:
        repeats = self._plan.repeats
        return sum(min(self._finished[origin], repeats) for origin in self._plan.starting_points())

    def seconds_spent(self) -> float:
        return self._seconds

    def spend(self, seconds: float) -> None:
        self._seconds = seconds

    def close(self) -> None:
        """Nothing is held back."""
