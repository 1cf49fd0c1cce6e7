"""Optuna's storage for the one process that writes to a study."""

from __future__ import annotations

import copy
import itertools
from collections.abc import Callable, Container, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from operator import attrgetter
from typing import Any

from optuna.distributions import BaseDistribution
from optuna.storages import BaseStorage
from optuna.trial import FrozenTrial, TrialState

from search.engines.known_trials import KnownTrials
from search.engines.patient import PatientStorage
from tracking.durable import unsynced
from tracking.patience import Patience

_NUMBER = attrgetter("number")
_Items = tuple[tuple[str, BaseDistribution], ...]


class SoleStorage(PatientStorage):
    """Remembers all trials, and changes what it remembers as it writes: nobody else writes.

    Optuna's own cache reads every running trial again whenever a sampler or a pruner asks for
    trials, some times a trial: with 64 evaluators that was most of what a trial cost. Then came
    that each value of a proposal was a transaction of its own; within `at_once` a trial is one.
    What was forgotten is read again whenever somebody asks for it, which takes longer.

    Attributes:
        reads_forgotten: whether who asks for trials gets those that were forgotten too. For a
            sampler that does not look at them, it need not.
        view: what a sampler is shown instead of all trials, while it is given; those that wait
            to be asked are shown all the same.
    """

    def __init__(self, storage: BaseStorage, patience: Patience) -> None:
        super().__init__(storage, patience)
        self._trials: dict[int, KnownTrials] = {}  # by study
        self.view: Sequence[FrozenTrial] | None = None
        self.reads_forgotten = True
        self._places: dict[int, tuple[int, int]] = {}  # study and number by id of a trial
        self._distributions: dict[_Items, dict[str, BaseDistribution]] = {}  # each kept once
        # Trials that are not written yet have ids of their own, below 0; and the ids they got
        # when they were, while somebody may still call them by the first.
        self._drafts: list[int] = []
        self._written: dict[int, int] = {}
        self._draft_ids = itertools.count(-1, -1)
        self._at_once = False

    @contextmanager
    def at_once(self) -> Iterator[None]:
        """Write the trials that are made in here at its end, each whole, or not at all."""
        self._at_once = True
        try:
            yield
            for draft_id in self._drafts:
                self._write(draft_id)
        finally:
            self._at_once = False
            for draft_id in self._drafts:
                self._forget(draft_id)
            self._drafts.clear()

    def delete_study(self, study_id: int) -> None:
        super().delete_study(study_id)
        self._trials.pop(study_id, None)  # SQLite gives the number of a study again
        self._places = {t: place for t, place in self._places.items() if place[0] != study_id}

    def create_new_trial(self, study_id: int, template_trial: FrozenTrial | None = None) -> int:
        number = len(self._load(study_id))
        if not self._at_once:
            trial_id = super().create_new_trial(study_id, template_trial)
            self._remember(study_id, super().get_trial(trial_id))
            return trial_id
        trial_id = next(self._draft_ids)
        trial = copy.deepcopy(template_trial) if template_trial else _begun(number, trial_id)
        trial.number, trial._trial_id = number, trial_id
        self._drafts.append(trial_id)
        self._remember(study_id, trial)
        return trial_id

    def set_trial_state_values(
        self, trial_id: int, state: TrialState, values: Sequence[float] | None = None
    ) -> bool:
        if trial_id in self._drafts:
            was = self._trial(trial_id).state
            if state is TrialState.RUNNING and was is not TrialState.WAITING:
                return False
        elif not super().set_trial_state_values(self._id(trial_id), state, values):
            return False
        trial = copy.copy(self._trial(trial_id))
        if values is not None:
            trial.values = values
        if state is TrialState.RUNNING:
            trial.datetime_start = datetime.now()
        if state.is_finished():
            trial.datetime_complete = datetime.now()
            self._written = {d: t for d, t in self._written.items() if t != trial._trial_id}
        trial.state = state
        self._replace(trial)
        return True

    def set_trial_param(
        self,
        trial_id: int,
        param_name: str,
        param_value_internal: float,
        distribution: BaseDistribution,
    ) -> None:
        what = (param_name, param_value_internal, distribution)
        self._put(trial_id, lambda real: super(SoleStorage, self).set_trial_param(real, *what))
        trial = copy.copy(self._trial(trial_id))
        value = distribution.to_external_repr(param_value_internal)
        trial.params = {**trial.params, param_name: value}
        trial.distributions = {**trial.distributions, param_name: distribution}
        self._replace(trial)

    def set_trial_intermediate_value(
        self, trial_id: int, step: int, intermediate_value: float
    ) -> None:
        what = (step, intermediate_value)
        with unsynced():  # told with the trial's end, or made again
            self._put(
                trial_id,
                lambda real: super(SoleStorage, self).set_trial_intermediate_value(real, *what),
            )
        trial = copy.copy(self._trial(trial_id))
        trial.intermediate_values = {**trial.intermediate_values, step: intermediate_value}
        self._replace(trial)

    def set_trial_user_attr(self, trial_id: int, key: str, value: Any) -> None:
        self._put(
            trial_id, lambda real: super(SoleStorage, self).set_trial_user_attr(real, key, value)
        )
        trial = copy.copy(self._trial(trial_id))
        trial.user_attrs = {**trial.user_attrs, key: value}
        self._replace(trial)

    def set_trial_system_attr(self, trial_id: int, key: str, value: Any) -> None:
        self._put(
            trial_id, lambda real: super(SoleStorage, self).set_trial_system_attr(real, key, value)
        )
        trial = copy.copy(self._trial(trial_id))
        trial.system_attrs = {**trial.system_attrs, key: value}
        self._replace(trial)

    def get_trial_id_from_study_id_trial_number(self, study_id: int, trial_number: int) -> int:
        trials = self._load(study_id)
        if trial_number in trials:
            return trials[trial_number]._trial_id
        return super().get_trial_id_from_study_id_trial_number(study_id, trial_number)

    def forget(self, trial_id: int) -> None:
        """Forget a trial that has ended; it is read again when somebody asks for it.

        Doing it twice changes nothing.
        """
        if trial_id in self._places:
            study_id, number = self._places.pop(trial_id)
            self._trials[study_id].forget(number)

    def get_trial(self, trial_id: int) -> FrozenTrial:
        if self._id(trial_id) not in self._places:
            return super().get_trial(trial_id)
        trial = copy.copy(self._trial(trial_id))
        if not trial.state.is_finished():  # whoever has it goes on writing to it
            trial.params, trial.distributions = {**trial.params}, {**trial.distributions}
            trial.user_attrs, trial.system_attrs = {**trial.user_attrs}, {**trial.system_attrs}
            trial.intermediate_values = {**trial.intermediate_values}
        return trial

    def get_all_trials(
        self,
        study_id: int,
        deepcopy: bool = True,
        states: Container[TrialState] | None = None,
    ) -> list[FrozenTrial]:
        known = self._load(study_id)
        found = known.having(states)
        if self.reads_forgotten and known.n_forgotten(states):
            read = super().get_all_trials(study_id, deepcopy=False, states=states)
            found += [trial for trial in read if trial.number not in known]
            found.sort(key=_NUMBER)
        if self.view is not None:
            waiting = [trial for trial in found if trial.state is TrialState.WAITING]
            found = [t for t in (*self.view, *waiting) if states is None or t.state in states]
        return copy.deepcopy(found) if deepcopy else found

    def get_n_trials(
        self, study_id: int, state: tuple[TrialState, ...] | TrialState | None = None
    ) -> int:
        trials = self._load(study_id)
        if state is None:
            return len(trials)
        states = (state,) if isinstance(state, TrialState) else state
        return len(trials.having(states)) + trials.n_forgotten(states)

    def _load(self, study_id: int) -> KnownTrials:
        """Give the trials of a study; read all of them the first time."""
        if study_id not in self._trials:
            trials = super().get_all_trials(study_id, deepcopy=False)
            self._trials[study_id] = KnownTrials()
            for trial in sorted(trials, key=_NUMBER):  # some samplers rely on it
                self._remember(study_id, trial)
        return self._trials[study_id]

    def _remember(self, study_id: int, trial: FrozenTrial) -> None:
        distributions = trial.distributions
        alike = tuple(distributions.items())
        trial.distributions = self._distributions.setdefault(alike, distributions)
        self._places[trial._trial_id] = study_id, trial.number
        self._replace(trial)

    def _replace(self, trial: FrozenTrial) -> None:
        study_id, _ = self._places[trial._trial_id]
        self._trials[study_id].put(trial)

    def _id(self, trial_id: int) -> int:
        return self._written.get(trial_id, trial_id)

    def _trial(self, trial_id: int) -> FrozenTrial:
        study_id, number = self._places[self._id(trial_id)]
        return self._trials[study_id][number]

    def _put(self, trial_id: int, write: Callable[[int], None]) -> None:
        """Write something of a trial, unless all of it is still to be written."""
        if trial_id not in self._drafts:
            write(self._id(trial_id))

    def _write(self, draft_id: int) -> None:
        study_id, number = self._places[draft_id]
        trial = self._trials[study_id].drop(number)  # it is not there yet, should it be asked for
        assert trial is not None
        trial_id = super().create_new_trial(study_id, trial)
        trial._trial_id = self._written[draft_id] = trial_id
        self._remember(study_id, trial)

    def _forget(self, draft_id: int) -> None:
        study_id, number = self._places.pop(draft_id)
        if draft_id not in self._written:
            self._trials[study_id].drop(number)


def _begun(number: int, trial_id: int) -> FrozenTrial:
    return FrozenTrial(
        number=number,
        trial_id=trial_id,
        state=TrialState.RUNNING,
        value=None,
        datetime_start=datetime.now(),
        datetime_complete=None,
        params={},
        distributions={},
        user_attrs={},
        system_attrs={},
        intermediate_values={},
    )
