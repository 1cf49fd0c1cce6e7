"""The audit names whatever does not hold of the records of a study."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from search.audit import audit
from tests.builders import build_evaluation, build_study, build_trial
from tracking.schema.condition import ConditionRecord


def test_a_trial_may_run_only_while_a_coordinator_does() -> None:
    study = build_study(build_trial(0, state="running"), build_trial(1, state="interrupted"))
    assert audit(study, running=True) == []
    assert audit(study) == ["trial 0 is running, but nothing runs it"]


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
    study = build_study(build_trial(0), build_trial(1, 0.9))
    assert audit(study, WHOLE) == []
    assert audit(study, replace(WHOLE, **changes)) == [says]


def test_a_trial_that_is_recorded_twice_is_named() -> None:
    study = build_study(build_trial(0), build_trial(0))
    assert audit(study) == ["trial 0 is recorded 2 times"]


@pytest.mark.parametrize("most_trials", [None, 3])
def test_a_study_that_something_else_ended_may_have_fewer_trials(most_trials: int | None) -> None:
    study = build_study(build_trial(0), build_trial(1, 0.9))
    assert audit(study, replace(WHOLE, most_trials=most_trials)) == []
    assert audit(study, replace(WHOLE, budget_met=True)) == []


def test_of_a_reproduction_all_but_its_budget_is_examined() -> None:
    """What it may have finished is what it lists, and it may have trained other things before."""
    looked = [build_trial(n, score=None, evaluation=build_evaluation(0.87)) for n in range(3)]
    condition = replace(WHOLE, best_trial=None)
    assert audit(build_study(*looked, space={}), condition) == []
    left = build_trial(3, state="running")
    found = audit(build_study(*looked, left, space={}), replace(condition, running=True))
    assert found == [
        "the study is marked as running, but nothing runs it",
        "trial 3 is running, but nothing runs it",
    ]
    assert audit(build_study(*looked, left, space={}), condition, running=True) == []
