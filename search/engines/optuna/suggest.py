"""A proposal of Optuna's for the ranges of a plan."""

from __future__ import annotations

from typing import Any, cast

import optuna

from spaces.families import FAMILY
from spaces.plan import StudyPlan
from spaces.ranges import Choice, Float, Int, Range, Value


def suggest(trial: optuna.Trial, plan: StudyPlan) -> dict[str, Value]:
    """Propose a value for each range that the trial has; its family is proposed first."""
    values: dict[str, Value] = {}
    if FAMILY in plan.searched:
        values[FAMILY] = _propose(trial, FAMILY, plan.space[FAMILY])
    for name in plan.searched_for(values):
        if plan.is_active(name, values):
            values[name] = _propose(trial, name, plan.space[name])
    return values


def _propose(trial: optuna.Trial, name: str, range_: Range) -> Value:
    match range_:
        case Float():
            return trial.suggest_float(name, range_.low, range_.high, log=range_.log)
        case Int():
            return trial.suggest_int(name, range_.low, range_.high, log=range_.log)
        case Choice():
            choice: Any = trial.suggest_categorical(name, range_.options)
            return cast("Value", choice)
