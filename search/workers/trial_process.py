"""A task in a process of its own.

Each trial runs in a process of its own, forked from a server that has Keras loaded (1.2 s instead
of 6 to 9 s), so that a crash or running out of memory ends one trial and nothing else. The
process holds no connection to any store: it sends each step up and waits for the word to go on.
"""

from __future__ import annotations

import errno
import multiprocessing
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent import futures
from contextlib import contextmanager, suppress
from multiprocessing import forkserver
from multiprocessing.process import BaseProcess
from types import ModuleType

from search.system.private_names import end_forkserver
from search.training.failures import Died, TrialFailed
from search.workers import worker_main
from search.workers.tasks import AnyTask, FamilyWorks, Refitted, Result, Step, TeacherResult
from tracking.commandline.signals import in_main_thread
from tracking.records import EpochRecord, EvaluationRecord, RungRecord, ScoreRecord

POLL_SECONDS = 0.2
_ASLEEP_SECONDS = 5.0  # between two looks: more means that this machine slept, or was stopped
_CONTEXT = multiprocessing.get_context("forkserver")
_STARTING = threading.Lock()  # one that was given up may still wait for the server


@contextmanager
def server() -> Iterator[None]:
    """Start the server that trial processes are forked from; Keras loads in the background."""
    _CONTEXT.set_forkserver_preload(["search.workers.preload"])
    # A terminal signals all its processes, but stopping is for the coordinator, which ends the
    # trial and records it. Processes are born with the signals that their parent ignores.
    with _ignoring_stops():
        forkserver.ensure_running()
    try:
        yield
    finally:
        end_forkserver()


@contextmanager
def _ignoring_stops() -> Iterator[None]:
    stops = worker_main.STOPS if in_main_thread() else ()
    before = [(signum, signal.getsignal(signum)) for signum in stops]
    try:
        for signum, _ in before:
            signal.signal(signum, signal.SIG_IGN)
        yield
    finally:
        for signum, earlier in before:
            signal.signal(signum, earlier)


def _start_without_main(process: BaseProcess) -> None:
    """Start a process that does not run the main module of this one.

    It would run a person's script once more, from its first line, where the script does not guard
    itself by `if __name__ == "__main__"`. Nothing that we send is defined there.
    """
    with _STARTING:
        main = sys.modules["__main__"]
        sys.modules["__main__"] = ModuleType("__main__")
        try:
            process.start()
        finally:
            sys.modules["__main__"] = main


Event = Step | Result | TrialFailed | RuntimeError


class TrialProcess:
    """A process that works on a task.

    Args:
        tick: called several times a second while waiting; what it raises is passed on.
        seconds: that the task has been under way in earlier processes.

    Attributes:
        has_ended: whether it has nothing more to say.
    """

    def __init__(self, task: AnyTask, tick: Callable[[], None], seconds: float = 0.0) -> None:
        self.task = task
        self.has_ended = False
        self.pipe, theirs = _CONTEXT.Pipe()
        self._tick = tick
        self._process = _CONTEXT.Process(target=worker_main.run, args=(theirs, task), daemon=True)
        self._start()
        theirs.close()
        self._seconds, self._looked = seconds, time.monotonic()

    def event(self) -> Event:
        """Return what it sends next, or why there is nothing. After a step it waits for go_on."""
        try:
            match self.pipe.recv():
                case str() as bug:
                    return _failure(bug)
                case (
                    RungRecord()
                    | EpochRecord()
                    | ScoreRecord()
                    | EvaluationRecord()
                    | Refitted()
                    | TeacherResult()
                    | FamilyWorks()
                    | TrialFailed() as event
                ):
                    return event
        except (EOFError, OSError):
            self._process.join()
        self._tick()  # it may have died of what asks us to stop
        return self._cause_of_death()

    def go_on(self) -> None:
        """Let the process train on."""
        with suppress(OSError):  # it died meanwhile; the next event says why
            self.pipe.send(True)

    def has_taken(self, seconds: float | None) -> bool:
        """Return whether it has taken so long. Time in which nobody could ask does not count."""
        now = time.monotonic()
        self._seconds += min(now - self._looked, _ASLEEP_SECONDS)
        self._looked = now
        return seconds is not None and self._seconds >= seconds

    def end(self) -> None:
        """Leave no process behind, nor any that it started: they are a group of their own."""
        assert self._process.pid is not None
        with suppress(ProcessLookupError):  # it was born a moment ago, or is gone
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.kill()
        self._process.join()
        self.pipe.close()

    def _start(self) -> None:
        """Start the process; wait for the server, which may still be loading Keras.

        A thread starts it, which no signal interrupts: cut off in the middle, it would leave a
        process that was told half of what it is to do, and complains.
        """
        self._tick()
        starter = futures.ThreadPoolExecutor(1)
        started = starter.submit(_start_without_main, self._process)
        starter.shutdown(wait=False)
        try:
            while not futures.wait([started], POLL_SECONDS).done:
                self._tick()
        except BaseException:
            started.add_done_callback(self._end_if_born)
            raise
        started.result()

    def _end_if_born(self, started: futures.Future[None]) -> None:
        if started.exception() is None:  # the server was still there
            self.end()

    def _cause_of_death(self) -> Died | RuntimeError:
        """A signal may be the values' fault; a process that ends by itself is a bug."""
        code = self._process.exitcode or 0
        if code == -signal.SIGKILL:
            return Died(
                f"its process was killed, most likely because memory ran out. {self._last_words()}"
            )
        if code < 0:
            return Died(f"its process ended by {signal.Signals(-code).name}. {self._last_words()}")
        return RuntimeError(f"a trial process ended with code {code}. {self._last_words()}")

    def _last_words(self) -> str:
        output = self.task.output
        tail = output.read_text("utf-8", "replace")[-2000:].strip() if output.exists() else ""
        return f"Its last words: {tail or 'none'}"


def _failure(bug: str) -> RuntimeError:
    """Say that a trial's process hit a bug, by its traceback, or a full disk."""
    failure = RuntimeError(f"a trial process failed:\n{bug}")
    full = os.strerror(errno.ENOSPC)
    if full in bug:
        failure.__cause__ = OSError(errno.ENOSPC, full)
    return failure
