"""The trials that a person has queued: those on record, those typed, the best of other studies."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from search.arrays import refuse_teacher
from search.datasets import UNLABELLED
from search.engines.base import tried_as
from spaces.families import FAMILY
from spaces.plan import StudyPlan
from spaces.ranges import Choice, Params, Range, Value
from spaces.training import TEACHER
from tracking.commandline.errors import UserError
from tracking.commandline.formatting import LINE, brief, percent, plain

if TYPE_CHECKING:
    from search.cli.options import Options
    from search.datasets.cache import Dataset
    from tracking.records import StudyRecord, TrialRecord

Say = Callable[[str], None]


def with_queue(chosen: Options, data: Dataset, root: Path, say: Say) -> Options:
    """Put into the plan what is queued: on record, typed or in the plan's file, or elsewhere.

    What is on record keeps its name, so that what was tried is not tried again. Equal values are
    one trial, also when they are typed once more.

    Raises:
        UserError: if there is nothing to start from, or a value cannot be tried on these data.
    """
    typed = chosen.plan.enqueued
    asked = bool(typed or chosen.start_from)
    if chosen.plan.reproduces or (chosen.dry_run and not asked):
        return chosen
    from tracking import store

    record = None if chosen.fresh else store.studies(root).get(chosen.study)
    plan = replace(chosen.plan, enqueued={} if record is None else dict(record.enqueued))
    history: tuple[TrialRecord, ...] = ()
    if record is not None and (asked or plan.enqueued):
        history = store.read_study(root, chosen.study).trials
    queue = _Queue(plan, history, UNLABELLED in data.n_texts, say)
    for values in typed.values():
        refuse_teacher(data, str(values[TEACHER]) if TEACHER in values else None)
        queue.add(values)
    for name, n in chosen.start_from:
        queue.add_best(store.read_study(root, name), n)
    return replace(chosen, plan=queue.within_ranges())


@dataclass
class _Queue:
    """What is queued of a plan.

    Attributes:
        history: the trials of the study so far.
        has_unlabelled: whether there are texts that a teacher could label.
    """

    plan: StudyPlan
    history: tuple[TrialRecord, ...]
    has_unlabelled: bool
    say: Say

    def add(self, values: Params) -> None:
        """Queue a trial, unless one with its values is queued or was tried."""
        try:
            queued = self.plan.enqueue(values)
        except ValueError as error:  # the ranges are those of the data by now
            raise UserError(f"--enqueue: {plain(str(error), LINE)}") from None
        if queued.enqueued != self.plan.enqueued and not self._is_tried(values, _shown(values)):
            self.plan = queued

    def add_best(self, study: StudyRecord, n: int) -> None:
        """Queue the best of another study; those of it that are queued already count."""
        where = study.plan.study
        possible = [trial for trial in study.candidates if trial.family in self.plan.families]
        if not possible:
            families = ", ".join(self.plan.families)
            raise UserError(f"--start-from {where}: it has no finished trial of {families}.")
        form = re.compile(rf"from-{re.escape(where)}-\d+")
        n_left = n - sum(form.fullmatch(name) is not None for name in self.plan.enqueued)
        for trial in possible:
            name = f"from-{where}-{trial.number}"
            queue = self.plan.enqueued
            values, remarks = fitted(self.plan, trial, has_unlabelled=self.has_unlabelled)
            if n_left <= 0 or name in queue or values in queue.values():
                continue
            n_left -= 1
            if not self._is_tried(values, f"those of trial {trial.number} of {where}"):
                self.plan = replace(self.plan, enqueued={**queue, name: values})
                assert trial.score is not None
                accuracy = f"{percent(trial.score.val_accuracy)} on {plain(study.plan.data.name)}"
                whose = f"queued: trial {trial.number} of {where}, {accuracy}"
                self.say("; ".join([whose, *remarks]))

    def within_ranges(self) -> StudyPlan:
        """Leave out what was queued when the ranges were others; it stays on record."""
        tried = {trial.proposed_by for trial in self.history}
        kept = {}
        for name, values in self.plan.enqueued.items():
            if self.plan.has_room_for(values):
                kept[name] = values
            elif name not in tried:
                self.say(f"{name} is not tried, being outside of the ranges: {_shown(values)}")
        return replace(self.plan, enqueued=kept)

    def _is_tried(self, values: Params, shown: str) -> bool:
        """Return whether a trial has these values, or is to have them anyway; say so."""
        params = self.plan.queued_values(values)
        tried = tried_as(self.plan, params, self.history)
        anyway = replace(self.plan, enqueued={}).initial_trials().items()
        names = [name for name, known in anyway if known == params]
        if tried is not None or names:
            which = f"trial {tried.number} has" if tried is not None else f"{names[0]} has"
            self.say(f"not queued, as {which} these values: {shown}")
        return tried is not None or bool(names)


def fitted(
    plan: StudyPlan, trial: TrialRecord, *, has_unlabelled: bool
) -> tuple[dict[str, Value], list[str]]:
    """Return what a plan can try of a trial of another study, as it is queued.

    A number outside of its range becomes the nearest end of it, an option that there is not the
    default. What this plan fixes has its value.

    Args:
        has_unlabelled: whether there are texts that a teacher could label.

    Returns:
        the values, and what was changed, a sentence each.
    """
    values: dict[str, Value] = {FAMILY: trial.family}
    remarks = []
    space = plan.space_for(trial.family)
    for name, range_ in space.items():
        if name == FAMILY or name not in trial.params:
            continue
        was = trial.params[name]
        values[name] = _nearest(range_, was)
        if name == TEACHER and not has_unlabelled:
            values[name] = "none"
        if values[name] != was:
            remarks.append(f"{name} {brief(was)} is {brief(values[name])} here")
    gone = [name for name in trial.params if name not in space and name != FAMILY]
    return values, remarks + ([f"without {', '.join(gone)}"] if gone else [])


def _nearest(range_: Range, value: Value) -> Value:
    if isinstance(range_, Choice):
        return value if value in range_ else range_.default
    if isinstance(value, bool | str):
        return range_.default
    return type(range_.low)(min(max(value, range_.low), range_.high))


def _shown(values: Params) -> str:
    return ", ".join(f"{name} {brief(value)}" for name, value in values.items() if name != FAMILY)
