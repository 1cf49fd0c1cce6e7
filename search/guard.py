"""A process beside a trial's, which ends that when no coordinator has been there for a while.

It needs nothing of the trial's process, which may hang, or be stopped, when its coordinator is
killed. Of those that wait in a study's folder, the first to give up has the records put right, so
that nothing says for ever that it is running.
"""

from __future__ import annotations

import os
import select
import signal
import socket
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import NoReturn

from search import scratch


class Guard:
    """Watches who the trial's process is heard by, until one of them ends.

    Args:
        line: what the process is heard through.
        folder: of its trial. A coordinator that has ended the trial takes it along: then the
            process group is killed at once.
        grace: seconds without a coordinator after which it is killed.
    """

    def __init__(self, line: int, folder: Path, grace: float) -> None:
        self._leash, theirs = socket.socketpair()
        if os.fork() == 0:
            nobody_came = False
            try:
                _close_all_but(line, theirs.fileno())
                nobody_came = _watch(line, theirs, folder, grace)
            finally:
                group = os.getpgrp()
                if nobody_came:
                    os.setsid()  # we have something to do yet
                with suppress(ProcessLookupError):
                    os.killpg(group, signal.SIGKILL)  # us too, unless we have left it
                _settle(folder)
        theirs.close()

    def follow(self, line: int) -> None:
        """From now on the process is heard through this."""
        socket.send_fds(self._leash, [b"line"], [line])


def _watch(line: int, leash: socket.socket, folder: Path, grace: float) -> bool:
    """Return when nobody is at the other end nor will be, or the process has ended.

    Returns:
        whether nobody came within the grace.
    """
    watched = select.poll()
    watched.register(line, 0)  # its end alone, not what is said
    watched.register(leash, select.POLLIN)
    deadline: float | None = None
    while True:
        if deadline is not None and not folder.is_dir():
            return False
        pause = None if deadline is None else min(1.0, max(0.0, deadline - time.monotonic()))
        ready = [fd for fd, _ in watched.poll(None if pause is None else 1000 * pause)]
        if leash.fileno() in ready:
            _, fds, _, _ = socket.recv_fds(leash, 16, 1)
            if not fds:
                return False
            if deadline is None:
                watched.unregister(line)
            os.close(line)
            line, deadline = fds[0], None
            watched.register(line, 0)
        elif ready:
            watched.unregister(line)
            deadline = time.monotonic() + grace
        elif deadline is not None and time.monotonic() >= deadline:
            return True


def _settle(folder: Path) -> NoReturn:
    """Have the records of a study put right, if nobody has it done yet (search/settle.py).

    A coordinator that starts meanwhile does that itself, and the other is refused.
    """
    try:
        if folder.is_dir():  # else it has started
            (folder.parent / scratch.SETTLED).touch(exist_ok=False)
            _begin(["-m", "search.settle", str(folder.parent)])
    finally:
        os._exit(1)


def _begin(words: list[str]) -> NoReturn:
    """Become another Python program."""
    for signum in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(signum, signal.SIG_DFL)  # a trial's process ignores them
    _close_all_but()
    os.execv(sys.executable, [sys.executable, *words])


def _close_all_but(*kept: int) -> None:
    """Hold nothing open that others wait for the end of."""
    before = 3
    for fd in sorted(kept):
        os.closerange(before, fd)
        before = fd + 1
    os.closerange(before, os.sysconf("SC_OPEN_MAX"))
