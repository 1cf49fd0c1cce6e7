"""Evaluate tasks on this machine, some at a time, each in a process of its own."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable
from multiprocessing.connection import Connection, wait
from typing import TYPE_CHECKING, Self, TypeVar, cast

from search.attempt import POLL_SECONDS, Attempt, Begun, Continued, Event
from search.failures import TrialFailed
from search.tasks import STEPS, AnyTask, ControlTask, Result, Task
from tracking.records import EpochRecord, RungRecord, ScoreRecord
from tracking.words import duration

if TYPE_CHECKING:
    from search.adopt import Adopted
    from search.places import OpenPool


class Pool:
    """Evaluates tasks on this machine, some at a time, each in a process of its own.

    Args:
        tick: called several times a second while waiting; what it raises is passed on.
        time_limit: seconds that a task may take; None is as long as it likes.
    """

    def __init__(
        self, n_workers: int, tick: Callable[[], None], time_limit: float | None = None
    ) -> None:
        self._n_workers = n_workers
        self._tick = tick
        self._time_limit = time_limit
        self._under_way: dict[Connection, Attempt] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        for attempt in self._under_way.values():
            attempt.end()

    @property
    def n_free(self) -> int:
        """How many tasks can be started. More than there is room for may have been adopted."""
        return max(0, self._n_workers - len(self._under_way))

    def start(self, task: AnyTask) -> None:
        """Start a task in a process of its own."""
        attempt = Begun(task, self._tick)
        self._under_way[attempt.pipe] = attempt

    def go_on_with(self, task: Task, process: Adopted) -> None:
        """Take over a task that an earlier coordinator began (search/adopt.py)."""
        attempt = Continued(task, self._tick, process)
        self._under_way[attempt.pipe] = attempt

    def events(self, seconds: float = POLL_SECONDS) -> list[tuple[AnyTask, Event]]:
        """Wait a moment, and give what has come.

        After a step a task waits for `go_on` or `stop`. After anything else it has ended: with
        a result, with a failure of its values, or with a RuntimeError that is a bug. It is to be
        stopped when that has been recorded: until then it keeps its place, and a process that
        outlives us keeps its last word.

        Args:
            seconds: to wait at most.
        """
        self._tick()
        heard = {pipe: one for pipe, one in self._under_way.items() if not one.has_ended}
        ready = wait(list(heard), seconds)
        found = [(attempt, attempt.event()) for pipe, attempt in heard.items() if pipe in ready]
        for pipe, attempt in heard.items():
            if pipe not in ready and attempt.has_taken(self._time_limit):
                assert self._time_limit is not None
                limit = duration(self._time_limit)
                found.append(
                    (attempt, TrialFailed(f"it was not done after {limit} (--trial-timeout)"))
                )
        for attempt, event in found:
            attempt.has_ended = not isinstance(event, STEPS)
        return [(attempt.task, event) for attempt, event in found]

    def go_on(self, task: AnyTask) -> None:
        """Let a task train on."""
        self._of(task).go_on()

    def stop(self, task: AnyTask) -> None:
        """End a task, or give its place up if it has ended; its process is then gone."""
        attempt = self._of(task)
        attempt.end()
        del self._under_way[attempt.pipe]

    def leave(self) -> list[AnyTask]:
        """Leave all tasks, which must outlive us, to the next coordinator (search/line.py)."""
        left = list(self._under_way.values())
        for attempt in left:
            attempt.leave()
        self._under_way.clear()
        return [attempt.task for attempt in left]

    def _of(self, task: AnyTask) -> Attempt:
        (attempt,) = (one for one in self._under_way.values() if one.task is task)
        return attempt


OneTask = TypeVar("OneTask", bound=AnyTask)


def run_all(
    tasks: Iterable[OneTask], n_workers: int, tick: Callable[[], None]
) -> Generator[tuple[OneTask, EpochRecord | Result | TrialFailed], None, None]:
    """Run tasks, some at a time; give what comes of each, as it comes.

    A task gives its epochs and then, last, its result or why it has none. Tasks are taken when a
    place is free. No process is left when the generator is closed.

    Args:
        tick: called several times a second while waiting; what it raises ends all of them.

    Raises:
        RuntimeError: with the traceback of a bug.
    """
    waiting, n_under_way = iter(tasks), 0
    with Pool(n_workers, tick) as pool:
        while True:
            while pool.n_free and (task := next(waiting, None)) is not None:
                pool.start(task)
                n_under_way += 1
            if not n_under_way:
                return
            for given, event in pool.events():
                task = cast("OneTask", given)  # what was started is what is given back
                if isinstance(event, RuntimeError):
                    raise event
                assert not isinstance(event, RungRecord)  # it is for pruners; here is none
                if not isinstance(event, EpochRecord):
                    pool.stop(task)
                    n_under_way -= 1
                yield task, event
                if isinstance(event, EpochRecord):
                    pool.go_on(task)


def score_control(task: ControlTask, open_pool: OpenPool, tick: Callable[[], None]) -> ScoreRecord:
    """Fit and score a control in a process of its own.

    Raises:
        TrialFailed: if the process died.
    """
    with open_pool(tick) as pool:
        pool.start(task)
        while not (events := pool.events()):
            pass  # it has waited a moment
        pool.stop(task)
    ((_, event),) = events
    if isinstance(event, TrialFailed | RuntimeError):
        raise event
    if not isinstance(event, ScoreRecord):
        raise RuntimeError(f"control {task.name} gave {event}")
    return event
