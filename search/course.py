"""The course of one trial: asked, evaluated, recorded, told."""

from __future__ import annotations

import traceback
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from search import served
from search.failures import Died, TrialFailed
from search.tasks import Refitted
from search.watcher import Outcome
from tracking.cli import Stopped, disk_is_full
from tracking.records import EpochRecord, LookRecord, RungRecord, ScoreRecord

if TYPE_CHECKING:
    from search.attempt import Event
    from search.budget import Budget
    from search.engines import Asked, Engine
    from search.tasks import Task
    from search.watcher import Watcher
    from tracking.trial_log import TrialLog
    from tracking.writer import StudyStore


class Course:
    """A trial under way. Whatever happens to it, it is recorded and told, in this order.

    Args:
        task: what is evaluated; its folder is there until the trial has ended.
        deaths: how often a process died over a trial with this seed.
        keep_models: how many models are kept, those of the best candidates.
    """

    def __init__(
        self,
        asked: Asked,
        task: Task,
        log: TrialLog,
        store: StudyStore,
        engine: Engine,
        budget: Budget,
        watcher: Watcher,
        deaths: Counter[int],
        keep_models: int,
    ) -> None:
        self.asked = asked
        self.task = task
        self._log = log
        self._store = store
        self._engine = engine
        self._budget = budget
        self._watcher = watcher
        self._deaths = deaths
        self._keep_models = keep_models
        self._is_ending = False
        watcher.trial_begins(asked)

    def take(self, event: Event) -> bool:
        """Take what the trial's process has sent.

        Returns:
            whether the trial goes on; if not, it has been recorded and told.

        Raises:
            RuntimeError: if the event is a bug, after it was recorded.
            Stopped: if the user asked to end while a store was away; the trial is still under way.
        """
        with self._telling_faults():
            outcome = self._outcome(event)
        if outcome is None:
            return True
        self._settle(outcome)
        return False

    def cut_short(self, reason: str) -> None:
        """End the trial without a verdict on its values: it is made again.

        One whose end could not be told for want of a store is put right by the next start.
        """
        if not self._is_ending:
            self._settle(Outcome("failed", reason=reason, void=True))

    @property
    def n_unwritten(self) -> int:
        """How many numbers of epochs are not recorded yet."""
        return self._log.n_unwritten

    def catch_up(self) -> None:
        """Record the epochs that are not recorded yet. It raises as `take` does."""
        with self._telling_faults():
            self._log.catch_up()

    def leave(self) -> None:
        """Leave it to the next coordinator, as it is."""
        assert self.task.grace is not None
        self._log.leave()
        self._watcher.trial_waits(self.asked, self.task.grace)

    @contextmanager
    def _telling_faults(self) -> Iterator[None]:
        try:
            yield
        except Stopped:  # a store is away, and the user waits no longer
            raise
        except BaseException as error:  # a bug: recorded and told, then it stops the study
            if disk_is_full(error):
                self._store.release_reserve()
            self._settle(Outcome("failed", reason=traceback.format_exc(), void=True))
            raise

    def _outcome(self, event: Event) -> Outcome | None:
        """Record an event, and give how the trial ended, if it did."""
        match event:
            case RungRecord() as rung:
                return self._rung(rung)
            case EpochRecord() as epoch:
                return self._epoch(epoch)
            case ScoreRecord() as score:
                self._keep_files()
                number, accuracy = self.asked.number, score.val_accuracy
                if self._store.is_promising(number, accuracy, self._keep_models):
                    self._log.keep_model(self.task.model, score.best_epoch, served.__name__)
                return Outcome("complete", score)
            case LookRecord() as look:
                self._keep_files()
                self._log.look(look)
                return Outcome("complete", look=look)
            case Died() as death:
                self._deaths[self.asked.seed] += 1
                again = self._deaths[self.asked.seed] == 1
                return Outcome("failed", reason=str(death), void=again, died=True)
            case TrialFailed() as failure:  # these values cannot be trained: the study goes on
                return Outcome("failed", reason=str(failure))
            case Refitted():
                raise RuntimeError("a trial of a search was refitted")
            case bug:
                raise bug

    def _rung(self, rung: RungRecord) -> Outcome | None:
        self._log.rung(rung)
        if self._engine.should_prune(self.asked.number, rung.share, rung.val_accuracy):
            return Outcome(
                "pruned",
                reason=f"below its peers after {100 * rung.share:.0f} % of the training texts",
            )
        return None

    def _epoch(self, epoch: EpochRecord) -> Outcome | None:
        self._log.epoch(epoch)
        self._budget.note_epoch(self.asked, epoch)
        self._watcher.epoch_ends(self.asked, epoch)
        last = epoch.epoch == self.asked.params["train.epochs"]
        if epoch.val_accuracy is None:  # a reproduction has no validation
            return None
        number, accuracy = self.asked.number, epoch.val_accuracy
        if self._engine.should_prune(number, epoch.epoch, accuracy) and not last:
            return Outcome("pruned", reason=f"below its peers after epoch {epoch.epoch}")
        return None

    def _keep_files(self) -> None:
        self._log.keep_files(self.task.summary, self.task.output, self.task.environment)

    def _settle(self, outcome: Outcome) -> None:
        """Record how it ended, then tell the engine."""
        self._is_ending = True
        try:
            self._close(outcome)
        except Exception as error:
            if not disk_is_full(error):
                raise
            self._store.release_reserve()
            self._close(outcome)
        score = outcome.score
        value = score.val_accuracy if score else None
        self._engine.tell(
            self.asked.number,
            outcome.state,
            value,
            void=outcome.void,
            n_parameters=score.n_parameters if score else None,
            reason=outcome.reason,
        )
        self._engine.spend(self._budget.seconds())
        if not outcome.void:
            self._budget.note_end(self.asked.origin, outcome.state, value)
        self._watcher.trial_ends(self.asked, outcome)

    def _close(self, outcome: Outcome) -> None:
        if outcome.state != "complete":
            self._keep_files()
        self._log.close(
            outcome.state,
            outcome.score,
            reason=outcome.reason,
            void=outcome.void,
            died=outcome.died,
        )
