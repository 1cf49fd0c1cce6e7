"""Let a study run for long, with a kill every half minute, and see what grows.

python tests/benchmarks/soak.py [--minutes 30] [--every 30] [--workers 2] [--signal kill]

Each minute a line: the coordinator's memory and open files, the size of the records, the number
of finished trials. Half of the kills hit the coordinator, which is then started again, so its
memory is compared between processes of like age and between studies of few and of many trials.
Exit code 1 if open files or memory grow with time, or the disk grows with anything but trials.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import random
import signal
import sqlite3
import statistics
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import psutil

sys.path.insert(0, str(Path(__file__).parents[2]))
from tests.programs import call
from tests.storms import Coordinator, write_few_texts

_MOST_GROWTH = 1.25  # of a later third of the time over an earlier one


@dataclass(frozen=True)
class Sample:
    """What the coordinator uses, and the records under it.

    Attributes:
        age: seconds since this coordinator started.
        disk_mb: the records, without the models that are kept, as many as --keep-models says.
        n_attempts: runs of trials, those that were cut short included.
    """

    seconds: float
    age: float
    memory_mb: float
    n_files: int
    disk_mb: float
    models_mb: float
    n_attempts: int


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--every", type=float, default=30.0, help="seconds between two kills")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="seqsearch-soak-") as folder:
        home = Path(folder)
        words = ["--study", "feedforward", "--data", str(write_few_texts(home)), "--smoke"]
        words += ["--trials", "100000", "--workers", str(chosen.workers)]
        samples = _soak(home, words, chosen)
        repaired = call(home, "search.doctor", "--repair", "--study", "feedforward-few-smoke")
        print(repaired.stdout.strip().splitlines()[-1] if repaired.stdout else repaired.stderr)
        return 0 if _verdict(samples) and repaired.returncode == 0 else 1


def _soak(home: Path, words: list[str], chosen: argparse.Namespace) -> list[Sample]:
    luck, samples = random.Random(chosen.seed), list[Sample]()
    began = last_kill = started = time.monotonic()
    running, n_kills = Coordinator(home, *words), 0
    try:
        while (now := time.monotonic()) - began < 60 * chosen.minutes:
            time.sleep(5)
            if running.process.poll() is not None:
                raise RuntimeError(f"it ended with code {running.process.returncode}")
            if now - last_kill >= chosen.every and (trials := running.trials()):
                samples.append(_sample(home, running, began, started))
                print(samples[-1], flush=True)
                last_kill, n_kills = now, n_kills + 1
                if n_kills % 2:
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(luck.choice(trials), signal.SIGKILL)
                    continue
                running.process.kill()
                if left := running.wait_until_gone():
                    raise RuntimeError(f"processes {left} outlived their coordinator")
                running, started = Coordinator(home, *words), time.monotonic()
    finally:
        running.kill_all()
    print(f"{n_kills} kills in {chosen.minutes:g} minutes, load {os.getloadavg()[0]:.1f}")
    return samples


def _sample(home: Path, running: Coordinator, began: float, started: float) -> Sample:
    process = psutil.Process(running.process.pid)
    now = time.monotonic()
    root = home / "mlruns"
    return Sample(
        round(now - began, 1),
        round(now - started, 1),
        round(process.memory_info().rss / 2**20, 1),
        process.num_fds(),
        _size(root, models=False),
        _size(root, models=True),
        _n_attempts(root),
    )


def _size(root: Path, *, models: bool) -> float:
    """Megabytes of the models or of all else; SQLite's log is emptied now and then, so not it."""
    n_bytes = 0
    for file in root.rglob("*"):
        of_model = "models" in file.relative_to(root).parts
        with contextlib.suppress(FileNotFoundError):  # deleted a moment ago
            if file.is_file() and of_model is models and not file.name.endswith(("-wal", "-shm")):
                n_bytes += file.stat().st_size
    return round(n_bytes / 2**20, 2)


def _n_attempts(root: Path) -> int:
    with contextlib.closing(sqlite3.connect(root / "mlflow.db")) as connection:
        query = "select count(*) from tags where key = 'kind' and value = 'trial'"
        return int(connection.execute(query).fetchone()[0])


def _verdict(samples: list[Sample]) -> bool:
    """Compare the first third of the time with the last; coordinators of like age."""
    third = len(samples) // 3
    if not third:
        print("too short to tell what grows")
        return False
    first, last = samples[:third], samples[-third:]
    sizes = [
        (
            name,
            *(
                statistics.median(getattr(sample, name) for sample in part)
                for part in (first, last)
            ),
        )
        for name in ("memory_mb", "n_files", "models_mb")
    ]
    begin, middle, end = samples[0], samples[len(samples) // 2], samples[-1]
    early, late = (_mb_per_attempt(begin, middle), _mb_per_attempt(middle, end))
    sizes.append(("disk MB an attempt", early, late))
    for name, before, after in sizes:
        flat = after <= _MOST_GROWTH * before
        print(f"{name}: {before:.4g} at first, {after:.4g} at last: {'flat' if flat else 'GROWS'}")
    return all(after <= _MOST_GROWTH * before for _, before, after in sizes)


def _mb_per_attempt(before: Sample, after: Sample) -> float:
    return (after.disk_mb - before.disk_mb) / max(1, after.n_attempts - before.n_attempts)


if __name__ == "__main__":
    sys.exit(main())
