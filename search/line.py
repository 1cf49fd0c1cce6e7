"""What a trial's process says to its coordinator, and to the next one when that is gone.

With its coordinator no training is lost: the process goes on to its next step, or its result, and
keeps that until another coordinator has adopted it (search/adopt.py) and taken it. When nobody
comes, a guard ends it.
"""

from __future__ import annotations

import os
import select
import signal
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing import AuthenticationError, forkserver, resource_tracker
from multiprocessing.connection import Connection, Listener
from typing import Any

from search import scratch
from search.guard import Guard
from search.tasks import Task
from spaces.ranges import Params
from tracking.cli import UserError


@dataclass(frozen=True)
class Hello:
    """What a process says first to the coordinator that adopts it.

    Attributes:
        params: those that it trains with, and its seed.
        seconds: that it has been under way.
        spent: seconds that the study has taken, with these without a coordinator.
    """

    params: Params
    seed: int
    seconds: float
    spent: float


class Line:
    """A line to one coordinator after another.

    Args:
        pipe: to the first.
        grace: seconds that the process lives without any.
    """

    def __init__(self, pipe: Connection, task: Task, grace: float) -> None:
        self._task = task
        self._began = time.monotonic()
        self._line: Connection | None = pipe
        self._changed = threading.Condition()
        _let_server_end()
        try:
            listener = scratch.listen(task.folder)
        except (OSError, UserError):  # no sockets here: nobody could find us
            self._guard = Guard(pipe.fileno(), task.folder, 0.0)
            return
        self._guard = Guard(pipe.fileno(), task.folder, grace)
        threading.Thread(target=self._watch, args=(pipe, listener), daemon=True).start()

    def say(self, what: object) -> None:
        """Say something until a coordinator has taken it and answered."""
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._line is not None)
                line = self._line
            assert line is not None
            try:
                line.send(what)
                line.recv()
                return
            except (EOFError, OSError):
                self._lose(line)

    def _watch(self, line: Connection, listener: Listener) -> None:
        try:
            while True:
                is_cut(line, None)
                self._lose(line)
                line = self._adopted(listener)
                self._guard.follow(line.fileno())
                with self._changed:
                    self._line = line
                    self._changed.notify_all()
        finally:
            os.killpg(0, signal.SIGKILL)

    def _lose(self, line: Connection) -> None:
        with self._changed:
            if self._line is line:
                self._line = None

    def _adopted(self, listener: Listener) -> Connection:
        """Wait for another coordinator, and greet it."""
        while True:
            # Who only looks whether we are here does not answer.
            with suppress(EOFError, OSError, AuthenticationError):
                line = listener.accept()
                now, task = time.monotonic(), self._task
                seconds, spent = now - self._began, now - task.study_began
                line.send(Hello(task.params, task.seed, seconds, spent))
                return line
            time.sleep(0.05)


def is_cut(line: Connection, seconds: float | None = 0.0) -> bool:
    """Tell whether nobody is at the other end, or wait so long for it; None is for ever."""
    end = select.poll()
    end.register(line.fileno(), 0)  # of what is said there, nothing
    return bool(end.poll(None if seconds is None else 1000 * seconds))


def _let_server_end() -> None:
    """Let Keras' server and multiprocessing's tracker end with the coordinator.

    They live as long as anybody holds these; there is no public way to let go.
    """
    server: Any = forkserver._forkserver
    tracker: Any = resource_tracker._resource_tracker
    for holder, name in ((server, "_forkserver_alive_fd"), (tracker, "_fd")):
        fd = getattr(holder, name)
        if fd is not None:
            os.close(fd)
            setattr(holder, name, None)
