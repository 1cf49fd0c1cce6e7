"""Programs that are hit at random moments of their study, and what is left of it.

A moment is a place in the study's progress, not in time: trials take steps (tests/steps.py), and
hits are spread evenly over the steps of all trials. So they find trials at every step of their
lives, and after the last hit there is little left to do. A second at most lies between step and
hit.
"""

from __future__ import annotations

import contextlib
import io
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

from search import doctor
from tests.programs import Snapshot, snapshot, write_few_texts
from tests.sessions import GONE, Coordinator, evaluators, left_after, processes
from tests.steps import STEPS, Progress, read_progress

Signal = Literal["kill", "term", "stop", "hup"]
SIGNALS: tuple[Signal, ...] = ("kill", "term", "stop", "hup")
MOST_SECONDS = 60.0  # from the last start, or the last SIGCONT, to the end of the study
_STUDY = "feedforward-few-smoke"
_MOST_WAITING = 60.0  # seconds for progress, and for an evaluator: so a storm always ends
_MOST_WAITING_ASLEEP = 5.0  # the same while SIGSTOP keeps all from moving
_GONE_SECONDS = 30.0
_END_SECONDS = 600.0
_LOOK_SECONDS = 0.1
_CODES = {  # of a coordinator that was hit; a signal ends it before it has begun to listen
    "kill": (-signal.SIGKILL,),
    "term": (128 + signal.SIGTERM, -signal.SIGTERM),
    "hup": (128 + signal.SIGHUP, -signal.SIGHUP),
    "stop": (),
}


@dataclass
class Storm:
    """Hits on a study, half of them on its coordinator, half on its evaluators, by chance.

    Attributes:
        pause: seconds between SIGSTOP and SIGCONT.
        say: is told of each hit.
        hits: how often each kind of process was hit.
        n_cut: trials that were under way, over all coordinators that were told to end.
        codes: the exit codes of coordinators that ended.
        seconds: from the last start, or SIGCONT, to the end of the study.
        orphans: processes that outlived the study, or a coordinator that was told to end.
    """

    home: Path
    signal: Signal
    luck: random.Random
    n_trials: int
    n_workers: int
    pause: float = 60.0
    say: Callable[[str], None] = lambda line: None
    hits: Counter[str] = field(default_factory=Counter)
    n_cut: int = 0
    codes: Counter[int] = field(default_factory=Counter)
    seconds: float = 0.0
    orphans: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.words = ["--study", "feedforward", "--data", str(write_few_texts(self.home))]
        self.words += ["--smoke", "--trials", str(self.n_trials)]
        self.words += ["--workers", str(self.n_workers)]
        self._began = self._woken = time.monotonic()
        self._asleep: dict[int, threading.Timer] = {}
        self._most_waiting = _MOST_WAITING_ASLEEP if self.signal == "stop" else _MOST_WAITING

    def blow(self, n_hits: int) -> None:
        """Hit until all hits are spent, then let the study end. Nothing of it runs afterwards."""
        moments = [self.luck.uniform(0, len(STEPS) * self.n_trials) for _ in range(n_hits)]
        # A terminal is the coordinator's; what a hit is on is settled here, for all seeds alike.
        on_trial = [self.luck.random() < 0.5 and self.signal != "hup" for _ in range(n_hits)]
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
        self._running = Coordinator(self.home, *self.words, terminal=self.signal == "hup")

    def _wait_for(self, moment: float) -> None:
        """Wait until the study has come so far, and a random part of a second."""
        deadline = time.monotonic() + self._most_waiting
        while time.monotonic() < deadline and self._progress().n_steps < moment:
            self._keep_running()
            time.sleep(_LOOK_SECONDS)
        time.sleep(self.luck.random())

    def _keep_running(self) -> None:
        """Start again if all was done: the next hit is then on the start of a whole study."""
        if self._running.process.poll() is not None:
            self._note_end()
            self._start()

    def _progress(self) -> Progress:
        return read_progress(self.home / "mlruns")

    def _hit(self, victim: psutil.Process) -> None:
        before = self._progress()
        is_coordinator = victim.pid == self._running.process.pid
        kind = "coordinator" if is_coordinator else "evaluator"
        self.hits[kind] += 1
        since, age = time.monotonic() - self._began, time.time() - victim.create_time()
        self.say(f"{since:6.1f} s: {kind}, {age:.1f} s old; {before}")
        with GONE:
            self._harm(victim)
        if is_coordinator and self.signal != "stop":
            self.n_cut += len(before.under_way)
            self._note_end(*_CODES[self.signal])
            self._start()

    def _victim(self, wants_trial: bool) -> psutil.Process:
        """Give an evaluator or the coordinator; the other, if there is none for long."""
        deadline = time.monotonic() + self._most_waiting
        while True:
            self._keep_running()
            trials = [one for one in evaluators(self.home) if one.pid not in self._asleep]
            is_awake = self._running.process.pid not in self._asleep
            if trials and (wants_trial or (not is_awake and time.monotonic() > deadline)):
                return self.luck.choice(trials)
            if is_awake and (not wants_trial or time.monotonic() > deadline):
                return self._running.process
            time.sleep(_LOOK_SECONDS)

    def _harm(self, victim: psutil.Process) -> None:
        if self.signal == "kill":
            victim.kill()
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
        """Note how a coordinator ended. Where it was told to, nothing of it may be left."""
        code = self._running.end(_END_SECONDS)
        self.codes[code] += 1
        if code not in (0, *expected):
            said = self._running.output.read_text(errors="replace")[-2000:]
            raise RuntimeError(f"code {code} of a coordinator, which no hit explains: {said}")
        if code != -signal.SIGKILL:
            self.orphans += [str(one) for one in left_after(self.home, _GONE_SECONDS)]

    def _let_end(self) -> None:
        for timer in list(self._asleep.values()):
            timer.join()
        began = self._woken if self.signal == "stop" else self._running.began
        self._running.end(_END_SECONDS)
        self.seconds = time.monotonic() - began
        self._note_end()


@dataclass(frozen=True)
class Aftermath:
    """What a storm has left in both stores.

    Attributes:
        lost: why each attempt was lost, by number; one that died a second time is lost as well.
        most_lost: so many attempts may have been lost.
        faults: what does not hold, a sentence each.
    """

    n_finished: int
    lost: dict[int, str]
    most_lost: int
    faults: list[str]


def aftermath(storm: Storm, *, timed: bool = True) -> Aftermath:
    """Look at what is left: the budget is met, both stores are whole and agree.

    Args:
        timed: the end may have taken no more than MOST_SECONDS, on a machine that is free for it.
    """
    root, repaired = storm.home / "mlruns", io.StringIO()
    with contextlib.redirect_stdout(repaired):
        doctor.repair(root, _STUDY)
    wrong = doctor.findings(root, _STUDY)
    store = snapshot(storm.home, _STUDY)
    seeds = {store.trials[number].data.tags["trial.seed"] for number in store.counted}
    lost, most_lost = _lost(store), _most_lost(storm)
    checks = {
        f"{len(store.counted)} trials have finished": len(store.counted) == storm.n_trials,
        f"they have {len(seeds)} seeds": len(seeds) == storm.n_trials,
        f"there was to repair: {repaired.getvalue()}": "nothing to repair" in repaired.getvalue(),
        f"the audit says: {wrong}": not wrong,
        f"processes were left: {storm.orphans}": not storm.orphans,
        f"the end took {storm.seconds:.0f} s": not timed or storm.seconds <= MOST_SECONDS,
        f"{len(lost)} attempts were lost, not {most_lost} at most": len(lost) <= most_lost,
    }
    faults = [sentence for sentence, holds in checks.items() if not holds]
    return Aftermath(len(store.counted), lost, most_lost, faults)


def _most_lost(storm: Storm) -> int:
    """How many attempts may be lost: one a kill, and all that a coordinator was told to end."""
    if storm.signal == "kill":
        return sum(storm.hits.values())
    if storm.signal == "stop":
        return 0
    return storm.n_workers * storm.hits["coordinator"]


def _lost(store: Snapshot) -> dict[int, str]:
    lost = {}
    for number in (trial.number for trial in store.in_optuna):
        tags = store.trials[number].data.tags if number in store.trials else {}
        if number not in store.counted or tags["trial.died"] == "True":
            lost[number] = tags.get("trial.reason", "it was not recorded yet")
    return lost
