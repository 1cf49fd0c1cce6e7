"""Whether the records of a study are whole, and how they are put right.

As many trials have finished as were asked for, or fewer where something else ended it; each is
recorded once; nothing is running that nobody runs; the best is the best; no file is half.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from search.coordinator.lock import Taken, alone
from tracking import store
from tracking.records import StudyRecord
from tracking.schema.condition import ConditionRecord


def repair(root: Path, name: str) -> list[str]:
    """Do what the next start of a study would do first; return what was changed, a line each."""
    study = store.read_study(root, name).plan.study
    with alone(root, study, briefly=True):
        changed = store.open_evaluation(root, study).begin()
        changed += store.reopen_study(root, study).repair()
    if not changed and not examine(root, study)[0]:
        changed = ["there is nothing to repair"]
    return [f"{study}: {line}" for line in changed]


def examine(root: Path, name: str) -> tuple[list[str], list[str]]:
    """Return what is wrong with a study, and what its next start continues, a sentence each."""
    study = store.read_study(root, name)
    name = study.plan.study
    try:
        with alone(root, name, briefly=True):  # while it is held, nobody writes
            study = store.read_study(root, name)
            found = audit(study, store.condition(root, name))
    except Taken:
        found = audit(study, store.condition(root, name), running=True)
    to_continue = [
        f"{name}: trial {trial.number} was interrupted after epoch {len(trial.epochs)}; "
        "a start whose budget has room for it continues it"
        for trial in study.trials
        if trial.state == "interrupted"
    ]
    return [f"{name}: {line}" for line in found], to_continue


def audit(
    study: StudyRecord, condition: ConditionRecord | None = None, *, running: bool = False
) -> list[str]:
    """Return each fault as a sentence; an empty list when all is well.

    Args:
        condition: of the records; None looks at the trials alone.
        running: a coordinator is at work, so that trials may be under way.
    """
    found = [one.sentence for one in study.unreadable] + _seen_twice(study)
    if not running:
        found += [
            f"trial {trial.number} is running, but nothing runs it"
            for trial in study.trials
            if trial.state == "running"
        ]
    if condition is not None and not running:
        found += _condition(study, condition)
    return sorted(found)


def _seen_twice(study: StudyRecord) -> list[str]:
    times = Counter(trial.number for trial in study.trials)
    return [f"trial {number} is recorded {n} times" for number, n in times.items() if n > 1]


def _condition(study: StudyRecord, condition: ConditionRecord) -> list[str]:
    found = list(condition.faults)
    if condition.running:
        found.append("the study is marked as running, but nothing runs it")
    if study.unreadable:  # neither what has finished nor what is best can be told
        return found
    if not study.reproduces:  # whose budget counts those that it lists, and not all it ever had
        found += _budget(study, condition)
    best = study.candidates[0].number if study.candidates else None
    if condition.best_trial != best:
        found.append(f"the best trial is {best}, but MLflow names {condition.best_trial}")
    return found


def _budget(study: StudyRecord, condition: ConditionRecord) -> list[str]:
    n_finished = sum(trial.has_ended for trial in study.trials)
    most = condition.most_trials
    if most is None or n_finished == most:
        return []
    if n_finished > most:
        return [f"{n_finished} trials have finished, but only {most} may"]
    if condition.budget_met:
        return [f"{n_finished} trials have finished, but the study ended after {most}"]
    return []
