"""Adopt the trials that a coordinator left under way.

Their processes wait for a while (search/line.py), and the next coordinator of the study goes on
with them as if they were its own: the same run, the same trial of the engine. One that does not
answer, or that the stores know nothing of, is ended, and its trial is made again.
"""

from __future__ import annotations

import os
import signal
import socket
import struct
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing import AuthenticationError
from multiprocessing.connection import Client, Connection
from pathlib import Path
from typing import TYPE_CHECKING

from search import scratch
from search.engines import Asked
from search.line import Hello, is_cut

if TYPE_CHECKING:
    from search.engines import Engine
    from tracking.records import TrialRecord
    from tracking.writer import StudyStore

GRACE_SECONDS = 60.0  # that a trial lives without a coordinator
_ANSWER_SECONDS = 15.0  # on a busy machine, where it may be building its model
_END_SECONDS = 10.0
_DARWIN_PEER = (0, 2)  # SOL_LOCAL, LOCAL_PEERPID: sys/un.h
_CREDENTIALS = struct.Struct("3i")  # pid, uid, gid: unix(7)


@dataclass(frozen=True)
class Waiting:
    """A trial's process that waits to be adopted.

    Attributes:
        pid: its id, which is that of its group.
    """

    pid: int
    socket: Path

    def end(self) -> None:
        """End it, with all that it has started."""
        deadline = time.monotonic() + _END_SECONDS
        while _owner(self.socket) == self.pid and time.monotonic() < deadline:
            if not _end_group(self.pid):
                return
            time.sleep(0.01)

    def call(self) -> Adopted | None:
        """Call it; end it if it does not answer, as one that hangs or was stopped."""
        patience = threading.Timer(_ANSWER_SECONDS, self.end)
        patience.start()
        try:
            with scratch.reached(self.socket) as address:
                key = scratch.key(self.socket.parent.parent)
                line = Client(address, "AF_UNIX", key)
            hello = line.recv()
        except (EOFError, OSError, AuthenticationError):
            return None
        except (AttributeError, ImportError):  # it is of another version of this program
            return None
        finally:
            patience.cancel()
        return Adopted(self.pid, line, hello) if isinstance(hello, Hello) else None


@dataclass(frozen=True)
class Adopted:
    """A trial's process that has a coordinator again."""

    pid: int
    line: Connection
    hello: Hello

    def end(self) -> None:
        """End it, with all that it has started. Doing it twice changes nothing."""
        if self.line.closed:
            return
        if not is_cut(self.line):  # else its number may be another's by now
            _end_group(self.pid)
            is_cut(self.line, _END_SECONDS)
        self.line.close()


@dataclass(frozen=True)
class AdoptedTrial:
    """A trial that goes on.

    Attributes:
        record: what was recorded of it before.
    """

    asked: Asked
    record: TrialRecord
    process: Adopted


def waiting(place: Path) -> dict[int, Waiting]:
    """Give the processes that wait in a study's folder, by the number of their trial."""
    found = {number: (_owner(path), path) for number, path in scratch.sockets(place).items()}
    return {number: Waiting(pid, path) for number, (pid, path) in found.items() if pid}


def adopt(place: Path, store: StudyStore, engine: Engine) -> list[AdoptedTrial]:
    """Adopt what waits in a study's folder; end what cannot be, and delete what else is there.

    A trial goes on that is under way in both stores, with the parameters and the seed that its
    process has.
    """
    found = []
    left = waiting(place)
    recorded = store.under_way() if left else {}
    with ThreadPoolExecutor(len(left) or 1) as calls:
        answers = list(calls.map(Waiting.call, left.values()))
    for (number, one), process in zip(left.items(), answers, strict=True):
        record = recorded.get(number)
        if process is not None and record is not None:
            asked = Asked(number, record.params, record.seed, record.origin)
            same = (process.hello.params, process.hello.seed) == (asked.params, asked.seed)
            if same and engine.adopt(asked):
                found.append(AdoptedTrial(asked, record, process))
                continue
        one.end()
    scratch.clear(place, {one.asked.number for one in found})
    return found


def end_all(place: Path) -> list[int]:
    """End what waits in a study's folder; give the numbers of their trials."""
    left = waiting(place)
    for one in left.values():
        one.end()
    return list(left)


def _end_group(pid: int) -> bool:
    """Kill a trial's process with all that it has started; tell whether it is one of ours."""
    with suppress(ProcessLookupError, PermissionError):
        if os.getpgid(pid) != pid or pid == os.getpgrp():
            return False  # ours lead groups of their own
        os.killpg(pid, signal.SIGKILL)
    return True


def _owner(path: Path) -> int | None:
    """Give the process that listens at a socket, which need not be able to answer."""
    with socket.socket(socket.AF_UNIX) as probe, scratch.reached(path) as address:
        probe.settimeout(_ANSWER_SECONDS)
        try:
            probe.connect(address)
            if sys.platform == "darwin":
                return probe.getsockopt(*_DARWIN_PEER) or None
            size = _CREDENTIALS.size
            found = probe.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, size)
        except OSError:  # nobody, or no socket
            return None
    pid, uid, _ = _CREDENTIALS.unpack(found)
    return pid if pid and uid == os.geteuid() else None
