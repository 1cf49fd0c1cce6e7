"""No search: each configuration of a list in turn, as often as the plan repeats it."""

from __future__ import annotations

import itertools
from collections import Counter

from search.engines.base import History, Proposal, derive, next_number
from spaces.plan import StudyPlan
from tracking.records import TrialRecord


class ListedEngine:
    """Proposes the initial trials of a plan, those that were trained least often first."""

    first_rung: float | None = None
    promotes = False

    def __init__(self, plan: StudyPlan, *, seed: int) -> None:
        self._plan = plan
        self._seed = seed

    def propose(self, history: History) -> Proposal:
        points = self._plan.starting_points()
        # A configuration that was since corrected is trained again.
        same = [t for t in history if t.origin in points and t.params == points[t.origin]]
        times = Counter(trial.origin for trial in same)
        origin = min(points, key=lambda origin: times[origin])
        taken = {trial.seed for trial in same if trial.origin == origin}
        seeds = (derive(self._seed, index, origin) for index in itertools.count())
        seed = next(seed for seed in seeds if seed not in taken)
        return Proposal(next_number(history), points[origin], seed, origin)

    def promote(self, history: History) -> None:
        return None

    def should_prune(self, trial: TrialRecord, history: History) -> None:
        return None
