"""Trial processes on this machine, one at a time.

Each trial runs in a process of its own, forked from a server that has Keras loaded (1.2 s instead
of 6 to 9 s), so that a crash or running out of memory ends one trial and nothing else. The
process holds no connection to any store: it sends each epoch up and waits for the word to go on.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from multiprocessing import forkserver
from multiprocessing.connection import Connection
from pathlib import Path
from types import FrameType
from typing import Any

from search.datasets.cache import Dataset
from search.failures import TrialFailed
from spaces.plan import Split
from spaces.ranges import Params
from tracking.records import EpochRecord, LookRecord, ScoreRecord

Result = ScoreRecord | LookRecord
_POLL_SECONDS = 0.2
_STOPS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_CONTEXT = multiprocessing.get_context("forkserver")


@dataclass(frozen=True)
class Task:
    """What one trial trains on, and where it leaves its files.

    Attributes:
        folder: receives model.keras (raw text in), summary.txt (its layers) and output.txt (what
            the process printed).
        split: None trains on the training part and scores on validation. Of a reproduction, what
            it is trained on and, once, tested on.
    """

    params: Params
    family: str
    data: Dataset
    seed: int
    folder: Path
    split: Split | None = None

    @property
    def model(self) -> Path:
        return self.folder / "model.keras"

    @property
    def summary(self) -> Path:
        return self.folder / "summary.txt"

    @property
    def output(self) -> Path:
        return self.folder / "output.txt"


@dataclass(frozen=True)
class ControlTask:
    """A control to be fitted; the folder receives output.txt (what the process printed)."""

    name: str
    data: Dataset
    folder: Path

    @property
    def output(self) -> Path:
        return self.folder / "output.txt"


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
    before = [(signum, signal.getsignal(signum)) for signum in _STOPS]
    try:
        for signum, earlier in before:
            signal.signal(signum, handler(earlier))
        yield
    finally:
        for signum, earlier in before:
            signal.signal(signum, earlier)


class Attempt:
    """A trial under way. `epochs()` must be used up before `result()` has something to give."""

    def __init__(self, task: Task | ControlTask, tick: Callable[[], None]) -> None:
        self._task = task
        self._tick = tick
        self._result: Result | None = None
        self._pipe, theirs = _CONTEXT.Pipe()
        self._process = _CONTEXT.Process(target=_run, args=(theirs, task), daemon=True)
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
        while True:
            match self._receive():
                case EpochRecord() as epoch:
                    yield epoch
                    self._send_go_on()
                case ScoreRecord() | LookRecord() as result:
                    self._result = result
                    return
                case TrialFailed() as failure:
                    raise failure
                case str() as bug:
                    raise RuntimeError(f"a trial process failed:\n{bug}")

    def result(self) -> Result:
        assert self._result is not None
        return self._result

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

    def _send_go_on(self) -> None:
        try:
            self._pipe.send(True)
        except OSError:  # it died meanwhile; the next receive says why
            return

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
def attempt(task: Task | ControlTask, tick: Callable[[], None]) -> Iterator[Attempt]:
    """Run a task in a process of its own, which is gone when the block is left.

    Args:
        tick: called several times a second while waiting; what it raises ends the attempt.
    """
    under_way = Attempt(task, tick)
    try:
        yield under_way
    finally:
        under_way.end()


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


def _run(pipe: Connection, task: Task | ControlTask) -> None:
    """The trial's process: evaluate, save the model, send the result."""
    for signum in _STOPS:
        signal.signal(signum, signal.SIG_IGN)  # for the coordinator, which ends us
    threading.Thread(target=_end_with_parent, daemon=True).start()
    with task.output.open("w") as output:
        os.dup2(output.fileno(), sys.stdout.fileno())
        os.dup2(output.fileno(), sys.stderr.fileno())
    try:
        pipe.send(_evaluate(pipe, task))
    except TrialFailed as failure:
        pipe.send(failure)
    except Exception:
        pipe.send(traceback.format_exc())


def _evaluate(pipe: Connection, task: Task | ControlTask) -> Result:
    if isinstance(task, ControlTask):
        from search.controls import evaluate_control

        return evaluate_control(task.name, task.data)

    import search.backend  # noqa: F401  first: it silences TensorFlow's start

    def on_epoch(epoch: EpochRecord) -> None:
        pipe.send(epoch)
        pipe.recv()

    if task.split is not None:
        from search.reproduce import reproduce

        values = (task.params, task.family, task.data, task.seed)
        return reproduce(*values, on_epoch, partial(_summarise, task), by=task.split)
    return _trial(task, on_epoch)


def _summarise(task: Task, model: Any) -> None:
    """Leave the model's layers in the task's folder."""
    lines: list[str] = []
    model.summary(line_length=100, print_fn=lines.append)
    task.summary.write_text("\n".join(lines) + "\n", "utf-8")


def _trial(task: Task, on_epoch: Callable[[EpochRecord], None]) -> ScoreRecord:
    from search.text_model import with_text
    from search.trial import evaluate
    from spaces.ranges import take

    values = (task.params, task.family, task.data, task.seed)
    done = evaluate(*values, on_epoch, partial(_summarise, task))
    text: dict[str, Any] = take(task.params, "text")
    model = with_text(done.model, task.data.vocabulary(), **text)
    model.save(task.model)
    return done.score


def _end_with_parent() -> None:
    """Do not outlive a coordinator that was killed."""
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)
