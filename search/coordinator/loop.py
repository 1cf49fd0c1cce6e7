"""The coordinator: propose -> train -> record, until the budget is met.

It owns every write, and the records are its only memory. Trials are trained by others
(search/workers/executor.py), several at a time where there is room; what one of them sends is taken in
search/coordinator/running_trial.py. A stop is a pause, whoever causes it: the next start continues each trial
that was under way from its checkpoint.
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
from search.coordinator.running_trial import RunningTrial
from search.engines.base import next_number
from search.training.failures import OutOfTime, TrialFailed
from search.workers.process_pool import score_simple_baseline
from search.workers.tasks import SimpleBaselineTask, Task
from tracking.commandline.errors import Stopped, UserError, disk_is_full
from tracking.records import SimpleBaselineRecord, TrialRecord

if TYPE_CHECKING:
    from search.coordinator.callbacks import Callbacks
    from search.datasets.cache import Dataset
    from search.engines.base import Engine
    from search.workers.executor import Evaluators, Place
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
        place: where trials are trained.
        work_dir: where they leave their files, and their checkpoints for the next start.
        keep_models: how many models are kept, those of the best candidates.
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
        place: Place,
        work_dir: Path,
        *,
        keep_models: int = 3,
        n_per_round: int | None = None,
    ) -> None:
        self.plan = plan
        self.engine = engine
        self.store = store
        self.data = data
        self.callbacks = callbacks
        self.keep_models = keep_models
        self._check_stop = check_stop
        self._place = place
        self._work_dir = work_dir
        self._n_per_round = n_per_round
        self._running: dict[Path, RunningTrial] = {}  # by the folder of their task
        self._may_begin = True  # until the engine has nothing to propose, or time is short
        self._gave_up_time = False

    def run(self) -> None:
        """Train the simple baselines, then trials until the budget is met.

        Raises:
            Stopped: if the user asked to end; the same command continues the study.
            RuntimeError: if a trial hit a bug of ours, after it was recorded.
        """
        self.store.begin()
        finished = False
        try:
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

    def visible(self, number: int, *, ended: bool = False) -> list[TrialRecord]:
        """Return the trials as the engine is to see them for a trial of this number.

        In rounds, those of its own round are under way, whether they are or not.

        Args:
            ended: leaves the trials of its round out.
        """
        history = [t for t in self.store.history if self._n_per_round is None or t.number < number]
        if self._n_per_round is None:
            return history
        first = self._first_of_round(number)
        before = [trial for trial in history if trial.number < first]
        same = [] if ended else [t for t in history if t.number >= first]
        return before + [
            replace(t, state="running", epochs=(), score=None, rung=None) for t in same
        ]

    @contextmanager
    def _folder(self) -> Iterator[None]:
        """Have a folder for the files of the trials, which only its user can enter."""
        self._work_dir.mkdir(mode=0o700, exist_ok=True)
        going_on = {str(t.number) for t in self.store.history if self._may_continue(t)}
        for path in self._work_dir.iterdir():
            if path.name not in going_on:
                shutil.rmtree(path, ignore_errors=True)
        yield
        for trial in self.store.history:  # the study has ended: nobody is promoted any more
            if trial.has_ended:
                shutil.rmtree(self._work_dir / str(trial.number), ignore_errors=True)
        if not any(self._work_dir.iterdir()):
            self._work_dir.rmdir()

    def _may_continue(self, trial: TrialRecord) -> bool:
        return not trial.has_ended or (trial.state == "pruned" and self.engine.promotes)

    def _run_simple_baselines(self) -> None:
        """Train the simple baselines that are not recorded. Their seconds count for no budget."""
        began = time.monotonic()
        for name in self.plan.simple_baselines:
            if name not in self.store.simple_baselines():
                self._run_simple_baseline(name, self._work_dir / "simple baseline")
        self.budget.leave_out(time.monotonic() - began)

    def _run_simple_baseline(self, name: str, folder: Path) -> None:
        began = time.monotonic()
        self.callbacks.simple_baseline_begins(name)
        folder.mkdir()
        try:
            task = SimpleBaselineTask(name, self.data, folder)
            score = score_simple_baseline(task, self._place.open_pool, self._check_stop)
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
            with self._place.open_pool(self._tick) as pool:
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

    def _begin(self, pool: Evaluators) -> bool:
        """Begin as many trials as there is room and budget for; return whether one was begun."""
        begun = False
        while self._may_begin and pool.n_free:
            self._check_stop()
            if not self._begin_one(pool):
                break
            begun = True
        return begun

    def _begin_one(self, pool: Evaluators) -> bool:
        history = self.store.history
        if self.budget.out_of_time():
            return False
        interrupted = self._interrupted()
        if interrupted is not None:
            self._continue(pool, interrupted)
            return True
        number = next_number(history)
        first = self._first_of_round(number)
        if self._n_per_round and any(not t.has_ended for t in history if t.number < first):
            return False
        visible = self.visible(number)
        promoted = self.engine.promote(visible)
        if promoted is not None:
            self._continue(pool, next(t for t in history if t.number == promoted))
            return True
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
            n_threads=self._place.n_threads,
            is_here=self._place.is_here,
        )
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

    def _continue(self, pool: Evaluators, trial: TrialRecord) -> None:
        log = self.store.continue_trial(trial, self.data.record, is_here=self._place.is_here)
        self.callbacks.trial_continues(trial)
        self._start(pool, self.store.trial(trial.number), log, is_promoted=trial.has_ended)

    def _start(
        self, pool: Evaluators, trial: TrialRecord, log: TrialLog, *, is_promoted: bool = False
    ) -> None:
        folder = self._work_dir / str(trial.number)
        folder.mkdir(exist_ok=True)
        task = Task(
            trial.params,
            trial.family,
            self.data,
            trial.seed,
            folder,
            split=self.plan.split_of(trial.proposed_by) if self.plan.reproduces else None,
            n_threads=self._place.n_threads,
            first_rung=self.engine.first_rung,
        )
        running = RunningTrial(trial, task, log, self, is_promoted=is_promoted)
        self._running[folder] = running
        self.callbacks.trial_begins(trial)
        pool.start(task, running.seconds)

    def _take(self, pool: Evaluators, task: AnyTask, event: Event) -> None:
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
        if not self._may_continue(running.trial):
            shutil.rmtree(task.folder)
        self._may_begin = self._may_begin or not self._gave_up_time
        self.store.drop_models(self.keep_models)

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
