"""An Optuna storage in front of another, which waits while that one does not answer."""

from __future__ import annotations

from collections.abc import Callable, Container, Sequence
from contextlib import suppress
from typing import Any, TypeVar

from optuna.distributions import BaseDistribution
from optuna.storages import BaseStorage
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState

from tracking.patience import Patience

STORE = "Optuna's storage"

T = TypeVar("T")


class PatientStorage(BaseStorage):
    """Tries each call again that failed because the storage was away (tracking/patience.py).

    One process writes to a study, so whatever a study has more than before was made by a call of
    ours whose answer was lost. All that is not named in a comment does no harm when done twice.
    """

    def __init__(self, storage: BaseStorage, patience: Patience) -> None:
        self._storage = storage
        self._patience = patience

    def _insist(self, call: Callable[[], T], made: Callable[[], T | None] = lambda: None) -> T:
        return self._patience.insist(STORE, call, made)

    def create_new_study(
        self, directions: Sequence[StudyDirection], study_name: str | None = None
    ) -> int:
        def made() -> int | None:  # a name can be taken once
            with suppress(KeyError):
                return self._storage.get_study_id_from_name(str(study_name))
            return None

        return self._insist(lambda: self._storage.create_new_study(directions, study_name), made)

    def delete_study(self, study_id: int) -> None:
        def made() -> bool | None:  # what is gone cannot be deleted
            try:
                self._storage.get_study_name_from_id(study_id)
            except KeyError:
                return True
            return None

        self._insist(lambda: self._storage.delete_study(study_id) or True, made)

    def create_new_trial(self, study_id: int, template_trial: FrozenTrial | None = None) -> int:
        before = self.get_n_trials(study_id)

        def made() -> int | None:  # a second one would be left over
            if self._storage.get_n_trials(study_id) == before:
                return None
            return self._storage.get_trial_id_from_study_id_trial_number(study_id, before)

        return self._insist(lambda: self._storage.create_new_trial(study_id, template_trial), made)

    def set_trial_state_values(
        self, trial_id: int, state: TrialState, values: Sequence[float] | None = None
    ) -> bool:
        def made() -> bool | None:  # it refuses what is so already
            return self._storage.get_trial(trial_id).state == state or None

        return self._insist(
            lambda: self._storage.set_trial_state_values(trial_id, state, values), made
        )

    def set_trial_param(
        self,
        trial_id: int,
        param_name: str,
        param_value_internal: float,
        distribution: BaseDistribution,
    ) -> None:
        what = (trial_id, param_name, param_value_internal, distribution)
        self._insist(lambda: self._storage.set_trial_param(*what))

    def set_trial_intermediate_value(
        self, trial_id: int, step: int, intermediate_value: float
    ) -> None:
        what = (trial_id, step, intermediate_value)
        self._insist(lambda: self._storage.set_trial_intermediate_value(*what))

    def set_study_user_attr(self, study_id: int, key: str, value: Any) -> None:
        self._insist(lambda: self._storage.set_study_user_attr(study_id, key, value))

    def set_study_system_attr(self, study_id: int, key: str, value: Any) -> None:
        self._insist(lambda: self._storage.set_study_system_attr(study_id, key, value))

    def set_trial_user_attr(self, trial_id: int, key: str, value: Any) -> None:
        self._insist(lambda: self._storage.set_trial_user_attr(trial_id, key, value))

    def set_trial_system_attr(self, trial_id: int, key: str, value: Any) -> None:
        self._insist(lambda: self._storage.set_trial_system_attr(trial_id, key, value))

    def get_study_id_from_name(self, study_name: str) -> int:
        return self._insist(lambda: self._storage.get_study_id_from_name(study_name))

    def get_study_name_from_id(self, study_id: int) -> str:
        return self._insist(lambda: self._storage.get_study_name_from_id(study_id))

    def get_study_directions(self, study_id: int) -> list[StudyDirection]:
        return self._insist(lambda: self._storage.get_study_directions(study_id))

    def get_study_user_attrs(self, study_id: int) -> dict[str, Any]:
        return self._insist(lambda: self._storage.get_study_user_attrs(study_id))

    def get_study_system_attrs(self, study_id: int) -> dict[str, Any]:
        return self._insist(lambda: self._storage.get_study_system_attrs(study_id))

    def get_all_studies(self) -> list[Any]:
        return self._insist(self._storage.get_all_studies)

    def get_trial_id_from_study_id_trial_number(self, study_id: int, trial_number: int) -> int:
        what = (study_id, trial_number)
        return self._insist(lambda: self._storage.get_trial_id_from_study_id_trial_number(*what))

    def get_trial(self, trial_id: int) -> FrozenTrial:
        return self._insist(lambda: self._storage.get_trial(trial_id))

    def get_all_trials(
        self,
        study_id: int,
        deepcopy: bool = True,
        states: Container[TrialState] | None = None,
    ) -> list[FrozenTrial]:
        return self._insist(lambda: self._storage.get_all_trials(study_id, deepcopy, states))

    def remove_session(self) -> None:
        self._storage.remove_session()
