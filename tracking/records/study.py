"""A study and all that is recorded of it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from math import isfinite

from tracking.records.evaluation import (
    PruningAuditRecord,
    RankingRecord,
    RerunRecord,
    SealedEvaluationRecord,
)
from tracking.records.plan import PlanRecord
from tracking.records.trial import SimpleBaselineRecord, State, TrialRecord, UnreadableRecord


@dataclass(frozen=True)
class StudyRecord:
    """A study as far as it has come; trials in the order of their numbers.

    Attributes:
        reruns: trainings of finalists on fresh seeds, by search.evaluate.
        final_looks: at the test set, by search.evaluate, the first first.
        final_ranking: what search.evaluate found on validation; None before.
        audits: pruned trials that were trained to their end, by search.evaluate --audit-pruning.
        pruning_audit: what came out of that; None before.
        n_sealed: looks that were begun, one that was cut short included: it counts.
        unreadable: runs of any kind that are left out because their records are damaged.
    """

    plan: PlanRecord
    trials: tuple[TrialRecord, ...]
    simple_baselines: tuple[SimpleBaselineRecord, ...] = ()
    reruns: tuple[RerunRecord, ...] = ()
    sealed_evaluations: tuple[SealedEvaluationRecord, ...] = ()
    final_ranking: RankingRecord | None = None
    audits: tuple[RerunRecord, ...] = ()
    pruning_audit: PruningAuditRecord | None = None
    n_sealed: int = 0
    unreadable: tuple[UnreadableRecord, ...] = ()

    @cached_property
    def candidates(self) -> list[TrialRecord]:
        """Finished trials that could be exported, the best first; the earlier of equals."""
        return ranked(self.trials)

    @property
    def families(self) -> tuple[str, ...]:
        """The families of the plan, and those that trials of an earlier one had."""
        known = (*self.plan.families, *(trial.family for trial in self.trials))
        return tuple(dict.fromkeys(known))

    @property
    def waiting(self) -> list[str]:
        """What a person has queued and no trial was yet, by what will propose it."""
        begun = {trial.proposed_by for trial in self.trials}
        return [name for name in self.plan.enqueued if name not in begun]

    @property
    def front(self) -> list[TrialRecord]:
        """Candidates that no other beats in accuracy without having more numbers to train.

        One that does not say how many it has is left out.
        """
        front: list[TrialRecord] = []
        known = [t for t in self.candidates if t.score and t.score.n_parameters is not None]
        for trial in sorted(known, key=lambda t: (-_accuracy(t), _size(t), t.number)):
            if not front or _size(trial) < _size(front[-1]):
                front.append(trial)
        return front

    @property
    def reproduces(self) -> bool:
        """Whether it trained published configurations as published, and searched nothing."""
        return not self.plan.space

    @property
    def evaluations(self) -> list[TrialRecord]:
        """Trials that were scored on the test set, each of them once."""
        return [trial for trial in self.trials if trial.evaluation is not None]

    def family_of(self, trial: TrialRecord) -> str:
        """Return a trial's family to stand behind its number; nothing where there is only one."""
        return f" {trial.family}" if len(self.families) > 1 else ""

    def count(self, state: State) -> int:
        """Return how many trials are in this state."""
        return sum(t.state == state for t in self.trials)


def ranked(trials: Iterable[TrialRecord]) -> list[TrialRecord]:
    """Return the candidates among trials, the best first; the earlier of equals.

    A score that is not a number is none: nothing can be held against it. A finished trial that
    trains on keeps its score meanwhile.
    """
    finished = [
        trial for trial in trials if trial.score is not None and isfinite(trial.score.val_accuracy)
    ]
    return sorted(finished, key=lambda t: (-_accuracy(t), t.number))


def _size(trial: TrialRecord) -> int:
    assert trial.score is not None
    assert trial.score.n_parameters is not None
    return trial.score.n_parameters


def _accuracy(trial: TrialRecord) -> float:
    assert trial.score is not None
    return trial.score.val_accuracy
