"""Whether a study is whole: what must hold of its records, and of what its engine remembers.

As many trials have finished as were asked for, or fewer where something else ended it; each is
once in MLflow and once in the engine, the same to the last bit; nothing is running that nobody
runs; the best is the best; no file is half.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from search.engines.names import label
from tracking.records import State, TrialRecord, Value

if TYPE_CHECKING:
    from tracking.condition import ConditionRecord
    from tracking.records import StudyRecord


@dataclass(frozen=True)
class Told:
    """What an engine remembers of a trial.

    Attributes:
        params: the values that it proposed; those that were fixed are not its own.
        value: what it was told that the trial reached; None where it has none.
    """

    number: int
    state: State
    void: bool
    origin: str
    seed: int
    params: Mapping[str, Value]
    value: float | None


def audit(
    study: StudyRecord,
    told: Mapping[int, Told] | None,
    condition: ConditionRecord | None = None,
    *,
    running: bool = False,
    waiting: Collection[int] = (),
) -> list[str]:
    """Give each disagreement as a sentence; an empty list when all is well.

    Parameters and values must be equal to the last bit.

    Args:
        told: what the engine remembers; None of a reproduction, which has none.
        condition: of the records; None looks at the trials alone.
        running: a coordinator is at work, so that trials may be under way.
        waiting: trials that outlived theirs, and wait for the next.
    """
    found = [one.sentence for one in study.unreadable]
    if told is not None:
        found += _held_together(study, told, running=running, waiting=waiting)
    if not running:
        under_way = (trial.number for trial in study.trials if trial.state == "running")
        left = (number for number in under_way if number not in waiting)
        found += [f"trial {number} is running, but nothing runs it" for number in left]
    found += _seen_twice(study)
    if condition is not None and not running:
        found += _condition(study, condition, waits=bool(waiting))
    return sorted(found)


def _seen_twice(study: StudyRecord) -> list[str]:
    times = Counter(trial.number for trial in study.trials)
    return [f"trial {number} is in MLflow {n} times" for number, n in times.items() if n > 1]


def _condition(study: StudyRecord, condition: ConditionRecord, *, waits: bool) -> list[str]:
    found = list(condition.faults)
    if condition.running and not waits:
        found.append("the study is marked as running, but nothing runs it")
    if study.unreadable:  # neither what has finished nor what is best can be told
        return found
    if not study.reproduces:  # whose budget counts those that it lists, and not all it ever had
        found += _budget(study, condition)
    best = study.candidates[0].number if study.candidates else None
    if condition.best_trial not in (None, best):  # until 2026-11-23 it was not recorded
        found.append(f"the best trial is {best}, but MLflow names {condition.best_trial}")
    return found


def _budget(study: StudyRecord, condition: ConditionRecord) -> list[str]:
    n_finished = sum(t.state != "running" and not t.void for t in study.trials)
    most = condition.most_trials
    if most is None or n_finished == most:
        return []
    if n_finished > most:
        return [f"{n_finished} trials have finished, but only {most} may"]
    if condition.budget_met:
        return [f"{n_finished} trials have finished, but the study ended after {most}"]
    return []


def _held_together(
    study: StudyRecord, told: Mapping[int, Told], *, running: bool, waiting: Collection[int]
) -> list[str]:
    engine = label(study.plan.engine)
    recorded = {trial.number: trial for trial in study.trials}
    unknown = recorded.keys() - told.keys()
    # One that was killed before its record was begun is settled as void, and has no record.
    lost = {n for n in told.keys() - recorded.keys() if not told[n].void}
    lost -= {one.number for one in study.unreadable if one.number is not None}
    if running:  # the two are read one after the other, and a trial may have ended in between
        lost = {n for n in lost if told[n].state != "running"}
        unknown = {n for n in unknown if n < max(told, default=-1)}
    found = [f"trial {n} is in MLflow and not in {engine}" for n in unknown]
    found += [f"trial {n} is in {engine} and not in MLflow" for n in lost]
    for number in sorted(recorded.keys() & told.keys()):
        if (running or number in waiting) and told[number].state == "running":
            continue
        found += _disagreements(recorded[number], told[number], engine)
    return found


def _disagreements(recorded: TrialRecord, told: Told, engine: str) -> list[str]:
    value = recorded.score.val_accuracy if recorded.score else None
    pairs = [
        ("state", recorded.state, told.state),
        ("void", recorded.void, told.void),
        ("origin", recorded.origin, told.origin),
        ("seed", recorded.seed, told.seed),
        ("value", value, told.value),
    ]
    if not (recorded.void and told.void):  # cut short, perhaps before they were written
        pairs += [(name, recorded.params.get(name), told.params[name]) for name in told.params]
    return [
        f"trial {told.number}: {what} is {ours!r} in MLflow and {theirs!r} in {engine}"
        for what, ours, theirs in pairs
        if ours != theirs
    ]
