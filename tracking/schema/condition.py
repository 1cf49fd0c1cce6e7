"""In what condition the records of a study are: whether a kill left anything half."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import chain

from mlflow import MlflowClient
from mlflow.entities import Run

from tracking.connection.damage import Unreadable, number
from tracking.connection.runs import of_kind
from tracking.schema import plan_layout, trial_layout, wholeness
from tracking.schema.evaluation_layout import HALF_EVALUATION, TEST_EVALUATION, TRAININGS

HALF_SIMPLE_BASELINE = "half a simple baseline"  # the kind of a simple baseline until it is whole
# Tags of the study's run.
MOST_TRIALS, BUDGET_MET, BEST_TRIAL = "budget.trials", "budget.met", "best.trial"


@dataclass(frozen=True)
class ConditionRecord:
    """What the study's own run says, and what is wrong with the files and runs below it.

    Attributes:
        running: it is marked as being worked on.
        most_trials: how many trials may have finished; None if that was not limited.
        best_trial: the number of the one it names as the best.
        faults: what is half, a sentence each.
        budget_met: it has ended because so many trials had finished, and for no other reason.
    """

    running: bool
    most_trials: int | None
    best_trial: int | None
    faults: tuple[str, ...]
    budget_met: bool = False


def read_condition(client: MlflowClient, experiment: str, parent: Run) -> ConditionRecord:
    """Look at every run and every file of a study. Trials under way may be half.

    What cannot be read at all is passed over here: `StudyRecord.unreadable` names it.
    """
    tags = parent.data.tags
    numbers, lost = _read_numbers(parent)
    return ConditionRecord(
        running=parent.info.status == "RUNNING",
        most_trials=numbers.get(MOST_TRIALS),
        best_trial=numbers.get(BEST_TRIAL),
        faults=(
            *lost,
            *_faults_of_search(client, experiment),
            *_faults_of_evaluation(client, experiment, parent),
        ),
        budget_met=tags.get(BUDGET_MET) == "True",
    )


def _read_numbers(parent: Run) -> tuple[dict[str, int], list[str]]:
    """Read the numbers that the study's own run may have, and say which cannot be read."""
    found, lost = {}, []
    for name in (MOST_TRIALS, BEST_TRIAL):
        if parent.data.tags.get(name):
            try:
                found[name] = number(parent, name)
            except Unreadable as error:
                lost.append(error.record.sentence)
    return found, lost


def _faults_of_search(client: MlflowClient, experiment: str) -> Iterator[str]:
    for run in of_kind(client, experiment, HALF_SIMPLE_BASELINE):
        yield f"simple baseline {run.info.run_name} is half a one"
    for run in of_kind(client, experiment, "trial"):
        with suppress(Unreadable):
            if trial_layout.read_state(run) not in ("running", "interrupted"):
                trial = trial_layout.read_trial(client, run)
                for fault in wholeness.faults_of_trial(client, run):
                    yield f"trial {trial.number}: {fault}"


def _faults_of_evaluation(client: MlflowClient, experiment: str, parent: Run) -> Iterator[str]:
    data = plan_layout.read_plan(client, parent).data
    shape = (data.n_texts.get("validation", 0), len(data.classes))
    for run in chain(*(of_kind(client, experiment, kind) for kind in TRAININGS)):
        with suppress(Unreadable):
            state = trial_layout.read_state(run)
            if state == "running":
                yield f"{run.info.run_name} is running, but nothing runs it"
            if state in ("running", "interrupted"):
                continue
            for fault in wholeness.faults_of_rerun(client, run, shape):
                yield f"{run.info.run_name}: {fault}"
    for run in of_kind(client, experiment, HALF_EVALUATION):
        yield f"{run.info.run_name} is half sealed, and saw nothing"
    for run in of_kind(client, experiment, TEST_EVALUATION):
        with suppress(Unreadable):
            for fault in wholeness.faults_of_evaluation(client, run):
                yield f"{run.info.run_name}: {fault}"
    with suppress(Unreadable):
        yield from wholeness.faults_of_ranking(client, parent)
