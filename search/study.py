"""The coordinator: ask -> evaluate -> record -> tell, until the budget is met.

It owns every write. What it leaves behind when it is killed, its next start puts right.
"""

from __future__ import annotations

import tempfile
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from search import served
from search.budget import Budget
from search.failures import OutOfTime, TrialFailed
from search.pool import attempt, score_control
from search.tasks import ControlTask, Task
from search.watcher import Outcome
from tracking.cli import Stopped, disk_is_full
from tracking.records import ControlRecord, LookRecord, ScoreRecord

if TYPE_CHECKING:
    from search.datasets.cache import Dataset
    from search.engines import Asked, Engine
    from search.watcher import Watcher
    from spaces.plan import StudyPlan
    from tracking.records import EpochRecord
    from tracking.writer import StudyStore, TrialLog


@dataclass(frozen=True)
class Coordinator:
    """One study and all that works on it.

    Attributes:
        check_stop: raises Stopped when the user asked to end.
        keep_models: how many models are kept, those of the best candidates.
    """

    plan: StudyPlan
    engine: Engine
    store: StudyStore
    data: Dataset
    watcher: Watcher
    check_stop: Callable[[], None]
    keep_models: int = 3

    def run(self) -> None:
        """Evaluate the controls, then trials until the budget is met.

        Raises:
            Stopped: if the user asked to end; the study can be resumed.
            RuntimeError: if a trial hit a bug of ours, after it was recorded.
        """
        finished = False
        try:
            recorded = self.store.begin()
            self.engine.reconcile(recorded)
            self.store.take_stock(self.keep_models)
            for name in self.plan.controls:
                if name not in self.store.controls():
                    self._run_control(name)
            spent = self.engine.seconds_spent()
            budget = Budget(self.plan, self.data, spent, recorded.values())
            while not budget.met(self.engine.n_finished()):
                self.check_stop()
                asked = self.engine.ask()
                if asked is None or self._is_put_off(asked, budget):
                    break
                self._run_trial(asked, budget)
            finished = True
        except Exception as error:
            if disk_is_full(error):
                self.store.release_reserve()
            raise
        finally:
            self.store.end(finished=finished)

    def _is_put_off(self, asked: Asked, budget: Budget) -> bool:
        """Put a trial off that cannot end in the time that is left, which is then given up.

        It is void: the first to be asked when there is more time.
        """
        lacking = budget.lacking(asked)
        if not lacking:
            return False
        self.engine.tell(asked.number, "failed", None, void=True)
        assert self.plan.timeout is not None
        self.engine.spend(self.plan.timeout)
        self.watcher.trial_put_off(asked, lacking)
        return True

    def _run_control(self, name: str) -> None:
        """Evaluate and record a control. It takes seconds and counts for no budget of trials."""
        began = time.monotonic()
        self.watcher.control_begins(name)
        with tempfile.TemporaryDirectory(prefix="seqsearch-") as folder:
            try:
                score = score_control(ControlTask(name, self.data, Path(folder)), self.check_stop)
            except TrialFailed as failure:  # the next start tries it again
                self.watcher.control_ends(name, None, str(failure))
                return
        self.store.write_control(ControlRecord(name, time.monotonic() - began, score))
        self.watcher.control_ends(name, score, "")

    def _run_trial(self, asked: Asked, budget: Budget) -> None:
        """Evaluate, record, tell. Whatever happens in between, it is recorded and told."""
        log = self.store.open_trial(
            asked.number,
            self.plan.family(asked.params),
            dict(asked.params),
            seed=asked.seed,
            origin=asked.origin,
            data=self.data.record,
        )
        outcome = Outcome("failed", reason="cut short", void=True)
        try:
            self.watcher.trial_begins(asked)
            with tempfile.TemporaryDirectory(prefix="seqsearch-") as folder:
                task = self._task(asked, Path(folder))
                try:
                    outcome = self._attempt(task, asked, log.epoch, budget)
                finally:
                    log.keep_files(task.summary, task.output)
                if outcome.look is not None:
                    log.look(outcome.look)
                if outcome.score is not None:
                    log.keep_model(task.model, outcome.score.best_epoch, served.__name__)
        except TrialFailed as failure:  # these values cannot be trained: the study goes on
            outcome = Outcome("failed", reason=str(failure))
        except OutOfTime as end:  # no verdict on its values: they are tried when there is time
            outcome = replace(outcome, reason=str(end))
        except Stopped as stop:
            outcome = replace(outcome, reason=str(stop))
            raise
        except BaseException as error:  # a bug: recorded and told, then it stops the study
            if disk_is_full(error):
                self.store.release_reserve()
            outcome = Outcome("failed", reason=traceback.format_exc(), void=True)
            raise
        finally:
            self._settle(asked, log, outcome, budget)
        self.store.take_stock(self.keep_models)

    def _settle(self, asked: Asked, log: TrialLog, outcome: Outcome, budget: Budget) -> None:
        """Record how a trial ended, then tell the engine."""
        try:
            log.close(outcome.state, outcome.score, reason=outcome.reason, void=outcome.void)
        except Exception as error:
            if not disk_is_full(error):
                raise
            self.store.release_reserve()
            log.close(outcome.state, outcome.score, reason=outcome.reason, void=outcome.void)
        score = outcome.score
        value = score.val_accuracy if score else None
        self.engine.tell(
            asked.number,
            outcome.state,
            value,
            void=outcome.void,
            n_parameters=score.n_parameters if score else None,
        )
        self.engine.spend(budget.seconds())
        if not outcome.void:
            budget.note_end(asked.origin, outcome.state, value)
        self.watcher.trial_ends(asked, outcome)

    def _task(self, asked: Asked, folder: Path) -> Task:
        return Task(
            asked.params,
            self.plan.family(asked.params),
            self.data,
            asked.seed,
            folder,
            split=self.plan.split_of(asked.origin) if self.plan.reproduces else None,
        )

    def _attempt(
        self,
        task: Task,
        asked: Asked,
        log_epoch: Callable[[EpochRecord], None],
        budget: Budget,
    ) -> Outcome:
        def tick() -> None:
            self.check_stop()
            if budget.out_of_time():
                raise OutOfTime("the time of the study was used up")
            self.watcher.tick()

        with attempt(task, tick) as under_way:
            for epoch in under_way.epochs():
                log_epoch(epoch)
                budget.note_epoch(asked, epoch)
                self.watcher.epoch_ends(epoch)
                last = epoch.epoch == task.params["train.epochs"]
                if self.engine.should_prune(asked.number, epoch) and not last:
                    return Outcome("pruned", reason=f"below its peers after epoch {epoch.epoch}")
            match under_way.result():
                case LookRecord() as look:
                    return Outcome("complete", look=look)
                case ScoreRecord() as score:
                    return Outcome("complete", score)
