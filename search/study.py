"""The coordinator: ask -> evaluate -> record -> tell, until the budget is met.

It owns every write. What it leaves behind when it is killed, its next start puts right. Trials
are evaluated by others (search/places.py), several at a time where there is room; what happens to
one of them is in search/course.py.
"""

from __future__ import annotations

import shutil
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from search.budget import Budget
from search.course import Course
from search.failures import OutOfTime, TrialFailed
from search.pool import score_control
from search.tasks import STEPS, AnyTask, ControlTask, Task
from tracking.cli import Stopped, disk_is_full
from tracking.records import ControlRecord

if TYPE_CHECKING:
    from search.attempt import Event
    from search.datasets.cache import Dataset
    from search.engines import Asked, Engine
    from search.places import Evaluators, Place
    from search.watcher import Watcher
    from spaces.plan import StudyPlan
    from tracking.writer import StudyStore


@dataclass(frozen=True)
class Coordinator:
    """One study and all that works on it.

    Attributes:
        check_stop: raises Stopped when the user asked to end.
        place: where trials are evaluated.
        keep_models: how many models are kept, those of the best candidates.
    """

    plan: StudyPlan
    engine: Engine
    store: StudyStore
    data: Dataset
    watcher: Watcher
    check_stop: Callable[[], None]
    place: Place
    keep_models: int = 3

    def run(self) -> None:
        """Evaluate the controls, then trials until the budget is met.

        Raises:
            Stopped: if the user asked to end; the study can be resumed.
            RuntimeError: if a trial hit a bug of ours, after it was recorded.
        """
        # Before anything is touched: the records may be another machine's.
        self.engine.refuse_unknown(self.store.numbers())
        finished = False
        try:
            recorded = self.store.begin()
            self.engine.reconcile(recorded)
            self.store.allow(self._most_trials())
            self.store.take_stock(self.keep_models)
            for name in self.plan.controls:
                if name not in self.store.controls():
                    self._run_control(name)
            spent = self.engine.seconds_spent()
            budget = Budget(self.plan, self.data, spent, recorded.values())
            deaths = Counter(trial.seed for trial in recorded.values() if trial.died)
            with tempfile.TemporaryDirectory(prefix="seqsearch-") as folder:
                _Session(self, budget, deaths, Path(folder)).run()
            if self.plan.n_trials is not None and self.engine.n_finished() >= self.plan.n_trials:
                self.store.meet()
            finished = True
        except Exception as error:
            if disk_is_full(error):
                self.store.release_reserve()
            raise
        finally:
            self.store.end(finished=finished)

    def _most_trials(self) -> int | None:
        """How many trials may have finished in the end. A smaller budget takes nothing away."""
        n_trials = self.plan.n_trials
        return None if n_trials is None else max(n_trials, self.engine.n_finished())

    def _run_control(self, name: str) -> None:
        """Evaluate and record a control. It takes seconds and counts for no budget of trials."""
        began = time.monotonic()
        self.watcher.control_begins(name)
        with tempfile.TemporaryDirectory(prefix="seqsearch-") as folder:
            task = ControlTask(name, self.data, Path(folder))
            try:
                score = score_control(task, self.place.open_pool, self.check_stop)
            except TrialFailed as failure:  # the next start tries it again
                self.watcher.control_ends(name, None, str(failure))
                return
        self.store.write_control(ControlRecord(name, time.monotonic() - began, score))
        self.watcher.control_ends(name, score, "")


class _Session:
    """The trials of one session: those that are under way, and what may still be begun."""

    def __init__(
        self, study: Coordinator, budget: Budget, deaths: Counter[int], folder: Path
    ) -> None:
        self._study = study
        self._budget = budget
        self._deaths = deaths
        self._folder = folder
        self._courses: dict[Path, Course] = {}  # by the folder of their task
        self._may_begin = True  # until the engine has nothing to give, or time is short
        self._gave_up_time = False

    def run(self) -> None:
        study = self._study
        try:
            with study.place.open_pool(self._tick) as pool:
                while self._begin(pool) or self._courses:
                    self._take_all(pool)
        except OutOfTime as end:  # no verdict on these values: they are tried when there is time
            self._cut_short(str(end))
        except Stopped as stop:
            self._cut_short(str(stop))
            raise
        except BaseException:
            self._cut_short("cut short")
            raise
        if self._gave_up_time:
            assert study.plan.timeout is not None
            study.engine.spend(study.plan.timeout)
        study.store.take_stock(study.keep_models)

    def _take_all(self, pool: Evaluators) -> None:
        """Take what has come. One that stops the study takes no result of the others along."""
        failure: Exception | None = None
        for task, event in pool.events():
            try:
                self._take(pool, task, event)
            except Exception as error:
                failure = failure or error
        if failure is not None:
            raise failure

    def _begin(self, pool: Evaluators) -> bool:
        """Begin as many trials as there is room and budget for; tell whether one was begun."""
        begun = False
        while self._may_begin and pool.n_free:
            n_asked_for = self._study.engine.n_finished() + len(self._courses)
            if self._budget.met(n_asked_for, self._study.engine.known):
                break
            self._study.check_stop()
            asked = self._study.engine.ask()
            if asked is None or self._is_put_off(asked):
                self._may_begin = False
                break
            course = self._open(asked)
            self._courses[course.task.folder] = course
            pool.start(course.task)
            begun = True
        return begun

    def _is_put_off(self, asked: Asked) -> bool:
        """Put a trial off that cannot end in the time that is left, which is then given up.

        It is void: the first to be asked when there is more time.
        """
        lacking = self._budget.lacking(asked)
        if not lacking:
            return False
        self._study.engine.tell(asked.number, "failed", None, void=True)
        self._gave_up_time = True
        self._study.watcher.trial_put_off(asked, lacking)
        return True

    def _open(self, asked: Asked) -> Course:
        study = self._study
        log = study.store.open_trial(
            asked.number,
            study.plan.family(asked.params),
            dict(asked.params),
            seed=asked.seed,
            origin=asked.origin,
            data=study.data.record,
            n_threads=study.place.n_threads,
            is_here=study.place.is_here,
        )
        folder = self._folder / str(asked.number)
        folder.mkdir()
        task = Task(
            asked.params,
            study.plan.family(asked.params),
            study.data,
            asked.seed,
            folder,
            split=study.plan.split_of(asked.origin) if study.plan.reproduces else None,
            n_threads=study.place.n_threads,
            first_rung=study.engine.first_rung,
        )
        return Course(
            asked,
            task,
            log,
            study.store,
            study.engine,
            self._budget,
            study.watcher,
            self._deaths,
            study.keep_models,
        )

    def _take(self, pool: Evaluators, task: AnyTask, event: Event) -> None:
        course = self._courses[task.folder]
        try:
            goes_on = course.take(event)
        except BaseException:
            del self._courses[task.folder]
            raise
        if goes_on:
            pool.go_on(task)
            return
        if isinstance(event, STEPS):  # it was pruned
            pool.stop(task)
        del self._courses[task.folder]
        shutil.rmtree(task.folder)
        self._may_begin = self._may_begin or not self._gave_up_time
        self._study.store.take_stock(self._study.keep_models)

    def _cut_short(self, reason: str) -> None:
        for course in self._courses.values():
            course.cut_short(reason)
        self._courses.clear()

    def _tick(self) -> None:
        self._study.check_stop()
        if self._budget.out_of_time():
            raise OutOfTime("the time of the study was used up")
        self._study.watcher.tick()
