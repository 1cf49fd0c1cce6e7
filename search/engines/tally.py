"""What has come of the trials of an Optuna study, noted as they come.

Reading all of them at each proposal would take longer with each trial.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from optuna.trial import FrozenTrial, TrialState

from spaces.plan import StudyPlan
from spaces.ranges import Params, Value

_Values = tuple[tuple[str, ...], tuple[Value, ...]]


class Tally:
    """Counts trials, and knows which values a finished one had.

    Args:
        trials: all of the study.
        void: numbers of those that were cut short and count for nothing.

    Attributes:
        n_begun: trials that count, those under way included.
        n_finished: of these, those that have ended.
    """

    def __init__(
        self, plan: StudyPlan, trials: Iterable[FrozenTrial], void: Iterable[int]
    ) -> None:
        self._plan = plan
        self.void = set(void)
        self.n_begun = self.n_finished = 0
        self._names: dict[tuple[str, ...], tuple[str, ...]] = {}  # each kept once
        self._first: dict[_Values, int] = {}
        for trial in trials:
            if trial.state is not TrialState.WAITING:
                self.begin(trial.number)
                if trial.state.is_finished():
                    self.end(trial)

    def begin(self, number: int) -> None:
        """Note that a trial was begun."""
        self.n_begun += number not in self.void

    def cancel(self, number: int) -> None:
        """Note that a trial that was begun is void."""
        self.n_begun -= number not in self.void
        self.void.add(number)

    def end(self, trial: FrozenTrial) -> None:
        """Note how a trial that was begun has ended."""
        self.n_finished += trial.number not in self.void
        if trial.state is TrialState.COMPLETE:
            fixed = trial.user_attrs.get("fixed", {})
            values = self._values(self._plan.complete({**fixed, **trial.params}))
            self._first[values] = min(trial.number, self._first.get(values, trial.number))

    def first_with(self, params: Params) -> int | None:
        """Give the first complete trial with these values."""
        return self._first.get(self._values(params))

    def _values(self, params: Mapping[str, Value]) -> _Values:
        names = tuple(sorted(params))
        names = self._names.setdefault(names, names)
        return names, tuple(params[name] for name in names)
