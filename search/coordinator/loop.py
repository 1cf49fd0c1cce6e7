"""The coordinator: propose -> train -> record, until the budget is met.

It owns every write, and the records are its only memory. Workers train the trials, several at a
time where there is room (search/workers/executor.py); running_trial.py records what one of them
sends. A stop is a pause, whoever causes it: the next start continues each trial that was under way
from its checkpoint.
"""

from __future__ import annotations

import shutil
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from search.coordinator.budget import Budget
from search.coordinator.continuing import can_train_on, to_continue
from search.coordinator.running_trial import RunningTrial
from search.engines.base import next_number
from search.training.failures import OutOfTime, TrialFailed
from search.workers.process_pool import score_simple_baseline
from search.workers.tasks import CHECKPOINT, SimpleBaselineTask, Task
from tracking.commandline.errors import Stopped, UserError, disk_is_full
from tracking.records import SimpleBaselineRecord, SourceRecord, TrialRecord

if TYPE_CHECKING:
    from search.coordinator.callbacks import Callbacks
    from search.datasets.cache import Dataset
    from search.engines.base import Engine
    from search.workers.executor import Executor, ExecutorConfig
    from search.workers.tasks import AnyTask
    from search.workers.trial_process import Event
    from spaces.plan import StudyPlan
    from tracking.writing.study_writer import StudyStore
    from tracking.writing.trial_log import TrialLog

_TIME_IS_UP = "the time of the study was used up"
SUMMARY_SECONDS = 5.0  # between two notes of how far the study has come, and in what time


class Coordinator:
    """One study and all that works on it.

    Args:
        check_stop: called often; raises Stopped when the user asked to end.
        executor: where trials are trained.
        work_dir: where they leave their files, and their checkpoints for the next start.
        keep_models: how many models are kept, those of the best candidates.
        n_continued: how many finished trials train on up to the epochs of the plan, the best
            first; those that earlier sessions continued so far count.
        n_per_round: lets so many trials be proposed at once, each from what had ended before
            all of them, so that it does not matter who is fast; None does not wait.
    """

    def __init__(
        self,
        plan: StudyPlan,
        engine: Engine,
        store: StudyStore,
        data: Dataset,
        callbacks: Callbacks,
        check_stop: Callable[[], None],
        executor: ExecutorConfig,
        work_dir: Path,
        *,
        keep_models: int = 3,
        n_continued: int = 0,
        n_per_round: int | None = None,
        source_of: Callable[[str], SourceRecord | None] = lambda family: None,
    ) -> None:
        self.plan = plan
        self.engine = engine
        self.store = store
        self.data = data
        self.callbacks = callbacks
        self.keep_models = keep_models
        self._check_stop = check_stop
        self._executor = executor
        self._work_dir = work_dir
        self._n_continued = n_continued
        self._n_per_round = n_per_round
        self._source_of = source_of
        self._to_continue: list[int] = []  # numbers of finished trials, the best first
        self._running: dict[Path, RunningTrial] = {}  # by the folder of their task
        self._may_begin = True  # until the engine has nothing to propose, or time is short
        self._gave_up_time = False

    def run(self) -> None:
        """Train the simple baselines, then trials until the budget is met.

        Raises:
            Stopped: if the user asked to end; the same command continues the study.
            RuntimeError: if a trial hit a bug of ours, after it was recorded.
            UserError: if fewer trials can be continued than are to be.
        """
        self.store.begin()
        finished = False
        try:
            if self._n_continued:
                limits = self._n_continued, self.plan.max_epochs
                finalists = self.store.finalists()
                self._to_continue = to_continue(self.store.history, *limits, finalists)
            self._spent = self.store.seconds_spent()
            self.budget = Budget(self.plan, self.data, self._spent, self.store.history)
            self.store.set_limit(self._most_trials())
            self.store.update_summary()
            with self._folder():
                self._run_simple_baselines()
                self._run_trials()
            finished = True
        except Exception as error:
            if disk_is_full(error):
                self.store.release_reserve()
            raise
        finally:
            self.store.end(finished=finished)

    def _visible(self, position: int, *, ended: bool = False) -> list[TrialRecord]:
        """Return the trials as the engine is to see them for a trial at this position.

        In rounds, those that began or were resumed in its own round are under way, as they were
        when the round began, whatever has come of them since.

        Args:
            ended: leaves the trials of its round out.
        """
        if self._n_per_round is None:
            return list(self.store.history)
        first = self._first_of_round(position)
        return [
            trial if trial.position < first else _as_it_began(trial)
            for trial in self.store.history
            if trial.position < first or not ended
        ]

    @contextmanager
    def _folder(self) -> Iterator[None]:
        """Have a folder for the files of the trials, which only its user can enter."""
        self._work_dir.mkdir(mode=0o700, exist_ok=True)
        self._delete_files()
        yield
        self._delete_files(ended=True)
        if not any(self._work_dir.iterdir()):
            self._work_dir.rmdir()

    def _delete_files(self, *, ended: bool = False) -> None:
        """Delete what trials have left, but for what they may be continued from.

        Args:
            ended: the study has, so that nobody is promoted any more.
        """
        trials = {str(trial.number): trial for trial in self.store.history}
        for folder in self._work_dir.iterdir():
            trial = trials.get(folder.name)
            if trial is not None and not trial.has_ended:
                continue
            is_kept = trial is not None and (
                (trial.model and can_train_on(trial))
                or (not ended and self.engine.may_go_on(trial))
            )
            if not is_kept or not (folder / CHECKPOINT).exists():
                shutil.rmtree(folder, ignore_errors=True)
            else:
                for path in set(folder.iterdir()) - {folder / CHECKPOINT}:
                    shutil.rmtree(path) if path.is_dir() else path.unlink()

    def _run_simple_baselines(self) -> None:
        """Train the simple baselines that are not recorded. Their seconds count for no budget."""
        began = time.monotonic()
        for name in self.plan.simple_baselines:
            if name not in self.store.simple_baselines():
                self._run_simple_baseline(name, self._work_dir / "simple-baseline")
        self.budget.leave_out(time.monotonic() - began)

    def _run_simple_baseline(self, name: str, folder: Path) -> None:
        began = time.monotonic()
        self.callbacks.simple_baseline_begins(name)
        folder.mkdir()
        try:
            task = SimpleBaselineTask(name, self.data, folder)
            score = score_simple_baseline(task, self._executor.open_pool, self._check_stop)
        except TrialFailed as failure:  # the next start tries it again
            self.callbacks.simple_baseline_ends(name, None, str(failure))
            return
        finally:
            shutil.rmtree(folder)
        self.store.write_simple_baseline(
            SimpleBaselineRecord(name, time.monotonic() - began, score)
        )
        self.callbacks.simple_baseline_ends(name, score, "")

    def _run_trials(self) -> None:
        reason = "its coordinator failed"
        try:
            with self._executor.open_pool(self._tick) as pool:
                while self._begin(pool) or self._running:
                    for task, event in pool.events():
                        self._take(pool, task, event)
        except OutOfTime as end:
            reason = str(end)
        except Stopped as stop:
            reason = str(stop)
            raise
        finally:
            self._interrupt_all(reason)
        if self._gave_up_time:
            assert self.plan.timeout is not None
            self._spend(self.plan.timeout)
        if self.plan.n_trials is not None and self._n_begun() >= self.plan.n_trials:
            self.store.mark_finished()

    def _begin(self, pool: Executor) -> bool:
        """Begin as many trials as there is room and budget for; return whether one was begun."""
        begun = False
        while self._may_begin and pool.n_free:
            self._check_stop()
            if not self._begin_one(pool):
                break
            begun = True
        return begun

    def _begin_one(self, pool: Executor) -> bool:
        history = self.store.history
        if self.budget.out_of_time():
            return False
        interrupted = self._interrupted()
        if interrupted is not None:
            self._continue(pool, interrupted)
            return True
        if self._to_continue:
            finished = self.store.trial(self._to_continue.pop(0))
            self._continue(pool, finished, epochs=self.plan.max_epochs)
            return True
        number = next_number(history)
        first = self._first_of_round(number)
        if self._n_per_round and any(not t.has_ended for t in history if t.position < first):
            return False
        visible = self._visible(number)
        promoted = self.engine.promote(visible)
        if promoted is not None:
            self._continue(pool, next(t for t in history if t.number == promoted))
            return True
        return self._begin_new(pool, visible)

    def _begin_new(self, pool: Executor, visible: list[TrialRecord]) -> bool:
        if self.budget.met(self._n_begun(), visible):
            return False
        proposal = self.engine.propose(visible)
        self._may_begin = proposal is not None
        if proposal is None:
            return False
        family = self.plan.family(proposal.params)
        lacking = self.budget.lacking(family, proposal.params)
        if lacking:
            self._may_begin, self._gave_up_time = False, True
            self.callbacks.trial_put_off(proposal, lacking)
            return False
        log = self.store.open_trial(
            proposal.number,
            family,
            dict(proposal.params),
            seed=proposal.seed,
            proposed_by=proposal.proposed_by,
            sampler_state=proposal.sampler_state,
            data=self.data.record,
            n_threads=self._executor.n_threads,
            is_here=self._executor.is_here,
        )
        folder = self._folder_of(proposal.number)
        if proposal.continues is not None:
            with suppress(FileNotFoundError):  # it is trained from the start
                (self._folder_of(proposal.continues) / CHECKPOINT).replace(folder / CHECKPOINT)
        self._start(pool, self.store.trial(proposal.number), log)
        return True

    def _interrupted(self) -> TrialRecord | None:
        """Return a trial that an earlier session left under way, if the budget has room for it."""
        if self.budget.met(self._n_begun()):
            return None
        under_way = {running.trial.number for running in self._running.values()}
        listed = self.plan.initial_trials() if self.plan.reproduces else None
        for trial in self.store.history:
            is_asked_for = listed is None or trial.proposed_by in listed
            if not trial.has_ended and trial.number not in under_way and is_asked_for:
                return trial
        return None

    def _continue(self, pool: Executor, trial: TrialRecord, *, epochs: int | None = None) -> None:
        has_checkpoint = (self._folder_of(trial.number) / CHECKPOINT).exists()
        log = self.store.continue_trial(
            trial, self.data.record, is_here=self._executor.is_here, epochs=epochs
        )
        self.callbacks.trial_continues(trial, has_checkpoint=has_checkpoint)
        self._start(pool, self.store.trial(trial.number), log, is_promoted=trial.has_ended)

    def _start(
        self, pool: Executor, trial: TrialRecord, log: TrialLog, *, is_promoted: bool = False
    ) -> None:
        folder = self._folder_of(trial.number)
        task = Task(
            trial.params,
            trial.family,
            self.data,
            trial.seed,
            folder,
            split=self.plan.split_of(trial.proposed_by) if self.plan.reproduces else None,
            n_threads=self._executor.n_threads,
            first_rung=self.engine.first_rung,
            source=self._source_of(trial.family),
        )
        running = RunningTrial(
            trial,
            task,
            log,
            self.store,
            self.budget,
            self.callbacks,
            should_prune=self._should_prune,
            keep_models=self.keep_models,
            is_promoted=is_promoted,
        )
        self._running[folder] = running
        self.callbacks.trial_begins(trial)
        pool.start(task, running.seconds)

    def _take(self, pool: Executor, task: AnyTask, event: Event) -> None:
        running = self._running[task.folder]
        try:
            what_next = running.take(event)
        except (
            Stopped,
            UserError,
        ):  # the user waits no longer for records that are away, or another has them
            raise
        except BaseException as error:  # it is recorded, then it stops the study
            pool.stop(task)
            del self._running[task.folder]
            if disk_is_full(error):
                running.interrupt("the disk was full")
            else:
                running.stop_at_a_bug(traceback.format_exc())
            raise
        if what_next == "go on":
            pool.go_on(task)
            return
        pool.stop(task)
        if what_next == "start again":
            pool.start(running.task, running.seconds)
            return
        del self._running[task.folder]
        self._may_begin = self._may_begin or not self._gave_up_time
        self.store.drop_models(self.keep_models)
        self._delete_files()

    def _should_prune(self, trial: TrialRecord) -> str | None:
        return self.engine.should_prune(trial, self._visible(trial.position, ended=True))

    def _interrupt_all(self, reason: str) -> None:
        """Record that what is under way was stopped; where that fails, the next start sees it."""
        for running in self._running.values():
            with suppress(Exception):
                running.interrupt(reason)
        self._running.clear()
        with suppress(Exception):
            self._spend(self.budget.seconds())

    def _n_begun(self) -> int:
        """Return how many trials count for the budget: those that have ended, or are running."""
        under_way = {running.trial.number for running in self._running.values()}
        history = self.store.history
        return self.plan.n_counted(
            [(t.proposed_by, t.params) for t in history if t.has_ended or t.number in under_way]
        )

    def _most_trials(self) -> int | None:
        """Return how many trials may have finished; a smaller budget takes none away."""
        n_trials = self.plan.n_trials
        return None if n_trials is None else max(n_trials, self._n_begun())

    def _folder_of(self, number: int) -> Path:
        folder = self._work_dir / str(number)
        folder.mkdir(exist_ok=True)
        return folder

    def _first_of_round(self, number: int) -> int:
        return number - number % (self._n_per_round or 1)

    def _tick(self) -> None:
        self._check_stop()
        if self.budget.out_of_time():
            raise OutOfTime(_TIME_IS_UP)
        if self.budget.seconds() >= self._spent + SUMMARY_SECONDS:  # a kill leaves no time for it
            self._spend(self.budget.seconds())
            self.store.update_summary()
        self.callbacks.tick()

    def _spend(self, seconds: float) -> None:
        self._spent = seconds
        self.store.spend(seconds)


def _as_it_began(trial: TrialRecord) -> TrialRecord:
    """Return a trial as it was when it began, or went on after its end."""
    if trial.resumed is None:
        return replace(trial, state="running", epochs=(), score=None, rung=None)
    return replace(trial, state="running", epochs=trial.epochs[: trial.resumed.epochs], score=None)
