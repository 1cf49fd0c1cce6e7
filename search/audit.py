"""Whether what the engine remembers of a study is what was recorded of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from search.engines.names import label
from tracking.records import State, TrialRecord, Value

if TYPE_CHECKING:
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


def audit(study: StudyRecord, told: Mapping[int, Told], *, running: bool = False) -> list[str]:
    """Give each disagreement as a sentence; an empty list when all is well.

    Parameters and values must be equal to the last bit.

    Args:
        running: a coordinator is at work, so that trials may be under way.
    """
    engine = label(study.plan.engine)
    recorded = {trial.number: trial for trial in study.trials}
    unknown = recorded.keys() - told.keys()
    # One that was killed before its record was begun is settled as void, and has no record.
    lost = {n for n in told.keys() - recorded.keys() if not told[n].void}
    if running:  # the two are read one after the other, and a trial may have ended in between
        lost = {n for n in lost if told[n].state != "running"}
        unknown = {n for n in unknown if n < max(told, default=-1)}
    found = [f"trial {n} is in MLflow and not in {engine}" for n in unknown]
    found += [f"trial {n} is in {engine} and not in MLflow" for n in lost]
    under_way = [n for n, trial in recorded.items() if trial.state == "running"]
    if not running:
        found += [f"trial {n} is running, but nothing runs it" for n in under_way]
    for number in sorted(recorded.keys() & told.keys()):
        if running and told[number].state == "running":
            continue
        found += _disagreements(recorded[number], told[number], engine)
    return sorted(found)


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
