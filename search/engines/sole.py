"""Optuna's storage for the one process that writes to a study."""

from __future__ import annotations

import copy
from collections.abc import Container, Sequence
from typing import Any

from optuna.distributions import BaseDistribution
from optuna.storages import BaseStorage
from optuna.trial import FrozenTrial, TrialState

from search.engines.patient import PatientStorage
from tracking.patience import Patience


class SoleStorage(PatientStorage):
    """Remembers all trials, and reads those again that were written to: nobody else writes.

    Optuna's own cache reads every running trial again whenever a sampler or a pruner asks for
    trials, some times a trial: with 64 evaluators that was most of what a trial cost.

    Attributes:
        view: what a sampler is shown instead of all trials, while it is given; those that wait
            to be asked are shown all the same.
    """

    def __init__(self, storage: BaseStorage, patience: Patience) -> None:
        super().__init__(storage, patience)
        self._trials: dict[int, dict[int, FrozenTrial]] = {}  # by study and number
        self._study_of: dict[int, int] = {}  # by id of a trial that has not ended
        self._written: set[int] = set()  # ids of trials whose content is new
        self._moved: set[int] = set()  # ids of trials whose state is new
        self.view: Sequence[FrozenTrial] | None = None

    def delete_study(self, study_id: int) -> None:
        super().delete_study(study_id)
        self._trials.pop(study_id, None)  # SQLite gives the number of a study again
        self._study_of = {t: study for t, study in self._study_of.items() if study != study_id}

    def create_new_trial(self, study_id: int, template_trial: FrozenTrial | None = None) -> int:
        self._load(study_id)
        trial_id = super().create_new_trial(study_id, template_trial)
        self._study_of[trial_id] = study_id
        self._moved.add(trial_id)
        return trial_id

    def set_trial_state_values(
        self, trial_id: int, state: TrialState, values: Sequence[float] | None = None
    ) -> bool:
        done = super().set_trial_state_values(trial_id, state, values)
        self._moved.add(trial_id)
        return done

    def set_trial_param(
        self,
        trial_id: int,
        param_name: str,
        param_value_internal: float,
        distribution: BaseDistribution,
    ) -> None:
        super().set_trial_param(trial_id, param_name, param_value_internal, distribution)
        self._written.add(trial_id)

    def set_trial_intermediate_value(
        self, trial_id: int, step: int, intermediate_value: float
    ) -> None:
        super().set_trial_intermediate_value(trial_id, step, intermediate_value)
        self._written.add(trial_id)

    def set_trial_user_attr(self, trial_id: int, key: str, value: Any) -> None:
        super().set_trial_user_attr(trial_id, key, value)
        self._written.add(trial_id)

    def set_trial_system_attr(self, trial_id: int, key: str, value: Any) -> None:
        super().set_trial_system_attr(trial_id, key, value)
        self._written.add(trial_id)

    def get_all_trials(
        self,
        study_id: int,
        deepcopy: bool = True,
        states: Container[TrialState] | None = None,
    ) -> list[FrozenTrial]:
        found = self._all(study_id, states)
        if self.view is not None:
            waiting = [trial for trial in found if trial.state is TrialState.WAITING]
            found = [t for t in (*self.view, *waiting) if states is None or t.state in states]
        return copy.deepcopy(found) if deepcopy else found

    def get_n_trials(
        self, study_id: int, state: tuple[TrialState, ...] | TrialState | None = None
    ) -> int:
        return len(self._all(study_id, (state,) if isinstance(state, TrialState) else state))

    def _all(self, study_id: int, states: Container[TrialState] | None) -> list[FrozenTrial]:
        known = self._load(study_id)
        self._read_again(self._moved)
        if states is None or TrialState.RUNNING in states:
            self._read_again(self._written)
        found = [trial for trial in known.values() if states is None or trial.state in states]
        found.sort(key=lambda trial: trial.number)  # some samplers rely on it
        return found

    def _load(self, study_id: int) -> dict[int, FrozenTrial]:
        """Give the trials of a study by number; read all of them the first time."""
        if study_id not in self._trials:
            trials = super().get_all_trials(study_id, deepcopy=False)
            self._trials[study_id] = {trial.number: trial for trial in trials}
            for trial in trials:
                if not trial.state.is_finished():
                    self._study_of[trial._trial_id] = study_id
        return self._trials[study_id]

    def _read_again(self, trial_ids: set[int]) -> None:
        for trial_id in trial_ids & self._study_of.keys():
            trial = self.get_trial(trial_id)
            self._trials[self._study_of[trial_id]][trial.number] = trial
            if trial.state.is_finished():
                del self._study_of[trial_id]
        self._written -= trial_ids
        trial_ids.clear()
