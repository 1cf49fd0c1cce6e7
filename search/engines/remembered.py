"""What an engine remembers of a study, for those who check it."""

from __future__ import annotations

from pathlib import Path

import optuna
from optuna.trial import TrialState

from search.audit import Told
from search.engines.journal import Attempt, folder_of, read_attempts
from search.engines.storage import database, open_storage
from tracking.records import State

_STATES: dict[TrialState, State] = {
    TrialState.RUNNING: "running",
    TrialState.COMPLETE: "complete",
    TrialState.PRUNED: "pruned",
    TrialState.FAIL: "failed",
}


def told(root: Path, engine: str, owner: str) -> dict[int, Told]:
    """Give the trials of a study.

    Args:
        root: the folder of all records.
        engine: the study's.
        owner: id of the records that the study belongs to; a name can be taken anew.
    """
    if engine == "optuna":
        return _told_by_optuna(database(root), owner)
    for file in folder_of(root).glob("*.jsonl"):
        attempts = read_attempts(file, owner)
        if attempts:
            return {number: _told_by_journal(attempt) for number, attempt in attempts.items()}
    return {}


def _told_by_journal(attempt: Attempt) -> Told:
    return Told(
        number=attempt.number,
        state=attempt.state,
        void=attempt.void,
        origin=attempt.origin,
        seed=attempt.seed,
        params=attempt.params,
        value=attempt.value,
    )


def _told_by_optuna(place: Path | str, owner: str) -> dict[int, Told]:
    """Give the trials, those that only wait in Optuna's queue aside."""
    if isinstance(place, Path) and not place.is_file():
        return {}
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    storage = open_storage(place)
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
        # Of two goals accuracy is the first.
        value=trial.values[0] if trial.state is TrialState.COMPLETE else None,
    )
