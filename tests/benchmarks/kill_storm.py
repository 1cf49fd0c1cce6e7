"""Kill a study's processes at random moments, and see whether anything is lost.

python tests/benchmarks/kill_storm.py [--trials 40] [--kills 30] [--workers 3] [--seed 0]

Half of the kills hit a trial's process, half the coordinator, which is then started again. At the
end the same command runs undisturbed, and both stores must hold exactly as many finished trials as
were asked for, agree on each to the last bit, and leave nothing running. Exit code 1 if not.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import psutil

sys.path.insert(0, str(Path(__file__).parents[2]))
from tests.programs import ROOT, call, environment, snapshot

STUDY = "feedforward-few-smoke"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--trials", type=int, default=40)
    parser.add_argument("--kills", type=int, default=30)
    parser.add_argument("--workers", type=int, default=3)
    parser.add_argument("--seed", type=int, default=0)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="seqsearch-storm-") as folder:
        home = Path(folder)
        words = ["--study", "feedforward", "--data", str(_few_texts(home)), "--smoke"]
        words += ["--trials", str(chosen.trials), "--workers", str(chosen.workers)]
        killed = _storm(home, words, chosen.kills, random.Random(chosen.seed))
        began = time.monotonic()
        end = call(home, "search.run", *words)
        seconds = time.monotonic() - began
        return _verdict(home, chosen.trials, killed, seconds, end)


def _few_texts(home: Path) -> Path:
    words = ["a fine film and a great cast", "a dull film and a weak plot"]
    lines = [f"{words[i % 2]} {i},{'pos' if i % 2 == 0 else 'neg'}" for i in range(120)]
    file = home / "few.csv"
    file.write_text("\n".join(["text,label", *lines, ""]))
    return file


def _storm(home: Path, words: list[str], n_kills: int, luck: random.Random) -> Counter[str]:
    """Kill, and start again what was killed, until all kills are spent or the study is done."""
    killed: Counter[str] = Counter()
    run = _start(home, words)
    while sum(killed.values()) < n_kills:
        time.sleep(luck.uniform(0.5, 8))
        if run.poll() is not None:
            if run.returncode == 0:
                print(f"the study was done after {sum(killed.values())} kills")
                break
            run = _start(home, words)
            continue
        trials = _trial_processes(run.pid)
        if trials and luck.random() < 0.5:
            with _gone():
                os.kill(luck.choice(trials), signal.SIGKILL)
                killed["trial"] += 1
        else:
            run.kill()
            run.wait()
            killed["coordinator"] += 1
            run = _start(home, words)
        print(f"\r{sum(killed.values())} of {n_kills} kills", end="", flush=True)
    print()
    run.kill()
    run.wait()
    return killed


def _gone() -> contextlib.suppress:
    return contextlib.suppress(ProcessLookupError)


def _start(home: Path, words: list[str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "search.run", *words],
        cwd=ROOT,
        env=environment(home),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def _trial_processes(coordinator: int) -> list[int]:
    """The grandchildren: the children are Keras' server and its watchdog."""
    try:
        children = psutil.Process(coordinator).children()
        return [one.pid for child in children for one in child.children()]
    except psutil.NoSuchProcess:
        return []


def _verdict(
    home: Path,
    n_trials: int,
    killed: Counter[str],
    seconds: float,
    end: subprocess.CompletedProcess[str],
) -> int:
    store = snapshot(home, STUDY)
    void = len(store.trials) - len(store.counted)
    doctor = call(home, "search.doctor")
    print(f"kills: {dict(killed)}; the last start took {seconds:.0f} s, code {end.returncode}")
    print(f"finished trials: {len(store.counted)} of {n_trials}; attempts that were lost: {void}")
    print(f"doctor: {doctor.stdout.strip() or doctor.stderr.strip()}")
    running = [name for name, status in store.statuses.items() if status == "RUNNING"]
    print(f"left running: {', '.join(running) or 'nothing'}")
    exact = len(store.counted) == n_trials and not running
    return 0 if exact and doctor.returncode == 0 and end.returncode == 0 else 1


if __name__ == "__main__":
    sys.exit(main())
