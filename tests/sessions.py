"""`search.run` in a session or a terminal of its own, and all that runs on its records."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import signal
import subprocess
import sys
import termios
import threading
import time
from collections.abc import Container, Mapping
from pathlib import Path

import psutil

from tests.programs import ROOT, environment

GONE = contextlib.suppress(psutil.NoSuchProcess, psutil.AccessDenied, ProcessLookupError)
_CHECK_SECONDS = 0.1


class Coordinator:
    """`search.run` in a session of its own, or in a terminal that can be closed.

    Attributes:
        output: what it and those before it in this home have said.
    """

    def __init__(
        self,
        home: Path,
        *words: str,
        module: str = "search.run",
        terminal: bool = False,
        variables: Mapping[str, str] | None = None,
    ) -> None:
        self.output = home / "output.txt"
        self.began = time.monotonic()
        self._terminal, theirs = pty.openpty() if terminal else (None, None)
        with self.output.open("ab") as file:
            self.process = psutil.Popen(
                [sys.executable, "-m", module, *words],
                cwd=ROOT,
                env={**environment(home), **(variables or {})},
                stdin=theirs or subprocess.DEVNULL,
                stdout=theirs or file,
                stderr=theirs or file,
                start_new_session=True,
                preexec_fn=_own_the_terminal if terminal else _listen,
            )
        if theirs is not None:
            os.close(theirs)
            window = threading.Thread(target=self._show, args=(self._terminal,), daemon=True)
            window.start()

    def close_terminal(self) -> None:
        """Close the window that it runs in, if that is open."""
        if self._terminal is not None:
            os.close(self._terminal)
            self._terminal = None

    def end(self, seconds: float) -> int:
        """Wait for its end; return the exit code."""
        code = int(self.process.wait(seconds))
        self.close_terminal()
        return code

    def _show(self, terminal: int) -> None:
        """Read what it writes, as a window does."""
        with self.output.open("ab") as file, contextlib.suppress(OSError):  # it was closed
            while written := os.read(terminal, 4096):
                file.write(written)


def processes(home: Path) -> list[psutil.Process]:
    """What runs on the records of a home, whether or not the one who started it lives still."""
    mark, found = environment(home)["SEQSEARCH_MLRUNS"], []
    for one in psutil.process_iter():
        with GONE:
            ours = one.environ().get("SEQSEARCH_MLRUNS") == mark
            if ours and one.status() != psutil.STATUS_ZOMBIE:
                found.append(one)
    return found


def trial_processes(home: Path) -> dict[int, psutil.Process]:
    """The processes of trials, by the trial's number: its folder has what they print."""
    found = {}
    for one in processes(home):
        with GONE:
            for file in one.open_files():
                folder = Path(file.path).parent
                if Path(file.path).name == "output.txt" and folder.name.isdigit():
                    found[int(folder.name)] = one
    return found


def left_after(
    home: Path, seconds: float, among: Container[int] | None = None
) -> list[psutil.Process]:
    """Wait until nothing runs on the records of a home; return what does after so long.

    Args:
        among: ids of the processes that are waited for; None is all.
    """
    deadline = time.monotonic() + seconds
    while True:
        left = [one for one in processes(home) if among is None or one.pid in among]
        if not left or time.monotonic() > deadline:
            return left
        time.sleep(_CHECK_SECONDS)


def _listen() -> None:
    """Heed the signals that whoever started us ignores: the background, or nohup."""
    for signum in (signal.SIGHUP, signal.SIGINT):
        signal.signal(signum, signal.SIG_DFL)


def _own_the_terminal() -> None:
    _listen()
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)
