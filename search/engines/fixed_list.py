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
        points = self._plan.initial_trials()
        # A configuration that was since corrected is trained again.
        same = [
            t for t in history if t.proposed_by in points and t.params == points[t.proposed_by]
        ]
        times = Counter(trial.proposed_by for trial in same)
        proposed_by = min(points, key=lambda proposed_by: times[proposed_by])
        taken = {trial.seed for trial in same if trial.proposed_by == proposed_by}
        seeds = (derive(self._seed, index, proposed_by) for index in itertools.count())
        seed = next(seed for seed in seeds if seed not in taken)
        return Proposal(next_number(history), points[proposed_by], seed, proposed_by)

    def promote(self, history: History) -> None:
        return None

    def should_prune(self, trial: TrialRecord, history: History) -> None:
        return None
