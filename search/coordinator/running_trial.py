"""One trial under way: what its process sends is recorded, and the engine asked about it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Literal, TypeVar

from search.training.failures import Died, TrialFailed
from search.workers.tasks import FamilyWorks, Refitted, TeacherResult
from tracking.commandline.errors import disk_is_full
from tracking.records import (
    EpochRecord,
    EvaluationRecord,
    RungRecord,
    ScoreRecord,
    State,
    TrialRecord,
)

if TYPE_CHECKING:
    from search.coordinator.budget import Budget
    from search.coordinator.callbacks import Callbacks
    from search.workers.tasks import Task
    from search.workers.trial_process import Event
    from tracking.writing.study_writer import StudyStore
    from tracking.writing.trial_log import TrialLog

LOADER = "search.served"  # how MLflow loads a kept model
T = TypeVar("T")
WhatNext = Literal["go on", "start again", "ended"]

_NOT_THE_SAME = (
    "its training was made again, and epoch {} has other numbers than on record: machine, "
    "packages, code or --workers are not those of then"
)


class RunningTrial:
    """A trial under way.

    Args:
        trial: as it is recorded so far.
        task: what is trained; its folder is there until the trial has ended.
        should_prune: returns why a trial under way should end here, or None.
        is_promoted: whether its pruner had paused it, and is not asked again about what it saw.

    Attributes:
        trial: as it is recorded by now.
    """

    def __init__(
        self,
        trial: TrialRecord,
        task: Task,
        log: TrialLog,
        store: StudyStore,
        budget: Budget,
        callbacks: Callbacks,
        *,
        should_prune: Callable[[TrialRecord], str | None],
        keep_models: int,
        is_promoted: bool = False,
    ) -> None:
        self.trial = trial
        self.task = task
        self._log = log
        self._store = store
        self._budget = budget
        self._callbacks = callbacks
        self._should_prune = should_prune
        self._keep_models = keep_models
        self._n_judged = len(trial.epochs) if is_promoted else -1  # epochs that it goes on after
        self._began = time.monotonic() - trial.seconds

    @property
    def seconds(self) -> float:
        """How long it has been under way, over all its sessions."""
        return time.monotonic() - self._began

    def take(self, event: Event) -> WhatNext:
        """Record what the trial's process has sent.

        Raises:
            RuntimeError: if the event is a bug.
            Stopped: if the user asked to end while a store was away.
        """
        match event:
            case RungRecord() as rung:
                return self._rung(rung)
            case EpochRecord() as epoch:
                return self._epoch(epoch)
            case ScoreRecord() as score:
                return self._complete(score)
            case EvaluationRecord() as evaluation:
                self._keep_files()
                self._log.evaluation(evaluation)
                return self._end("complete", evaluation=evaluation)
            case Died() if not self.trial.deaths:  # perhaps not its values' fault
                self.trial = replace(self.trial, deaths=1)
                self._log.death(1)
                return "start again"
            case TrialFailed() as failure:  # these values cannot be trained: the study goes on
                return self._end("failed", reason=str(failure))
            case Refitted() | TeacherResult() | FamilyWorks():
                raise RuntimeError("a trial of a search was refitted, taught, or only built")
            case bug:
                raise bug

    def interrupt(self, reason: str) -> None:
        """Record that it was stopped before its end. The next start continues it."""
        seconds = self.seconds
        self._despite_a_full_disk(lambda: self._log.interrupt(reason, seconds))
        self.trial = replace(self.trial, state="interrupted", reason=reason, seconds=self.seconds)
        self._store.put(self.trial)
        self._callbacks.trial_ends(self.trial)

    def stop_at_a_bug(self, words: str) -> None:
        """Record a bug of ours. The next start continues the trial; a second bug fails it."""
        if self.trial.deaths:
            self._end("failed", reason=words)
            return
        self._log.death(1)
        self.trial = replace(self.trial, deaths=1)
        self.interrupt(words)

    def _rung(self, rung: RungRecord) -> WhatNext:
        if self.trial.rung is None:
            self._log.rung(rung)
            self._put(rung=rung)
        return "go on" if self._n_judged >= 0 else self._judge()

    def _epoch(self, epoch: EpochRecord) -> WhatNext:
        """Record an epoch. A trial that is continued sends those of its checkpoint once more."""
        if self._log.epoch(epoch):
            self._put(epochs=self._log.epochs)
            self._budget.note_epoch(self.trial.family, self.trial.params, epoch)
            self._callbacks.epoch_ends(self.trial, epoch)
        elif self.trial.score is not None and not self._is_as_recorded(epoch):
            return self._end("failed", reason=_NOT_THE_SAME.format(epoch.epoch))
        is_last = epoch.epoch == self.trial.params["train.epochs"]
        is_latest = epoch.epoch == self.trial.epochs[-1].epoch
        is_judged = epoch.epoch <= self._n_judged
        if is_last or is_judged or not is_latest or epoch.val_accuracy is None:
            return "go on"
        return self._judge()

    def _is_as_recorded(self, epoch: EpochRecord) -> bool:
        (known,) = (one for one in self.trial.epochs if one.epoch == epoch.epoch)
        return (known.val_loss, known.val_accuracy) == (epoch.val_loss, epoch.val_accuracy)

    def _judge(self) -> WhatNext:
        if self.trial.score is not None:  # it had finished, and a person wants it trained on
            return "go on"
        reason = self._should_prune(self.trial)
        return "go on" if reason is None else self._end("pruned", reason=reason)

    def _complete(self, score: ScoreRecord) -> WhatNext:
        self._keep_files()
        if self.trial.model:  # of fewer epochs
            self._log.drop_model()
            self.trial = replace(self.trial, model=False)
        if self._store.is_promising(self.trial, score.val_accuracy, self._keep_models):
            kept = (self.task.model, score.best_epoch, LOADER, self.task.source)
            self._log.keep_model(*kept)
            self.trial = replace(self.trial, model=True)
        return self._end("complete", score)

    def _end(
        self,
        state: State,
        score: ScoreRecord | None = None,
        *,
        evaluation: EvaluationRecord | None = None,
        reason: str = "",
    ) -> WhatNext:
        if state != "complete":
            self._keep_files()
        if state == "failed" and self.trial.score is not None:
            return self._end_as_before(reason)
        seconds = self.seconds
        ended = self._despite_a_full_disk(
            lambda: self._log.close(
                state,
                score,
                reason=reason,
                seconds=seconds,
                continued_to=self.trial.continued_to,
            )
        )
        self._put(
            state=state,
            score=score,
            evaluation=evaluation,
            reason=reason,
            seconds=seconds,
            ended=ended,
        )
        self._callbacks.trial_ends(self.trial)
        return "ended"

    def _end_as_before(self, reason: str) -> WhatNext:
        """Leave a finished trial that could not train on with its score, epochs and model."""
        said = f"it could not train on and is as before: {reason}"
        score, seconds = self.trial.score, self.seconds
        self._despite_a_full_disk(
            lambda: self._log.close("complete", score, reason=said, seconds=seconds)
        )
        self.trial = self._store.read_again(self.trial.number)
        self._callbacks.trial_ends(self.trial)
        return "ended"

    def _despite_a_full_disk(self, write: Callable[[], T]) -> T:
        """Write, if need be in the space that is kept back for it."""
        try:
            return write()
        except Exception as error:
            if not disk_is_full(error):
                raise
            self._store.release_reserve()
            return write()

    def _put(self, **changes: object) -> None:
        self.trial = replace(self.trial, **changes)  # type: ignore[arg-type]
        self._store.put(self.trial)

    def _keep_files(self) -> None:
        task = self.task
        self._log.keep_files(task.summary, task.output, task.environment)
