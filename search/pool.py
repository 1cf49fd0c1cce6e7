"""Trial processes on this machine, one at a time or several.

Each trial runs in a process of its own, forked from a server that has Keras loaded (1.2 s instead
of 6 to 9 s), so that a crash or running out of memory ends one trial and nothing else. The
process holds no connection to any store: it sends each epoch up and waits for the word to go on.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from multiprocessing import forkserver
from multiprocessing.connection import Connection, wait
from types import FrameType
from typing import Any, TypeVar

from search import evaluator
from search.failures import TrialFailed
from search.tasks import AnyTask, ControlTask, Refitted, Result
from tracking.records import EpochRecord, LookRecord, ScoreRecord

_POLL_SECONDS = 0.2
_CONTEXT = multiprocessing.get_context("forkserver")


@contextmanager
def server() -> Iterator[None]:
    """Start the server that trial processes are forked from; Keras loads in the background."""
    _CONTEXT.set_forkserver_preload(["search.backend"])
    # A terminal signals all its processes, but stopping is for the coordinator, which ends the
    # trial and records it. Processes are born with the signals that their parent ignores.
    with _handled_by(lambda before: signal.SIG_IGN):
        forkserver.ensure_running()
    try:
        yield
    finally:
        # It would end by itself, but not before Keras is loaded, and who reads our output through
        # a pipe would wait for that. There is no public way to end it.
        running: Any = forkserver._forkserver
        with suppress(ProcessLookupError):
            os.kill(running._forkserver_pid, signal.SIGKILL)
        running._stop()


@contextmanager
def _handled_by(handler: Callable[[Any], Any]) -> Iterator[None]:
    """Handle the signals that stop us by what `handler` makes of the handler before."""
    before = [(signum, signal.getsignal(signum)) for signum in evaluator.STOPS]
    try:
        for signum, earlier in before:
            signal.signal(signum, handler(earlier))
        yield
    finally:
        for signum, earlier in before:
            signal.signal(signum, earlier)


class Attempt:
    """A trial under way. `epochs()` must be used up before `result()` has something to give."""

    def __init__(self, task: AnyTask, tick: Callable[[], None]) -> None:
        self._task = task
        self._tick = tick
        self._result: Result | None = None
        self._pipe, theirs = _CONTEXT.Pipe()
        self._process = _CONTEXT.Process(target=evaluator.run, args=(theirs, task), daemon=True)
        with _ticking_on_signals(tick):
            tick()
            self._process.start()  # waits for the server, which may still be loading Keras
        theirs.close()

    def epochs(self) -> Iterator[EpochRecord]:
        """Give each epoch as it ends; the process trains on when the next one is asked for.

        Raises:
            TrialFailed: if the values cannot be trained, or the process died.
            RuntimeError: with the traceback of a bug.
            Exception: whatever `tick` raises.
        """
        while (epoch := self.next_epoch()) is not None:
            yield epoch
            self.go_on()

    def next_epoch(self) -> EpochRecord | None:
        """Wait for an epoch, which is to be answered by `go_on`; None when the result is there.

        Raises:
            as `epochs` does.
        """
        match self._receive():
            case EpochRecord() as epoch:
                return epoch
            case ScoreRecord() | LookRecord() | Refitted() as result:
                self._result = result
                return None
            case TrialFailed() as failure:
                raise failure
            case bug:
                raise RuntimeError(f"a trial process failed:\n{bug}")

    def go_on(self) -> None:
        """Let the process train on."""
        try:
            self._pipe.send(True)
        except OSError:  # it died meanwhile; the next receive says why
            return

    def result(self) -> Result:
        assert self._result is not None
        return self._result

    @property
    def pipe(self) -> Connection:
        """What it is heard through, to wait for several at once."""
        return self._pipe

    def end(self) -> None:
        """Leave no process behind."""
        self._process.kill()
        self._process.join()
        self._pipe.close()

    def _receive(self) -> object:
        while not self._pipe.poll(_POLL_SECONDS):
            self._tick()
        try:
            return self._pipe.recv()
        except (EOFError, OSError):
            self._process.join()
        self._tick()  # it may have died of what asks us to stop
        raise self._cause_of_death()

    def _cause_of_death(self) -> Exception:
        """A signal ends what cannot be trained; a process that ends by itself is a bug."""
        code = self._process.exitcode or 0
        if code == -signal.SIGKILL:
            return TrialFailed("its process was killed, most likely because memory ran out")
        output = self._task.output
        tail = output.read_text("utf-8", "replace")[-2000:].strip() if output.exists() else ""
        words = f"Its last words: {tail or 'none'}"
        if code < 0:
            return TrialFailed(f"its process ended by {signal.Signals(-code).name}. {words}")
        return RuntimeError(f"a trial process ended with code {code}. {words}")


def _ticking_on_signals(tick: Callable[[], None]) -> AbstractContextManager[None]:
    """Tick when a signal arrives: a wait for the operating system goes on unless that raises."""

    def also_tick(before: Any) -> Any:
        def handle(signum: int, frame: FrameType | None) -> None:
            if callable(before):
                before(signum, frame)
            tick()

        return handle

    return _handled_by(also_tick)


@contextmanager
def attempt(task: AnyTask, tick: Callable[[], None]) -> Iterator[Attempt]:
    """Run a task in a process of its own, which is gone when the block is left.

    Args:
        tick: called several times a second while waiting; what it raises ends the attempt.
    """
    under_way = Attempt(task, tick)
    try:
        yield under_way
    finally:
        under_way.end()


OneTask = TypeVar("OneTask", bound=AnyTask)


def run_all(
    tasks: Iterable[OneTask], n_workers: int, tick: Callable[[], None]
) -> Iterator[tuple[OneTask, EpochRecord | Result | TrialFailed]]:
    """Run tasks in processes of their own, some at a time; give what comes of each, as it comes.

    A task gives its epochs and then, last, its result or why it has none. Tasks are taken when a
    place is free. No process is left when the iterator is closed.

    Args:
        tick: called several times a second while waiting; what it raises ends all of them.

    Raises:
        RuntimeError: with the traceback of a bug.
    """
    waiting = iter(tasks)
    under_way: dict[Connection, tuple[OneTask, Attempt]] = {}
    try:
        while True:
            while len(under_way) < n_workers and (task := next(waiting, None)) is not None:
                attempt = Attempt(task, tick)
                under_way[attempt.pipe] = task, attempt
            if not under_way:
                return
            tick()
            for pipe in wait(list(under_way), _POLL_SECONDS):
                assert isinstance(pipe, Connection)
                task, attempt = under_way[pipe]
                try:
                    epoch = attempt.next_epoch()
                except TrialFailed as failure:
                    attempt.end()
                    del under_way[pipe]
                    yield task, failure
                    continue
                if epoch is not None:
                    yield task, epoch
                    attempt.go_on()
                else:
                    attempt.end()
                    del under_way[pipe]
                    yield task, attempt.result()
    finally:
        for _, attempt in under_way.values():
            attempt.end()


def score_control(task: ControlTask, tick: Callable[[], None]) -> ScoreRecord:
    """Fit and score a control in a process of its own.

    Raises:
        TrialFailed: if the process died.
    """
    with attempt(task, tick) as under_way:
        for _ in under_way.epochs():
            raise RuntimeError(f"control {task.name} reported an epoch")
        result = under_way.result()
    if not isinstance(result, ScoreRecord):
        raise RuntimeError(f"control {task.name} looked at the test set")
    return result
