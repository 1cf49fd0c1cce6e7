"""Whether a study is whole: what must hold of its records.

As many trials have finished as were asked for, or fewer where something else ended it; each is
recorded once; nothing is running that nobody runs; the best is the best; no file is half.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tracking.records import StudyRecord
    from tracking.schema.condition import ConditionRecord


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
