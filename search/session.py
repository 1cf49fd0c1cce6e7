"""The trials of one session of a study: what is under way, and what may still be begun."""

from __future__ import annotations

import os
import shutil
import time
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from search.adopt import GRACE_SECONDS
from search.attempt import POLL_SECONDS
from search.course import Course
from search.failures import OutOfTime
from search.pool import Pool
from search.tasks import STEPS, AnyTask, Task
from tracking.cli import Stopped

if TYPE_CHECKING:
    from pathlib import Path

    from search.adopt import AdoptedTrial
    from search.attempt import Event
    from search.budget import Budget
    from search.engines import Asked
    from search.places import Evaluators
    from search.scratch import Scratch
    from search.study import Coordinator
    from tracking.trial_log import TrialLog

_TIME_IS_UP = "the time of the study was used up"


class Session:
    """The trials of one session: those that are under way, and what may still be begun."""

    def __init__(
        self, study: Coordinator, budget: Budget, deaths: Counter[int], scratch: Scratch
    ) -> None:
        self._study = study
        self._budget = budget
        self._deaths = deaths
        self._scratch = scratch
        # Of a container nothing outlives the first process.
        self._outlive = scratch.is_found and study.place.outlives and os.getpid() != 1
        self._courses: dict[Path, Course] = {}  # by the folder of their task
        self._ends: deque[tuple[AnyTask, Event]] = deque()  # that have come and wait their turn
        self._may_begin = True  # until the engine has nothing to give, or time is short
        self._gave_up_time = False

    def run(self, adopted: Sequence[AdoptedTrial]) -> None:
        study = self._study
        try:
            courses = [self._reopen(one) for one in adopted]
            study.run_controls(self._budget, self._scratch.folder)
            with study.place.open_pool(self._tick) as pool:
                for course, one in zip(courses, adopted, strict=True):
                    self._go_on(pool, course, one)
                self._run_all(pool)
        except OutOfTime as end:  # no verdict on these values: they are tried when there is time
            self._cut_short(str(end))
        except Stopped as stop:
            if self._leaves(stop):
                self._leave()
            self._cut_short(str(stop))
            raise
        except BaseException:
            self._cut_short("cut short")
            raise
        if self._gave_up_time:
            assert study.plan.timeout is not None
            study.engine.spend(study.plan.timeout)
        study.store.take_stock(study.keep_models)

    def _run_all(self, pool: Evaluators) -> None:
        """Begin and take until all is done; whatever stops it, no result that has come is lost."""
        try:
            while self._begin(pool) or self._courses:
                self._take_some(pool)
        except (OutOfTime, Stopped) as end:
            try:
                self._take_ends(pool)  # a fault that shows now is more than a stop
            finally:
                if self._leaves(end):
                    self._let_go(pool)
            raise
        except Exception:
            with suppress(Exception):  # and less than the first fault
                self._take_ends(pool)
            raise

    def _take_some(self, pool: Evaluators) -> None:
        """Take the steps that have come, and one end.

        Who waits to go on is served first, for it takes the least: while an end is recorded and
        the next trial asked for, many a step comes. Where epochs may be recorded later, they
        are when nothing else is to be done.
        """
        behind = max(self._courses.values(), key=lambda one: one.n_unwritten)
        come = pool.events(0.0 if self._ends or behind.n_unwritten else POLL_SECONDS)
        self._ends.extend(one for one in come if not isinstance(one[1], STEPS))
        for task, event in come:
            if isinstance(event, STEPS):
                self._take(pool, task, event)
        if self._ends:
            self._take(pool, *self._ends.popleft())
        elif behind.n_unwritten and not come:
            with self._ending_faulty(pool, behind):
                behind.catch_up()

    def _take_ends(self, pool: Evaluators) -> None:
        failure: Exception | None = None
        while self._ends:
            try:
                self._take(pool, *self._ends.popleft())
            except Exception as error:
                failure = failure or error
        if failure is not None:
            raise failure

    def _leaves(self, end: OutOfTime | Stopped) -> bool:
        """Tell whether what is under way is left to the next coordinator.

        Whoever restarts us, or whose connection broke, wants no training lost; who wants an end
        of all says so with Ctrl-C.
        """
        return self._outlive and isinstance(end, Stopped) and not end.is_interrupt

    def _let_go(self, pool: Evaluators) -> None:
        assert isinstance(pool, Pool)  # on a cluster none outlives its coordinator
        for task in pool.leave():
            self._scratch.left.add(self._courses[task.folder].asked.number)

    def _leave(self) -> None:
        """Write nothing more of what was let go, or was not yet taken over."""
        numbers = {course.asked.number: folder for folder, course in self._courses.items()}
        found = sorted(self._scratch.left & numbers.keys())
        left = [self._courses.pop(numbers[number]) for number in found]
        self._study.engine.spend(self._budget.seconds())
        for course in left:
            course.leave()

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
        folder = self._scratch.folder / str(asked.number)
        folder.mkdir(mode=0o700)
        log = study.store.open_trial(
            asked.number,
            study.plan.family(asked.params),
            dict(asked.params),
            seed=asked.seed,
            origin=asked.origin,
            data=study.data.record,
            n_threads=study.place.n_threads,
            is_here=study.place.is_here,
            lags=not study.place.outlives,
        )
        return self._course(asked, log)

    def _reopen(self, one: AdoptedTrial) -> Course:
        log = self._study.store.reopen_trial(one.record, self._study.data.record)
        course = self._course(one.asked, log)
        self._courses[course.task.folder] = course
        self._study.watcher.trial_goes_on(one.asked)
        return course

    def _go_on(self, pool: Evaluators, course: Course, one: AdoptedTrial) -> None:
        """Go on with a trial, if a smaller budget than before has room for it."""
        self._scratch.left.discard(one.asked.number)
        n_others = self._study.engine.n_finished() + len(self._courses) - 1
        if self._budget.met(n_others, lambda: []):  # it was begun before patience was at its end
            one.process.end()
            late = self._budget.out_of_time()
            course.cut_short(_TIME_IS_UP if late else "the budget of its study was made smaller")
            del self._courses[course.task.folder]
            return
        assert isinstance(pool, Pool)  # on a cluster none outlives its coordinator
        pool.go_on_with(course.task, one.process)

    def _course(self, asked: Asked, log: TrialLog) -> Course:
        study = self._study
        task = Task(
            asked.params,
            study.plan.family(asked.params),
            study.data,
            asked.seed,
            self._scratch.folder / str(asked.number),
            split=study.plan.split_of(asked.origin) if study.plan.reproduces else None,
            n_threads=study.place.n_threads,
            first_rung=study.engine.first_rung,
            grace=GRACE_SECONDS if self._outlive else None,
            study_began=time.monotonic() - self._budget.seconds(),
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
        with self._ending_faulty(pool, course):
            goes_on = course.take(event)
        if goes_on:
            pool.go_on(task)
            return
        del self._courses[task.folder]
        pool.stop(task)
        shutil.rmtree(task.folder)
        self._may_begin = self._may_begin or not self._gave_up_time
        self._study.store.take_stock(self._study.keep_models)

    @contextmanager
    def _ending_faulty(self, pool: Evaluators, course: Course) -> Iterator[None]:
        try:
            yield
        except Stopped:
            raise
        except BaseException:  # it was recorded and told
            del self._courses[course.task.folder]
            pool.stop(course.task)
            raise

    def _cut_short(self, reason: str) -> None:
        for course in self._courses.values():
            self._scratch.left.discard(course.asked.number)
            course.cut_short(reason)
        self._courses.clear()

    def _tick(self) -> None:
        self._study.check_stop()
        if self._budget.out_of_time():
            raise OutOfTime(_TIME_IS_UP)
        self._study.watcher.tick()
