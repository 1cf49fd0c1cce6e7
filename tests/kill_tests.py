"""A study whose processes are hit at random moments.

A moment is a place in the study's progress, not in time: trials take steps (tests/steps.py), and
hits are spread evenly over the steps of all trials. So they find trials at every step of their
lives, and after the last hit there is little left to do. A second at most lies between step and
hit. No trial's own process is killed twice: that is a trial that cannot be trained.
"""

from __future__ import annotations

import random
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import psutil

from tests.programs import write_few_texts
from tests.sessions import GONE, Coordinator, left_after, processes, trial_processes
from tests.steps import STEPS, Progress, read_progress

Signal = Literal["kill", "all", "term", "stop", "hup"]
SIGNALS: tuple[Signal, ...] = ("kill", "all", "term", "stop", "hup")
_MOST_WAITING = 300.0  # seconds for progress, and for a trial: so a storm always ends
_MOST_ASLEEP = 5.0  # seconds for progress while the coordinator is stopped: then trials are
_GONE_SECONDS = 30.0
_END_SECONDS = 600.0
_CHECK_SECONDS = 0.2
_CODES = {  # of a coordinator that was hit; a signal ends it before it has begun to listen
    "kill": (-signal.SIGKILL,),
    "all": (-signal.SIGKILL,),
    "term": (128 + signal.SIGTERM, -signal.SIGTERM),
    "hup": (128 + signal.SIGHUP, -signal.SIGHUP),
    "stop": (),
}


@dataclass
class KillTest:
    """Hits on a study, half of them on its coordinator, half on its trials, by chance.

    Attributes:
        signal: what a hit is. "all" is a SIGKILL to every process of the study.
        plan: the study that is run, on few texts.
        more: further words for search.run.
        pause: seconds between SIGSTOP and SIGCONT.
        say: is told of each hit.
        hits: how often each kind of process was hit.
        interrupted: how often each trial was interrupted at most, by its number.
        codes: the exit codes of coordinators that ended.
        seconds: from the last start, or SIGCONT, to the end of the study.
        orphans: processes that outlived their study, or trials that outlived their coordinator.
    """

    home: Path
    signal: Signal
    luck: random.Random
    n_trials: int
    n_workers: int
    plan: str = "feedforward"
    more: tuple[str, ...] = ()
    pause: float = 60.0
    say: Callable[[str], None] = lambda line: None
    hits: Counter[str] = field(default_factory=Counter)
    interrupted: Counter[int] = field(default_factory=Counter)
    codes: Counter[int] = field(default_factory=Counter)
    seconds: float = 0.0
    orphans: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.words = ["--study", self.plan, "--data", str(write_few_texts(self.home))]
        self.words += ["--max-epochs", "3", "--trials", str(self.n_trials)]
        self.words += ["--workers", str(self.n_workers), *self.more]
        self._began = self._woken = time.monotonic()
        self._asleep: dict[int, threading.Timer] = {}
        self._spared: set[int] = set()  # trials whose process was killed

    @property
    def study(self) -> str:
        """The name of its records."""
        return f"{self.plan}-few"

    def blow(self, n_hits: int) -> None:
        """Hit until all hits are spent, then let the study end. Nothing of it runs afterwards."""
        moments = [self.luck.uniform(0, len(STEPS) * self.n_trials) for _ in range(n_hits)]
        # A terminal is the coordinator's; what a hit is on is settled here, for all seeds alike.
        one_by_one = self.signal not in ("hup", "all")
        on_trial = [self.luck.random() < 0.5 and one_by_one for _ in range(n_hits)]
        self._start()
        try:
            for moment, wants_trial in zip(sorted(moments), on_trial, strict=True):
                self._wait_for(moment)
                self._hit(self._victim(wants_trial))
            self._let_end()
        finally:
            for timer in list(self._asleep.values()):
                timer.cancel()
            for one in processes(self.home):
                with GONE:
                    one.kill()
            self._running.end(_GONE_SECONDS)

    def _start(self) -> None:
        self._running = Coordinator(
            self.home, *self.words, module="tests.counted", terminal=self.signal == "hup"
        )

    def _wait_for(self, moment: float) -> None:
        """Wait until the study has come so far, and a random part of a second."""
        waited, looked = {True: 0.0, False: 0.0}, time.monotonic()  # while it was stopped, or not
        while self._progress().n_steps < moment:
            self._keep_running()
            time.sleep(_CHECK_SECONDS)
            looked, before = time.monotonic(), looked
            waited[self._is_stopped] += looked - before
            if waited[True] > _MOST_ASLEEP and self._awake_trials():
                break
            if waited[False] > _MOST_WAITING:
                break
        time.sleep(self.luck.random())

    def _keep_running(self) -> None:
        """Start again if all was done: the next hit is then on the start of a whole study."""
        if self._running.process.poll() is not None:
            self._note_end()
            self._start()

    def _progress(self) -> Progress:
        return read_progress(self.home / "mlruns")

    def _hit(self, number: int | None) -> None:
        """Hit the process of a trial; None is the coordinator."""
        victim = self._running.process if number is None else self._awake_trials().get(number)
        if victim is None:  # it ended just now
            self._hit(self._victim(wants_trial=True))
            return
        kind = "coordinator" if number is None else "trial"
        self.hits[kind] += 1
        since = time.monotonic() - self._began
        self.say(f"{since:6.1f} s: {kind} {'' if number is None else number}; {self._progress()}")
        trials = [one.pid for one in trial_processes(self.home).values()]
        with GONE:
            self._harm(victim)
        if number is not None and self.signal == "kill":
            self._spared.add(number)
            self.interrupted[number] += 1
        elif number is None and self.signal != "stop":
            self._note_end(*_CODES[self.signal])
            self.interrupted.update(self._progress().under_way.keys())
            self._start()
            self.orphans += map(str, left_after(self.home, _GONE_SECONDS, trials))

    def _victim(self, wants_trial: bool) -> int | None:
        """Return a trial, or None for the coordinator; the other, if there is none for long."""
        deadline = time.monotonic() + _MOST_WAITING
        while True:
            self._keep_running()
            trials, is_late = sorted(self._awake_trials()), time.monotonic() > deadline
            if trials and (wants_trial or self._is_stopped):
                return self.luck.choice(trials)
            if not self._is_stopped and (is_late or not wants_trial):
                return None
            time.sleep(_CHECK_SECONDS)

    @property
    def _is_stopped(self) -> bool:
        return self._running.process.pid in self._asleep

    def _awake_trials(self) -> dict[int, psutil.Process]:
        """The processes of trials that may be hit, by the trial's number."""
        return {
            number: one
            for number, one in trial_processes(self.home).items()
            if one.pid not in self._asleep and number not in self._spared
        }

    def _harm(self, victim: psutil.Process) -> None:
        if self.signal == "kill":
            victim.kill()
        elif self.signal == "all":
            everyone = processes(self.home)
            for one in [victim, *everyone]:
                with GONE:
                    one.kill()
        elif self.signal == "term":
            victim.terminate()
        elif self.signal == "hup":
            self._running.close_terminal()
        else:
            victim.suspend()
            self._asleep[victim.pid] = threading.Timer(self.pause, self._wake, [victim])
            self._asleep[victim.pid].start()

    def _wake(self, victim: psutil.Process) -> None:
        with GONE:
            victim.resume()
        self._woken = time.monotonic()
        del self._asleep[victim.pid]

    def _note_end(self, *expected: int) -> None:
        """Note how a coordinator ended. Where the study has, nothing of it may be left."""
        code = self._running.end(_END_SECONDS)
        self.codes[code] += 1
        if code not in (0, *expected):
            said = self._running.output.read_text(errors="replace")[-2000:]
            raise RuntimeError(f"code {code} of a coordinator, which no hit explains: {said}")
        if code == 0:
            self.orphans += map(str, left_after(self.home, _GONE_SECONDS))

    def _let_end(self) -> None:
        for timer in list(self._asleep.values()):
            timer.join()
        began = self._woken if self.signal == "stop" else self._running.began
        self._running.end(_END_SECONDS)
        self.seconds = time.monotonic() - began
        self._note_end()
