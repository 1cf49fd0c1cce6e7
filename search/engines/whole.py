"""Optuna's storage in a database, which writes the values of a new trial all at once."""

from __future__ import annotations

import copy
import json
from typing import Any

from optuna.distributions import distribution_to_json
from optuna.storages import RDBStorage
from optuna.storages._rdb import models
from optuna.trial import FrozenTrial
from sqlalchemy import insert


class WholeTrialStorage(RDBStorage):
    """Writes the parameters and attributes that a new trial is made with in a statement a table.

    Optuna writes one by one, and before each it looks the trial up, for a parameter an earlier
    one too, to compare distributions: that was a ninth of what a trial cost a coordinator. There
    is no public way around it. Parameters are left to Optuna if one has a distribution that has
    not been compared yet, as they all are should Optuna rename its private method. Should its
    tables change, this fails.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # Study, name and distribution of parameters that were written, so have been compared.
        self._compared: set[tuple[int, str, str]] = set()

    def delete_study(self, study_id: int) -> None:
        self._compared.clear()  # SQLite gives the number of a study again
        super().delete_study(study_id)

    def create_new_trial(self, study_id: int, template_trial: FrozenTrial | None = None) -> int:
        trial_id = super().create_new_trial(study_id, template_trial)
        if template_trial is not None:
            self._compared.update(_kinds(study_id, template_trial).values())
        return trial_id

    def _get_prepared_new_trial(
        self, study_id: int, template_trial: FrozenTrial | None, session: Any
    ) -> models.TrialModel:
        if template_trial is None:
            return super()._get_prepared_new_trial(study_id, None, session)
        rest, params = copy.copy(template_trial), dict[str, Any]()
        rest.user_attrs, rest.system_attrs = {}, {}
        kinds = _kinds(study_id, template_trial)
        if self._compared.issuperset(kinds.values()):
            rest.params, params = {}, template_trial.params
        trial = super()._get_prepared_new_trial(study_id, rest, session)
        trial_id: Any = trial.trial_id
        rows = [
            {
                "trial_id": trial_id,
                "param_name": name,
                "param_value": template_trial.distributions[name].to_internal_repr(value),
                "distribution_json": kinds[name][2],
            }
            for name, value in params.items()
        ]
        tables = {
            models.TrialParamModel: rows,
            models.TrialUserAttributeModel: _attributes(trial_id, template_trial.user_attrs),
            models.TrialSystemAttributeModel: _attributes(trial_id, template_trial.system_attrs),
        }
        for table, its_rows in tables.items():
            if its_rows:
                session.execute(insert(table), its_rows)
        return trial


def _kinds(study_id: int, trial: FrozenTrial) -> dict[str, tuple[int, str, str]]:
    """Give, by the name of each parameter, what Optuna compares."""
    return {
        name: (study_id, name, distribution_to_json(trial.distributions[name]))
        for name in trial.params
    }


def _attributes(trial_id: int, attributes: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        {"trial_id": trial_id, "key": key, "value_json": json.dumps(value)}
        for key, value in attributes.items()
    ]
