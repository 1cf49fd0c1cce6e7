"""Optuna's storage in a database, which takes a trial that is given whole at once."""

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
    """Writes what a new trial is made with in a statement a table.

    Optuna looks the trial up, and an earlier one, before each of its values: that was a ninth of
    what a trial cost. It has no public way to do without; should its own change, a trial is
    written as Optuna does it. A value whose distribution is new is, for then Optuna compares.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # Study, name and distribution of values that were written, so have been compared.
        self._compared: set[tuple[int, str, str]] = set()

    def delete_study(self, study_id: int) -> None:
        super().delete_study(study_id)
        self._compared.clear()  # SQLite gives the number of a study again

    def _get_prepared_new_trial(
        self, study_id: int, template_trial: FrozenTrial | None, session: Any
    ) -> models.TrialModel:
        if template_trial is None:
            return super()._get_prepared_new_trial(study_id, None, session)
        rest = copy.copy(template_trial)
        texts = {n: distribution_to_json(d) for n, d in template_trial.distributions.items()}
        met = {(study_id, name, text) for name, text in texts.items()}
        rest.params = {
            name: value
            for name, value in template_trial.params.items()
            if (study_id, name, texts[name]) not in self._compared
        }
        rest.user_attrs, rest.system_attrs = {}, {}
        trial = super()._get_prepared_new_trial(study_id, rest, session)
        trial_id: Any = trial.trial_id
        params = [
            {
                "trial_id": trial_id,
                "param_name": name,
                "param_value": template_trial.distributions[name].to_internal_repr(value),
                "distribution_json": texts[name],
            }
            for name, value in template_trial.params.items()
            if name not in rest.params
        ]
        tables = {
            models.TrialParamModel: params,
            models.TrialUserAttributeModel: _attributes(trial_id, template_trial.user_attrs),
            models.TrialSystemAttributeModel: _attributes(trial_id, template_trial.system_attrs),
        }
        for table, rows in tables.items():
            if rows:
                session.execute(insert(table), rows)
        self._compared |= met
        return trial


def _attributes(trial_id: int, attributes: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        {"trial_id": trial_id, "key": key, "value_json": json.dumps(value)}
        for key, value in attributes.items()
    ]
