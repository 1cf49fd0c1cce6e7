"""The audit names every disagreement between what was recorded and what the engine remembers."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from search.audit import Told, audit
from tests.builders import build_look, build_study, build_trial
from tracking.condition import ConditionRecord
from tracking.records import StudyRecord, TrialRecord


def remember(trial: TrialRecord, **changes: Any) -> Told:
    value = trial.score.val_accuracy if trial.score else None
    told = Told(
        trial.number, trial.state, trial.void, trial.origin, trial.seed, trial.params, value
    )
    return replace(told, **changes)


def study_of(*trials: TrialRecord) -> tuple[StudyRecord, dict[int, Told]]:
    return build_study(*trials), {trial.number: remember(trial) for trial in trials}


def test_a_study_on_which_both_agree_has_no_findings() -> None:
    pruned = build_trial(1, state="pruned", reason="below its peers")
    cut = build_trial(2, state="failed", void=True)
    assert audit(*study_of(build_trial(0), pruned, cut)) == []


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"state": "pruned"}, "state is 'complete' in MLflow and 'pruned' in Optuna"),
        ({"void": True}, "void is False in MLflow and True in Optuna"),
        ({"seed": 3}, "seed is 1000 in MLflow and 3 in Optuna"),
        ({"origin": "tpe"}, "origin is 'defaults' in MLflow and 'tpe' in Optuna"),
        ({"value": 0.8500000000000001}, "value is 0.85 in MLflow and 0.8500000000000001 in"),
        ({"params": {"lstm.units": 129}}, "lstm.units is 128 in MLflow and 129 in Optuna"),
        ({"params": {"lstm.size": 1}}, "lstm.size is None in MLflow and 1 in Optuna"),
    ],
)
def test_a_difference_is_named_with_both_values(changes: dict[str, Any], says: str) -> None:
    trial = build_trial(0)
    (line,) = audit(build_study(trial), {0: remember(trial, **changes)})
    assert line.startswith("trial 0: ")
    assert says in line


def test_a_trial_that_only_one_of_them_has_is_named() -> None:
    study, told = study_of(build_trial(0), build_trial(1))
    assert audit(study, {0: told[0]}) == ["trial 1 is in MLflow and not in Optuna"]
    assert audit(build_study(build_trial(0)), told) == ["trial 1 is in Optuna and not in MLflow"]


def test_an_attempt_that_was_killed_before_its_record_was_begun_is_settled() -> None:
    void = remember(build_trial(1, state="failed", void=True))
    study, told = study_of(build_trial(0))
    assert audit(study, {**told, 1: void}) == []
    cut = build_trial(1, state="failed", void=True, params={})
    assert audit(build_study(build_trial(0), cut), {**told, 1: void}) == []


def test_a_trial_that_ends_while_both_are_read_is_no_disagreement() -> None:
    study, told = study_of(build_trial(0), build_trial(1), build_trial(2))
    earlier = {0: told[0], 1: remember(build_trial(1, state="running"))}
    assert audit(study, earlier, running=True) == []


def test_a_trial_may_run_only_while_a_coordinator_does() -> None:
    study, told = study_of(build_trial(0, state="running"))
    assert audit(study, told, running=True) == []
    assert audit(study, told) == ["trial 0 is running, but nothing runs it"]


WHOLE = ConditionRecord(running=False, most_trials=2, best_trial=1, faults=())


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"most_trials": 1}, "2 trials have finished, but only 1 may"),
        (
            {"most_trials": 3, "budget_met": True},
            "2 trials have finished, but the study ended after 3",
        ),
        ({"best_trial": 0}, "the best trial is 1, but MLflow names 0"),
        ({"running": True}, "the study is marked as running, but nothing runs it"),
        ({"faults": ("trial 1: its model cannot be read",)}, "trial 1: its model cannot be read"),
    ],
)
def test_what_must_hold_of_the_records_is_named_where_it_does_not(
    changes: dict[str, Any], says: str
) -> None:
    study, told = study_of(build_trial(0), build_trial(1, 0.9))
    assert audit(study, told, WHOLE) == []
    assert audit(study, told, replace(WHOLE, **changes)) == [says]


def test_a_trial_that_is_recorded_twice_is_named() -> None:
    study, told = study_of(build_trial(0), build_trial(0))
    assert audit(study, told) == ["trial 0 is in MLflow 2 times"]


@pytest.mark.parametrize("most_trials", [None, 3])
def test_a_study_that_something_else_ended_may_have_fewer_trials(most_trials: int | None) -> None:
    study, told = study_of(build_trial(0), build_trial(1, 0.9))
    assert audit(study, told, replace(WHOLE, most_trials=most_trials)) == []
    assert audit(study, told, replace(WHOLE, budget_met=True)) == []


def test_of_a_reproduction_all_is_looked_at_that_needs_no_engine() -> None:
    """What it may have finished is what it lists, and it may have trained other things before."""
    looked = [build_trial(n, score=None, look=build_look(0.87)) for n in range(3)]
    condition = replace(WHOLE, best_trial=None)
    assert audit(build_study(*looked, space={}), None, condition) == []
    left = build_trial(3, state="running")
    found = audit(build_study(*looked, left, space={}), None, replace(condition, running=True))
    assert found == [
        "the study is marked as running, but nothing runs it",
        "trial 3 is running, but nothing runs it",
    ]
    assert audit(build_study(*looked, left, space={}), None, condition, running=True) == []
