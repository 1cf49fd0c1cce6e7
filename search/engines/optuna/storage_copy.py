"""Trials and whole studies as Optuna has them, and a copy of all studies for its own tools."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from math import isfinite
from pathlib import Path

import optuna
from filelock import FileLock
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from optuna.exceptions import OptunaError
from optuna.storages import BaseStorage, RDBStorage
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState, create_trial
from sqlalchemy import create_engine, inspect
from sqlalchemy.exc import SQLAlchemyError

from spaces.ranges import Choice, Float, Int, Range, read
from tracking.commandline.errors import UserError, cause
from tracking.commandline.redaction import redact
from tracking.connection import address
from tracking.records import PlanRecord, State, StudyRecord, TrialRecord

STATES: Mapping[State, TrialState] = {
    "running": TrialState.RUNNING,
    "interrupted": TrialState.RUNNING,
    "complete": TrialState.COMPLETE,
    "pruned": TrialState.PRUNED,
    "failed": TrialState.FAIL,
}
COPY = "optuna.db"
_LOCK_SECONDS = 60.0  # that another session may take to refresh the copy


def to_optuna(record: StudyRecord, storage: str | BaseStorage | None = None) -> optuna.Study:
    """Write a study as an Optuna study of the same name, with the same trial numbers.

    Optuna numbers trials without gaps, so a number that no trial has becomes a failed trial whose
    reason says so. Steps are epochs; the accuracy within the first epoch is that of step 0.

    Args:
        storage: a database, or its address, to write to; None is memory.

    Raises:
        optuna.exceptions.DuplicatedStudyError: if the storage has a study of this name.
        UserError: if it is a reproduction.
    """
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    name = record.plan.study
    _refuse_reproduction(record)
    study = make_study(name, record.plan.goals, storage)
    try:
        study.add_trials(_without_gaps(record))
    except BaseException:
        if storage is not None:  # half a study would stand in the way of the next attempt
            optuna.delete_study(study_name=name, storage=storage)
        raise
    return study


def _refuse_reproduction(record: StudyRecord) -> None:
    if record.reproduces:
        raise UserError(
            f"study {record.plan.study} searched nothing, so Optuna has no trials to show of it."
        )


def write_to(url: str, record: StudyRecord) -> None:
    """Write a study to the Optuna storage that the person named.

    Raises:
        UserError: if the storage does not take it.
    """
    _refuse_reproduction(record)  # before there is a file
    name, where = record.plan.study, redact(url)
    try:
        if _is_mlflows(url):  # both note the version of their tables under the same name
            raise UserError(f"{where} holds MLflow's records; Optuna needs a database of its own.")
        to_optuna(record, url)
    except optuna.exceptions.DuplicatedStudyError:
        raise UserError(
            f"{where} has a study {name} already, which is not replaced. Name another storage, "
            f"or delete it: optuna delete-study --study-name {name} --storage {where}"
        ) from None
    except ModuleNotFoundError as error:
        raise UserError(f"{where} needs the package {error.name}.") from None
    except (SQLAlchemyError, OptunaError, RuntimeError, ValueError) as error:
        raise UserError(
            f"{where} is no storage that Optuna can write to: {cause(error)}"
        ) from None


def refresh_copy(root: Path, record: StudyRecord) -> None:
    """Write a study to the copy of all studies that lies in a folder of records.

    Nothing reads the copy but Optuna's own tools, so it may be deleted at any time. One that
    cannot be used is begun anew with this study.
    """
    if record.reproduces:
        return  # it searched nothing, and has no values for a sampler
    copy, new = root / COPY, root / f"{COPY}.new"
    with FileLock(root / f"{COPY}.lock", timeout=_LOCK_SECONDS):
        try:
            _discard(new)
            if copy.is_file():
                shutil.copyfile(copy, new)
                try:
                    _write_study(new, record)
                except Exception:  # whatever it is, it is not worth mending
                    _discard(new)
            if not new.is_file():
                _write_study(new, record)
            os.replace(new, copy)
        finally:
            _discard(new)


def make_study(
    name: str, goals: Sequence[str], storage: str | BaseStorage | None = None
) -> optuna.Study:
    """Make an empty Optuna study. It maximizes accuracy and minimizes everything else."""
    return optuna.create_study(storage=storage, study_name=name, directions=_directions(goals))


def _directions(goals: Sequence[str]) -> list[StudyDirection]:
    up, down = StudyDirection.MAXIMIZE, StudyDirection.MINIMIZE
    return [up if goal == "val_accuracy" else down for goal in goals]


def to_frozen(
    trial: TrialRecord,
    distributions: Mapping[str, BaseDistribution],
    goals: Sequence[str],
    steps: Mapping[int, float],
) -> FrozenTrial:
    """Write a trial as Optuna has it. Of its parameters it has those with a distribution."""
    own = {name: found for name, found in distributions.items() if name in trial.params}
    values = _values(trial, goals)
    # Optuna refuses a complete trial without a score, which can only have been edited.
    is_scored = values is not None or trial.state != "complete"
    frozen = create_trial(
        state=STATES[trial.state] if is_scored else TrialState.FAIL,
        values=values,
        params={name: trial.params[name] for name in own},
        distributions=own,
        user_attrs={"proposed_by": trial.proposed_by, "seed": trial.seed, "reason": trial.reason},
        system_attrs=dict(trial.sampler_state),
        intermediate_values=dict(steps),
    )
    if trial.has_ended and trial.ended is not None:
        frozen.datetime_complete = datetime.fromtimestamp(trial.ended / 1_000)
        frozen.datetime_start = frozen.datetime_complete - timedelta(seconds=trial.seconds)
    return frozen


def distribution(range_: Range) -> BaseDistribution:
    """Write a range as Optuna has it."""
    match range_:
        case Float(low=low, high=high, log=log):
            return FloatDistribution(low, high, log=log)
        case Int(low=low, high=high, log=log):
            return IntDistribution(low, high, log=log)
        case Choice(options=options):
            return CategoricalDistribution(options)


def _is_mlflows(url: str) -> bool:
    engine = create_engine(url)
    try:
        return inspect(engine).has_table("experiments")
    finally:
        engine.dispose()


def _without_gaps(record: StudyRecord) -> Iterator[FrozenTrial]:
    distributions = _distributions(record.plan, record.trials)
    number = 0
    for trial in record.trials:
        while number < trial.number:
            reason = {"reason": "no trial of this number is recorded"}
            yield create_trial(state=TrialState.FAIL, user_attrs=reason)
            number += 1
        steps = {} if trial.rung is None else {0: trial.rung.val_accuracy}
        reported = {epoch.epoch: epoch.val_accuracy for epoch in trial.epochs}
        steps |= {epoch: value for epoch, value in reported.items() if value is not None}
        yield to_frozen(trial, distributions, record.plan.goals, steps)
        number += 1


def _distributions(plan: PlanRecord, trials: Sequence[TrialRecord]) -> dict[str, BaseDistribution]:
    """Return one distribution for each recorded range, as a database holds only one."""
    values = {name: [t.params[name] for t in trials if name in t.params] for name in plan.space}
    return {name: distribution(read(words, values[name])) for name, words in plan.space.items()}


def _values(trial: TrialRecord, goals: Sequence[str]) -> list[float] | None:
    if trial.state != "complete" or trial.score is None:
        return None
    values = [float(getattr(trial.score, goal)) for goal in goals]
    return values if all(map(isfinite, values)) else None


def _write_study(file: Path, record: StudyRecord) -> None:
    """Write a study to a database: what it lacks of it, or all where it has anything else."""
    storage, name = RDBStorage(address.sqlite_uri(file)), record.plan.study
    try:
        if name in optuna.get_all_study_names(storage):
            if _extended(optuna.load_study(study_name=name, storage=storage), record):
                return
            optuna.delete_study(study_name=name, storage=storage)
        to_optuna(record, storage)
    finally:
        storage.remove_session()
        storage.engine.dispose()


def _extended(study: optuna.Study, record: StudyRecord) -> bool:
    """Add the trials that a study lacks; return whether all that it has are as recorded."""
    wanted, there = list(_without_gaps(record)), study.get_trials(deepcopy=False)
    if study.directions != _directions(record.plan.goals):
        return False
    if list(map(_content, there)) != list(map(_content, wanted[: len(there)])):
        return False
    study.add_trials(wanted[len(there) :])
    return True


def _content(trial: FrozenTrial) -> list[object]:
    """Return what is recorded of a trial, and not when it was written here."""
    return [
        trial.state,
        trial.values,
        trial.params,
        trial.distributions,
        trial.user_attrs,
        trial.system_attrs,
        trial.intermediate_values,
    ]


def _discard(file: Path) -> None:
    """Delete a database, and with it the journal of a process that was killed."""
    for name in (file.name, f"{file.name}-journal"):
        file.with_name(name).unlink(missing_ok=True)
