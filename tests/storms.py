"""Programs that are hit at random moments, and what is left of their studies."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import random
import signal
import subprocess
import sys
import termios
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import psutil

from tests.programs import ROOT, environment

STUDY = "feedforward-few-smoke"
SIGNALS = ("kill", "term", "stop", "hup")
_GONE_SECONDS = 30.0
_END_SECONDS = 600.0
_EXPECTED_CODES = (0, -signal.SIGKILL, 128 + signal.SIGTERM, 128 + signal.SIGHUP)


def write_few_texts(home: Path) -> Path:
    """Write a table of 120 short texts, half of them positive."""
    words = ["a fine film and a great cast", "a dull film and a weak plot"]
    lines = [f"{words[i % 2]} {i},{'pos' if i % 2 == 0 else 'neg'}" for i in range(120)]
    file = home / "few.csv"
    file.write_text("\n".join(["text,label", *lines, ""]))
    return file


class Coordinator:
    """`search.run` in a session of its own, or in a terminal that can be closed."""

    def __init__(self, home: Path, *words: str, terminal: bool = False) -> None:
        self._terminal, theirs = pty.openpty() if terminal else (None, subprocess.DEVNULL)
        self.process = subprocess.Popen(
            [sys.executable, "-m", "search.run", *words],
            cwd=ROOT,
            env=environment(home),
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            start_new_session=True,
            preexec_fn=_own_the_terminal if terminal else None,
        )
        if self._terminal is not None:
            os.close(theirs)
            threading.Thread(target=_drain, args=(self._terminal,), daemon=True).start()

    def trials(self) -> list[int]:
        """The processes of trials: children of Keras' server, which is a child of ours."""
        try:
            children = psutil.Process(self.process.pid).children()
            return [one.pid for child in children for one in child.children()]
        except psutil.NoSuchProcess:
            return []

    def wait_for_trials(self) -> bool:
        """Wait until a trial is under way; tell whether one is, or the program has ended."""
        while not self.trials():
            if self.process.poll() is not None:
                return False
            time.sleep(0.1)
        return True

    def close_terminal(self) -> None:
        """Close the window that it runs in."""
        assert self._terminal is not None
        os.close(self._terminal)
        self._terminal = None

    def wait_until_gone(self) -> list[int]:
        """Wait for its end and that of all it started; give what does not end."""
        self.process.wait(_GONE_SECONDS)
        deadline = time.monotonic() + _GONE_SECONDS
        while (left := self._members()) and time.monotonic() < deadline:
            time.sleep(0.1)
        if self._terminal is not None:
            self.close_terminal()
        return left

    def kill_all(self) -> None:
        """Leave nothing of it."""
        for pid in [self.process.pid, *self._members()]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.process.wait()

    def _members(self) -> list[int]:
        found = []
        for one in psutil.process_iter():
            with contextlib.suppress(psutil.NoSuchProcess, ProcessLookupError):
                if os.getsid(one.pid) == self.process.pid and one.status() != "zombie":
                    found.append(one.pid)
        return found


@dataclass
class Storm:
    """Hits on a study, evenly on its coordinator and on its trials.

    Attributes:
        pause: seconds between SIGSTOP and SIGCONT.
        most_between: seconds between two hits, at most.
        hits: how often each kind of process was hit.
        n_under_way: processes of trials that a coordinator had when it was hit, over all.
        codes: the exit codes of coordinators that ended.
        seconds: from the last start to the end of the study.
        orphans: processes that outlived the coordinator that started them.
    """

    home: Path
    words: list[str]
    signal: Literal["kill", "term", "stop", "hup"]
    luck: random.Random
    pause: float = 60.0
    most_between: float = 4.0
    hits: Counter[str] = field(default_factory=Counter)
    n_under_way: int = 0
    seconds: float = 0.0
    codes: Counter[int] = field(default_factory=Counter)
    orphans: list[int] = field(default_factory=list)

    def blow(self, n_hits: int) -> None:
        """Hit until all hits are spent, then let the study end. Nothing of it runs afterwards."""
        running, began = self._start(), time.monotonic()
        try:
            while True:
                spent = sum(self.hits.values()) >= n_hits
                if running.process.poll() is None and not spent and running.wait_for_trials():
                    time.sleep(self.luck.uniform(0.1, self.most_between))
                    self._hit(running)
                elif running.process.wait(_END_SECONDS) == 0:
                    self._note_end(running)
                    self.seconds = time.monotonic() - began
                    return
                else:
                    self._note_end(running)
                    running, began = self._start(), time.monotonic()
        finally:
            running.kill_all()

    def _start(self) -> Coordinator:
        return Coordinator(self.home, *self.words, terminal=self.signal == "hup")

    def _hit(self, running: Coordinator) -> None:
        trials = running.trials()
        if running.process.poll() is not None:
            return  # it had ended before
        of_trial = self.signal != "hup" and sum(self.hits.values()) % 2 == 1
        if of_trial and not trials:
            return
        victim = self.luck.choice(trials) if of_trial else running.process.pid
        self.hits["trial" if of_trial else "coordinator"] += 1
        if self.signal == "hup":
            running.close_terminal()
        elif self.signal == "stop":
            with _gone():
                os.kill(victim, signal.SIGSTOP)
                time.sleep(self.pause)
                os.kill(victim, signal.SIGCONT)
            return
        else:
            with _gone():
                os.kill(victim, signal.SIGKILL if self.signal == "kill" else signal.SIGTERM)
        if not of_trial:
            self.n_under_way += len(trials)
            running.process.wait()

    def _note_end(self, running: Coordinator) -> None:
        self.orphans += running.wait_until_gone()
        code = running.process.returncode
        self.codes[code] += 1
        if code not in _EXPECTED_CODES:
            raise RuntimeError(f"a coordinator ended with code {code}, which no hit explains")


def _gone() -> contextlib.suppress:
    return contextlib.suppress(ProcessLookupError)


def _own_the_terminal() -> None:
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


def _drain(terminal: int) -> None:
    """Read what a program writes to its terminal, as a window does."""
    with contextlib.suppress(OSError):  # it was closed
        while os.read(terminal, 4096):
            pass
