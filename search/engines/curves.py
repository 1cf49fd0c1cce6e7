"""Optuna's median pruner, with a memory of what it holds a trial against.

Optuna's own goes through all complete trials at each epoch, so it needs them all, and longer with
each of them.
"""

from __future__ import annotations

from array import array
from math import isnan
from typing import Any

import numpy as np
from optuna import Study
from optuna.pruners import MedianPruner
from optuna.pruners._percentile import (
    _get_best_intermediate_result_over_steps,
    _is_first_in_interval_step,
)
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState


class RememberingMedianPruner(MedianPruner):
    """Gives the verdicts of Optuna's, if each trial of the study that has ended was noted.

    Of a complete trial it remembers 8 bytes for each value that was reported.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._n_complete = 0
        self._values: dict[int, array[float]] = {}  # that complete trials reported, by step

    def note(self, trial: FrozenTrial) -> None:
        """Note a trial that has ended; only complete ones are what others are held against."""
        if trial.state is not TrialState.COMPLETE:
            return
        self._n_complete += 1
        for step, value in trial.intermediate_values.items():
            self._values.setdefault(step, array("d")).append(value)

    def prune(self, study: Study, trial: FrozenTrial) -> bool:
        step = trial.last_step
        if self._n_complete < max(1, self._n_startup_trials) or step is None:
            return False
        warmup, interval = self._n_warmup_steps, self._interval_steps
        if step < warmup or not _is_first_in_interval_step(
            step, trial.intermediate_values.keys(), warmup, interval
        ):
            return False
        best = _get_best_intermediate_result_over_steps(trial, study.direction)
        if isnan(best):
            return True
        values = self._values.get(step, ())
        if len(values) < self._n_min_trials:
            return False
        median = np.nanpercentile(np.array(values), self._percentile)  # of NaN alone it is NaN
        maximize = study.direction is StudyDirection.MAXIMIZE
        return bool(best < median if maximize else best > median)
