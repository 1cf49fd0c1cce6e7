"""What Optuna remembers of a study, for those who check it."""

from __future__ import annotations

from pathlib import Path

import optuna
from optuna.trial import TrialState

from search.audit import Told
from search.engines.optuna import open_storage
from tracking.records import State

_STATES: dict[TrialState, State] = {
    TrialState.RUNNING: "running",
    TrialState.COMPLETE: "complete",
    TrialState.PRUNED: "pruned",
    TrialState.FAIL: "failed",
}


def told(database: Path, owner: str) -> dict[int, Told]:
    """Give the trials of a study, those that only wait in its queue aside.

    Args:
        owner: id of the records that the study belongs to; a name can be taken anew.
    """
    if not database.is_file():
        return {}
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    storage = open_storage(database)
    for name in optuna.get_all_study_names(storage):
        study = optuna.load_study(study_name=name, storage=storage)
        if study.user_attrs.get("owner") == owner:
            void = study.user_attrs.get("void", [])
            trials = [t for t in study.get_trials(deepcopy=False) if t.state in _STATES]
            return {trial.number: _told(trial, trial.number in void) for trial in trials}
    return {}


def _told(trial: optuna.trial.FrozenTrial, void: bool) -> Told:
    return Told(
        number=trial.number,
        state=_STATES[trial.state],
        void=void,
        origin=trial.user_attrs.get("origin", ""),
        seed=trial.user_attrs.get("seed", -1),
        params=trial.params,
        # To a pruned trial Optuna gives the value of its last epoch.
        value=trial.value if trial.state is TrialState.COMPLETE else None,
    )
