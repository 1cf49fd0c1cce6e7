"""Search engines: the next proposal as a function of the history of trials. One file an engine.

An engine keeps no file and no database. All that it needs is in the records of the trials, so a
study that was stopped proposes what it would have proposed without the stop.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from spaces.plan import StudyPlan
from spaces.ranges import Params, Value
from tracking.records import TrialRecord

History = Sequence[TrialRecord]  # all trials of a study, by number


@dataclass(frozen=True)
class Proposal:
    """Values for the next trial.

    Attributes:
        number: of the trial: one more than that of the last in the history.
        params: every hyperparameter of the trial, those that are not searched included.
        proposed_by: the name of an initial trial (plan.initial_trials); the sampler's name; or
            "repeat-of-7" for the values of finished trial 7 on a fresh seed, and
            "promoted-from-7" for those of trial 7 on its own seed and for more epochs.
        sampler_state: what the sampler must remember of this trial, as JSON has it. It is
            recorded with the trial, and in the history of the next proposal.
        continues: the number of a finished trial with these values and this seed, whose
            checkpoint this one begins with; None begins a training of its own.
    """

    number: int
    params: Mapping[str, Value]
    seed: int
    proposed_by: str
    sampler_state: Mapping[str, Any] = field(default_factory=dict)
    continues: int | None = None


class Engine(Protocol):
    """What the coordinator needs of a search engine.

    Attributes:
        first_rung: share of the training texts after which the pruner judges a trial for the
            first time; None waits for the end of an epoch.
    """

    first_rung: float | None

    def propose(self, history: History) -> Proposal | None:
        """Propose the next trial.

        Returns:
            None if there is none until another trial has ended, or, at the end of a grid, ever.
        """

    def promote(self, history: History) -> int | None:
        """Return the number of a pruned trial that is to go on after all, or None."""

    def may_go_on(self, trial: TrialRecord) -> bool:
        """Return whether the training of a trial that has ended may be continued later."""

    def should_prune(self, trial: TrialRecord, history: History) -> str | None:
        """Return why a trial that is under way should end here, or None.

        Args:
            trial: with all of its epochs so far, and its rung if it has one.
            history: the trials that it may be compared with.
        """


def derive(seed: int, number: int, purpose: str) -> int:
    """Derive a seed of 31 bits; never from time, process or resume point."""
    digest = hashlib.sha256(f"{seed} {number} {purpose}".encode()).digest()
    return int.from_bytes(digest[:4], "big") >> 1


def next_number(history: History) -> int:
    """Return the number of the next trial, which no recorded trial has."""
    return history[-1].number + 1 if history else 0


def initial_proposal(plan: StudyPlan, history: History, seed: int) -> Proposal | None:
    """Return the first initial trial of a plan that the history has not; None if it has all."""
    tried = {trial.proposed_by for trial in history}
    for proposed_by, params in plan.initial_trials().items():
        if proposed_by not in tried and tried_as(plan, params, history) is None:
            number = next_number(history)
            return Proposal(number, params, derive(seed, number, "train"), proposed_by)
    return None


def tried_as(plan: StudyPlan, params: Params, history: History) -> TrialRecord | None:
    """Return the first trial with these values that has not failed, whoever proposed it."""
    for trial in history:
        if trial.state != "failed" and plan.values_of(trial.family, trial.params) == params:
            return trial
    return None


def name_proposal(params: Mapping[str, Value], history: History, sampler: str) -> str:
    """Return the sampler's name, or "repeat-of-7" where finished trial 7 has these values."""
    for trial in history:
        if trial.state == "complete" and trial.params == params:
            return f"rerun-of-{trial.number}"
    return sampler
