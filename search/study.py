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
from typing import TYPE_CHECKING, Protocol

from search.failures import OutOfTime, TrialFailed
from search.pool import Task, attempt
from tracking.cli import Stopped

if TYPE_CHECKING:
    from search.datasets.cache import Dataset
    from search.engines import Asked, Engine
    from spaces.plan import StudyPlan
    from tracking.records import DataRecord, EpochRecord, ScoreRecord, State
    from tracking.store import StudyStore

KEPT_MODELS = 3


@dataclass(frozen=True)
class Outcome:
    """How a trial ended. An attempt that is void was cut short and is made again."""

    state: State
    score: ScoreRecord | None = None
    reason: str = ""
    void: bool = False


class Watcher(Protocol):
    """Who is told what happens, to show it."""

    def trial_begins(self, asked: Asked) -> None: ...

    def epoch_ends(self, epoch: EpochRecord) -> None: ...

    def trial_ends(self, asked: Asked, outcome: Outcome) -> None: ...

    def tick(self) -> None: ...


@dataclass(frozen=True)
class Coordinator:
    """One study and all that works on it.

    Attributes:
        check_stop: raises Stopped when the user asked to end.
    """

    plan: StudyPlan
    engine: Engine
    store: StudyStore
    data: Dataset
    data_record: DataRecord
    watcher: Watcher
    check_stop: Callable[[], None]

    def run(self) -> None:
        """Evaluate trials until the budget is met.

        Raises:
            Stopped: if the user asked to end; the study can be resumed.
            RuntimeError: if a trial hit a bug of ours, after it was recorded.
        """
        self.engine.reconcile(self.store.begin())
        finished = False
        try:
            while not self._budget_met():
                self.check_stop()
                self._run_trial()
            finished = True
        finally:
            self.store.end(finished=finished)

    def _budget_met(self) -> bool:
        n_trials, timeout = self.plan.n_trials, self.plan.timeout
        if n_trials is not None and self.engine.n_finished() >= n_trials:
            return True
        return timeout is not None and self.engine.seconds_spent() >= timeout

    def _run_trial(self) -> None:
        """Ask, evaluate, record, tell. Whatever happens in between, it is recorded and told."""
        deadline = self._deadline()
        asked = self.engine.ask()
        log = self.store.open_trial(
            asked.number,
            self.plan.family,
            dict(asked.params),
            seed=asked.seed,
            origin=asked.origin,
            data=self.data_record,
        )
        self.watcher.trial_begins(asked)
        outcome = Outcome("failed", reason="cut short", void=True)
        try:
            with tempfile.TemporaryDirectory(prefix="seqsearch-") as folder:
                task = Task(asked.params, self.plan.family, self.data, asked.seed, Path(folder))
                outcome = self._attempt(task, asked, log.epoch, deadline)
                if outcome.state == "complete":
                    log.keep_model(task.model)
        except TrialFailed as failure:  # these values cannot be trained: the study goes on
            outcome = Outcome("failed", reason=str(failure))
        except OutOfTime as end:
            outcome = Outcome("pruned", reason=str(end))
        except Stopped as stop:
            outcome = replace(outcome, reason=str(stop))
            raise
        except BaseException:  # a bug: recorded and told, then it stops the study
            outcome = Outcome("failed", reason=traceback.format_exc(), void=True)
            raise
        finally:
            log.close(outcome.state, outcome.score, reason=outcome.reason, void=outcome.void)
            value = outcome.score.val_accuracy if outcome.score else None
            self.engine.tell(asked.number, outcome.state, value, void=outcome.void)
            self.watcher.trial_ends(asked, outcome)
        self.store.keep_best_models(KEPT_MODELS)

    def _attempt(
        self,
        task: Task,
        asked: Asked,
        log_epoch: Callable[[EpochRecord], None],
        deadline: float,
    ) -> Outcome:
        def tick() -> None:
            self.check_stop()
            if time.monotonic() > deadline:
                raise OutOfTime("the time of the study was used up")
            self.watcher.tick()

        with attempt(task, tick) as under_way:
            for epoch in under_way.epochs():
                log_epoch(epoch)
                self.watcher.epoch_ends(epoch)
                last = epoch.epoch == task.params["train.epochs"]
                if self.engine.should_prune(asked.number, epoch) and not last:
                    return Outcome("pruned", reason=f"below its peers after epoch {epoch.epoch}")
            return Outcome("complete", under_way.result())

    def _deadline(self) -> float:
        if self.plan.timeout is None:
            return float("inf")
        return time.monotonic() + self.plan.timeout - self.engine.seconds_spent()
