"""Settle what an earlier coordinator left open in an engine's memory, by what was recorded."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import optuna
from optuna.trial import FrozenTrial, TrialState

from search.engines.journal import Ended, Journal
from tracking.durable import unsynced
from tracking.records import TrialRecord
from tracking.redaction import redact

STATES: dict[str, TrialState] = {
    "complete": TrialState.COMPLETE,
    "pruned": TrialState.PRUNED,
    "failed": TrialState.FAIL,
}
LONGEST_REASON = 2_000  # characters, of its end


def ended(number: int, record: TrialRecord | None) -> Ended:
    """Tell how a trial ended that the engine has as running. Without a record it is void."""
    if record is None or record.state == "running" or record.void:
        reason = record.reason if record else "its coordinator was gone"
        return Ended(number, "failed", None, void=True, reason=reason)
    value = record.score.val_accuracy if record.score else None
    return Ended(number, record.state, value, void=False, reason=record.reason)


def settle_study(
    study: optuna.Study, recorded: Mapping[int, TrialRecord], adopted: Collection[int] = ()
) -> list[Ended]:
    """End the trials that Optuna has as running and nobody has adopted, or as waiting to be."""
    found = []
    for trial in study.get_trials(deepcopy=False):
        if trial.state is TrialState.WAITING:
            # It was queued, and the kill came before it was asked. It is queued again.
            end = ended(trial.number, None)
            _set_void(study, trial.number)
            study._storage.set_trial_state_values(trial._trial_id, TrialState.FAIL)
        elif trial.state is TrialState.RUNNING and trial.number not in adopted:
            record = recorded.get(trial.number)
            end = ended(trial.number, record)
            score = record.score if record else None
            n_parameters = score.n_parameters if score else None
            tell(study, end, n_parameters=n_parameters)
        else:
            continue
        found.append(end)
    return found


def tell(study: optuna.Study, end: Ended, *, n_parameters: int | None) -> FrozenTrial:
    """Tell Optuna how a trial ended, and why."""
    with unsynced():  # its end, which comes last, takes it all to the disk
        if end.void:
            _set_void(study, end.number)
        if end.reason:
            trial_id = study._storage.get_trial_id_from_study_id_trial_number(
                study._study_id, end.number
            )
            reason = redact(end.reason)[-LONGEST_REASON:]
            study._storage.set_trial_user_attr(trial_id, "reason", reason)
    two_goals = len(study.directions) > 1
    values = [end.value, n_parameters] if two_goals else end.value
    told = values if end.state == "complete" else None
    return study.tell(end.number, told, state=STATES[end.state])  # type: ignore[arg-type]


def settle_journal(
    journal: Journal, recorded: Mapping[int, TrialRecord], adopted: Collection[int] = ()
) -> list[Ended]:
    """End the attempts that a journal has as running and nobody has adopted."""
    open_ = [number for number, a in journal.attempts.items() if a.state == "running"]
    found = [ended(number, recorded.get(number)) for number in open_ if number not in adopted]
    for end in found:
        journal.tell(end)
    return found


def _set_void(study: optuna.Study, number: int) -> None:
    study.set_user_attr("void", sorted({*study.user_attrs.get("void", []), number}))
