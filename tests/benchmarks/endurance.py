"""Let a study run for long, with a kill every half minute, and see what grows, and with what.

python tests/benchmarks/endurance.py [--minutes 30] [--every 30] [--workers 2] [--seed 0]

Kills hit a trial and the coordinator in turn; the coordinator is started again at once. Every
few seconds memory, open files and number of all processes that run on the study are looked at, and
what lies on the disk. A coordinator that has ended no trial yet is still importing: it is neither
looked at nor killed. In the first half there is one worker, in the second `--workers`, so that
trials and time do not go along with each other all the way. The first coordinator, which makes the
stores, is left out of the figures.

Memory, files and disk may grow with the number of trials and with nothing else. Of each figure the
part of the trials and the part of time are estimated together (tests/growth.py): at equal numbers
of running trials and equal age of the coordinator, and of the disk at equal hours that trials were
under way, in which MLflow notes every few seconds what the machine does. A figure grows with time
if that part is above zero beyond its confidence interval, whose level is chosen so that any figure
is wrongly found to grow in 1 of 20 runs. The table shows what a trial adds, and the interval of
what an hour adds, which is what such a run could have overlooked. Models are counted: no more are
kept than --keep-models says. Exit code 1 if anything grows with time, a process outlives the
study, or the audit of `python -m search.doctor` finds anything after the repair. It is not about
speed, and may run beside other programs.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import random
import signal
import sqlite3
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import psutil

sys.path.insert(0, str(Path(__file__).parents[2]))
from search.audit import audit
from search.doctor import repair
from tests.growth import of_held, of_sum
from tests.programs import write_few_texts
from tests.sessions import GONE, Coordinator, left_after, processes, trial_processes
from tests.steps import read_progress
from tracking import store

_STUDY = "feedforward-few-smoke"
_EVERY_SECONDS = 5.0
_KEEP_MODELS = 3
_GONE_SECONDS = 30.0
_TOGETHER = 0.05  # how likely it may be that any figure is wrongly found to grow
_HELD = (
    "coordinator_mb",
    "all_mb",
    "coordinator_files",
    "all_files",
    "n_processes",
    "n_temporary",
)
_SUMS = ("disk_mb",)
_N_ESTIMATED = 6  # of a figure: a constant, trials, time, workers, trials under way, age


@dataclass(frozen=True)
class Sample:
    """What the study uses.

    Attributes:
        life: which coordinator it is, counted from 0; age: seconds since its start.
        n_trials: all that were begun.
        trial_hours: that they were under way, one by one.
        n_workers: that this coordinator was told to have.
        all_mb: memory of all processes; what several share is counted once.
        disk_mb: the records that stay: without models and what trials under way leave for their
            coordinator; of SQLite what its files will be once its logs are emptied into them.
        logs_mb: SQLite's logs.
        n_temporary: files and folders that are needed for a while only.
    """

    hours: float
    life: int
    age: float
    n_trials: int
    trial_hours: float
    n_workers: int
    n_running: int
    coordinator_mb: float
    all_mb: float
    coordinator_files: int
    all_files: int
    n_processes: int
    disk_mb: float
    logs_mb: float
    n_models: int
    n_temporary: int


class EnduranceTest:
    """A study that is killed now and then, and what was seen of it."""

    def __init__(self, home: Path, n_workers: int, luck: random.Random) -> None:
        self.samples: list[Sample] = []
        self.n_kills = self._life = 0
        self._trial_hours = 0.0
        self._spared: set[int] = set()  # trials whose process was killed
        self._home, self._luck, self._n_workers = home, luck, n_workers
        self._temporary = home / "tmp"
        self._temporary.mkdir()
        self._words = ["--study", "feedforward", "--data", str(write_few_texts(home)), "--smoke"]
        self._words += ["--trials", "1000000", "--keep-models", str(_KEEP_MODELS)]

    def run(self, minutes: float, every: float) -> None:
        """Let it run for so long, with a kill every so many seconds, then have it end."""
        self._began = last_kill = time.monotonic()
        self._start(1)
        try:
            while (seconds := time.monotonic() - self._began) < 60 * minutes or self._begins():
                self._sleep()
                if self._running.process.poll() is not None:
                    raise RuntimeError(f"it ended: {self._running.output.read_text()[-2000:]}")
                if self._begins():
                    continue  # on a busy machine it shall at least get to a trial
                self._evaluation()
                if time.monotonic() - last_kill >= every:
                    last_kill = time.monotonic()
                    self._kill(1 if seconds < 30 * minutes else self._n_workers)
            self._running.process.send_signal(signal.SIGINT)  # all that is under way ends, too
            self._running.end(_GONE_SECONDS)
            if left := left_after(self._home, _GONE_SECONDS):
                raise RuntimeError(f"processes outlived their study: {left}")
        finally:
            for one in processes(self._home):
                with GONE:
                    one.kill()

    def _sleep(self) -> None:
        before = time.monotonic()
        time.sleep(_EVERY_SECONDS)
        hours = (time.monotonic() - before) / 3600
        self._trial_hours += len(trial_processes(self._home)) * hours

    def _start(self, n_workers: int) -> None:
        self._n_before, self._running_workers = self._n_ended(), n_workers
        variables = {"TMPDIR": str(self._temporary)}
        words = [*self._words, "--workers", str(n_workers)]
        self._running = Coordinator(self._home, *words, variables=variables)

    def _kill(self, n_workers: int) -> None:
        """Kill a trial's process or the coordinator, in turn; no trial's own process twice."""
        self.n_kills += 1
        trials = trial_processes(self._home)
        numbers = sorted(trials.keys() - self._spared)
        if self.n_kills % 2 and numbers:
            number = self._luck.choice(numbers)
            self._spared.add(number)
            with GONE:
                trials[number].kill()
            return
        self._running.process.kill()
        self._running.end(_GONE_SECONDS)
        self._life += 1
        self._start(n_workers)

    def _begins(self) -> bool:
        """Return whether it has ended no trial yet."""
        return self._n_ended() <= self._n_before

    def _n_ended(self) -> int:
        return read_progress(self._home / "mlruns").n_ended

    def _evaluation(self) -> None:
        with contextlib.suppress(psutil.NoSuchProcess):  # it ends just now
            self.samples.append(self._sample())
            print(self.samples[-1], flush=True)

    def _sample(self) -> Sample:
        own, root = self._running.process, self._home / "mlruns"
        everyone = processes(self._home)
        models = [one for one in root.glob("artifacts/models/*/artifacts/MLmodel")]
        places = [self._temporary, *root.glob("*.trials")]
        return Sample(
            hours=(time.monotonic() - self._began) / 3600,
            life=self._life,
            age=time.monotonic() - self._running.began,
            n_trials=read_progress(root).n_all,
            trial_hours=self._trial_hours,
            n_workers=self._running_workers,
            n_running=len(trial_processes(self._home)),
            coordinator_mb=own.memory_full_info().uss / 2**20,
            all_mb=sum(one.memory_full_info().pss for one in everyone) / 2**20,
            coordinator_files=own.num_fds(),
            all_files=sum(one.num_fds() for one in everyone),
            n_processes=len(everyone),
            disk_mb=_size(root),
            logs_mb=sum(log.stat().st_size for log in root.glob("*-wal")) / 2**20,
            n_models=len(models),
            n_temporary=sum(1 for place in places for _ in place.glob("*")),
        )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--every", type=float, default=30.0, help="seconds between two kills")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="seqsearch-soak-") as folder:
        home = Path(folder)
        endurance = EnduranceTest(home, chosen.workers, random.Random(chosen.seed))
        endurance.run(chosen.minutes, chosen.every)
        root = home / "mlruns"
        repair(root, _STUDY)
        found = audit(store.read_study(root, _STUDY), store.condition(root, _STUDY))
    print(
        f"{endurance.n_kills} kills in {chosen.minutes:g} minutes, load {os.getloadavg()[0]:.1f}"
    )
    print("\n".join(found) or "the audit finds nothing")
    return 0 if _only_trials(endurance.samples, chosen.workers) and not found else 1


def _only_trials(samples: list[Sample], n_workers: int) -> bool:
    """Print what each figure grows with; return whether that is the number of trials alone."""
    samples = [sample for sample in samples if sample.life > 0]
    if len({sample.life for sample in samples}) <= _N_ESTIMATED:
        print("too short to tell what grows")
        return False

    def column(name: str) -> list[float]:
        return [float(getattr(sample, name)) for sample in samples]

    trials, hours, level = column("n_trials"), column("hours"), _TOGETHER / len(_HELD + _SUMS)
    # A worker has a place of its own even while its trial begins or ends.
    others = [column("n_workers"), column("n_running"), column("age")]
    lives = [sample.life for sample in samples]
    grown = {name: of_held(column(name), trials, hours, others, lives, level) for name in _HELD}
    under_way = [column("trial_hours")]
    grown |= {name: of_sum(column(name), trials, hours, under_way, lives, level) for name in _SUMS}
    print(f"{len(samples)} samples of {lives[-1]} coordinators, {trials[-1]:.0f} trials")
    print(f"{'figure':18} {'at first':>9} {'at last':>9} {'a trial':>10}  an hour, between")
    for name, growth in grown.items():
        first, last = column(name)[0], column(name)[-1]
        verdict = "GROWS WITH TIME" if growth.with_time else "only with trials"
        print(
            f"{name:18} {first:9.4g} {last:9.4g} {growth.per_trial:10.3g}"
            f"  {growth.low:.3g} and {growth.high:.3g}: {verdict}"
        )
    most = max(sample.n_models for sample in samples)
    print(f"models: {most} at most, of {_KEEP_MODELS} that are kept")
    # One that is better is written before the worst is deleted.
    few_models = most <= _KEEP_MODELS + n_workers
    return few_models and not any(growth.with_time for growth in grown.values())


def _size(root: Path) -> float:
    """Megabytes of the records that stay."""
    n_bytes = 0
    # Not Path.rglob, which fails when a folder is deleted under it.
    found = (Path(folder, name) for folder, _, names in os.walk(root) for name in names)
    for file in found:
        passes = {"models", f"{_STUDY}.trials"} & set(file.relative_to(root).parts)
        with contextlib.suppress(FileNotFoundError):  # deleted a moment ago
            if file.suffix == ".db":
                n_bytes += _pages(file)
            elif file.is_file() and not passes and not file.name.endswith(("-wal", "-shm")):
                n_bytes += file.stat().st_size
    return n_bytes / 2**20


def _pages(file: Path) -> int:
    """Bytes that SQLite needs for what it holds, in its file or still in its log."""
    with contextlib.closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as connection:
        (n_pages,) = connection.execute("PRAGMA page_count").fetchone()
        (n_bytes,) = connection.execute("PRAGMA page_size").fetchone()
    return int(n_pages * n_bytes)


if __name__ == "__main__":
    sys.exit(main())
