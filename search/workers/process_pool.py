"""Evaluate tasks on this machine, some at a time, each in a process of its own."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Generator, Iterable
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import TYPE_CHECKING, Self, TypeVar, cast

from search.training.failures import Died, TrialFailed
from search.workers.tasks import STEPS, AnyTask, Result, SimpleBaselineTask
from search.workers.trial_process import POLL_SECONDS, Event, TrialProcess
from tracking.commandline.formatting import duration
from tracking.records import EpochRecord, RungRecord, ScoreRecord

if TYPE_CHECKING:
    from search.workers.executor import OpenPool


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
        self._under_way: dict[Connection, TrialProcess] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        for process in self._under_way.values():
            process.end()

    @property
    def n_free(self) -> int:
        """How many tasks can be started. More may be under way, where some are continued."""
        return max(0, self._n_workers - len(self._under_way))

    def start(self, task: AnyTask, seconds: float = 0.0) -> None:
        """Start a task in a process of its own.

        Args:
            seconds: that it has been under way before.
        """
        process = TrialProcess(task, self._tick, seconds)
        self._under_way[process.pipe] = process

    def events(self, seconds: float = POLL_SECONDS) -> list[tuple[AnyTask, Event]]:
        """Wait a moment, and give what has come.

        After a step a task waits for `go_on` or `stop`. After anything else it has ended: with
        a result, with a failure of its values, or with a RuntimeError that is a bug. It is to be
        stopped when that has been recorded: until then it keeps its place.

        Args:
            seconds: to wait at most.
        """
        self._tick()
        heard = {pipe: one for pipe, one in self._under_way.items() if not one.has_ended}
        ready = wait(list(heard), seconds)
        found = [(process, process.event()) for pipe, process in heard.items() if pipe in ready]
        for pipe, process in heard.items():
            if pipe not in ready and process.has_taken(self._time_limit):
                assert self._time_limit is not None
                limit = duration(self._time_limit)
                late = TrialFailed(f"it was not done after {limit} (--trial-timeout)")
                found.append((process, late))
        for process, event in found:
            process.has_ended = not isinstance(event, STEPS)
        return [(process.task, event) for process, event in found]

    def go_on(self, task: AnyTask) -> None:
        """Let a task train on."""
        self._of(task).go_on()

    def stop(self, task: AnyTask) -> None:
        """End a task, or give its place up if it has ended; its process is then gone."""
        process = self._of(task)
        process.end()
        del self._under_way[process.pipe]

    def _of(self, task: AnyTask) -> TrialProcess:
        (process,) = (one for one in self._under_way.values() if one.task is task)
        return process


OneTask = TypeVar("OneTask", bound=AnyTask)


def run_all(
    tasks: Iterable[OneTask], n_workers: int, tick: Callable[[], None], n_starts: int = 1
) -> Generator[tuple[OneTask, EpochRecord | Result | TrialFailed], None, None]:
    """Run tasks, some at a time; give what comes of each, as it comes.

    A task gives its epochs and then, last, its result or why it has none. Tasks are taken when a
    place is free. No process is left when the generator is closed.

    Args:
        tick: called several times a second while waiting; what it raises ends all of them.
        n_starts: how often a task may be started whose process died; it goes on from its
            checkpoint.

    Raises:
        RuntimeError: with the traceback of a bug.
    """
    waiting, n_under_way = iter(tasks), 0
    deaths: Counter[Path] = Counter()  # by the folder of the task
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
                deaths[task.folder] += isinstance(event, Died)
                if isinstance(event, Died) and deaths[task.folder] < n_starts:
                    pool.stop(task)
                    pool.start(task)
                    continue
                assert not isinstance(event, RungRecord)  # it is for pruners; here is none
                if not isinstance(event, EpochRecord):
                    pool.stop(task)
                    n_under_way -= 1
                yield task, event
                if isinstance(event, EpochRecord):
                    pool.go_on(task)


def score_simple_baseline(
    task: SimpleBaselineTask, open_pool: OpenPool, tick: Callable[[], None]
) -> ScoreRecord:
    """Fit and score a simple baseline in a process of its own.

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
        raise RuntimeError(f"simple baseline {task.name} gave {event}")
    return event
