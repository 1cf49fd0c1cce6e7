"""What an engine remembers of a study, for those who check it and put it right."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import optuna
from optuna.trial import TrialState

from search.audit import Told
from search.engines.journal import Attempt, Ended, Journal, folder_of, read_attempts
from search.engines.names import label
from search.engines.settling import settle_journal, settle_study
from search.engines.storage import database, open_storage
from tracking.records import State, TrialRecord

_STATES: dict[TrialState, State] = {
    TrialState.WAITING: "running",  # to be asked, by whoever queued it a moment ago
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
        study = _study_of(database(root), owner)
        return _told_by_optuna(study) if study else {}
    file = _journal_of(root, owner)
    attempts = read_attempts(file, owner) if file else {}
    return {number: _told_by_journal(attempt) for number, attempt in attempts.items()}


def settle(root: Path, engine: str, owner: str, recorded: Mapping[int, TrialRecord]) -> list[str]:
    """Settle what an engine was left with, as its study's next start does.

    Returns:
        what was changed, a sentence each. Doing it twice changes nothing.
    """
    ends: list[Ended] = []
    if engine == "optuna":
        study = _study_of(database(root), owner)
        ends = settle_study(study, recorded) if study else []
    elif (file := _journal_of(root, owner)) is not None:
        ends = settle_journal(Journal(file, owner), recorded)
    name = label(engine)
    return [
        f"trial {end.number}: {name} had it as not ended, and is told that it is "
        f"{'void' if end.void else end.state}"
        for end in ends
    ]


def _journal_of(root: Path, owner: str) -> Path | None:
    files = folder_of(root).glob("*.jsonl")
    own = (file for file in files if not file.is_symlink())
    return next((file for file in own if read_attempts(file, owner)), None)


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


def _study_of(place: Path | str, owner: str) -> optuna.Study | None:
    if isinstance(place, Path) and not place.is_file():
        return None
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    storage = open_storage(place)
    for name in optuna.get_all_study_names(storage):
        study = optuna.load_study(study_name=name, storage=storage)
        if study.user_attrs.get("owner") == owner:
            return study
    return None


def _told_by_optuna(study: optuna.Study) -> dict[int, Told]:
    void = study.user_attrs.get("void", [])
    trials = study.get_trials(deepcopy=False)
    return {trial.number: _told(trial, trial.number in void) for trial in trials}


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
