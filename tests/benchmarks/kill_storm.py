"""Hit a study's processes at random moments, and see whether anything is lost.

python tests/benchmarks/kill_storm.py [--signal kill] [--trials 40] [--hits 30] [--workers 3]
                                      [--seeds 5] [--pause 60]

Half of the hits are on a trial's process, half on the coordinator, which is then started again:
SIGKILL, SIGTERM, SIGSTOP and after a pause SIGCONT, or the terminal closed. At the end the same
command runs undisturbed, and both stores must hold exactly as many finished trials as were asked
for and pass the audit of `python -m search.doctor`. Exit code 1 if not.
"""

from __future__ import annotations

import argparse
import os
import random
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))
from tests.programs import call, snapshot
from tests.storms import SIGNALS, STUDY, Storm, write_few_texts


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--signal", choices=SIGNALS, default="kill")
    parser.add_argument("--trials", type=int, default=40)
    parser.add_argument("--hits", type=int, default=30)
    parser.add_argument("--workers", type=int, default=3)
    parser.add_argument("--seeds", type=int, default=5, help="storms, one after another")
    parser.add_argument("--pause", type=float, default=60.0, help="seconds of SIGSTOP")
    chosen = parser.parse_args()
    return 0 if all([_storm(chosen, seed) for seed in range(chosen.seeds)]) else 1


def _storm(chosen: argparse.Namespace, seed: int) -> bool:
    with tempfile.TemporaryDirectory(prefix="seqsearch-storm-") as folder:
        home = Path(folder)
        words = ["--study", "feedforward", "--data", str(write_few_texts(home)), "--smoke"]
        words += ["--trials", str(chosen.trials), "--workers", str(chosen.workers)]
        storm = Storm(home, words, chosen.signal, random.Random(seed), chosen.pause)
        began = time.monotonic()
        storm.blow(chosen.hits)
        took = time.monotonic() - began
        print(f"{chosen.signal}, seed {seed}: {took:.0f} s, load {os.getloadavg()[0]:.1f}")
        return _verdict(storm, chosen.trials)


def _verdict(storm: Storm, n_trials: int) -> bool:
    end = call(storm.home, "search.run", *storm.words)  # once more: there is nothing to do
    store = snapshot(storm.home, STUDY)
    n_hits, n_void = sum(storm.hits.values()), len(store.trials) - len(store.counted)
    doctor = call(storm.home, "search.doctor")
    running = [name for name, status in store.statuses.items() if status == "RUNNING"]
    print(f"  hits: {dict(storm.hits)}; exit codes {dict(storm.codes)}")
    print(f"  from the last start to the end: {storm.seconds:.0f} s")
    print(f"  finished trials: {len(store.counted)} of {n_trials}")
    print(
        f"  attempts that were lost: {n_void} by {n_hits} hits; "
        f"processes of trials in coordinators when they were hit: {storm.n_under_way}"
    )
    print(f"  doctor: {doctor.stdout.strip() or doctor.stderr.strip()}")
    print(f"  left running: {', '.join(running) or 'nothing'}; orphans: {len(storm.orphans)}")
    whole = len(store.counted) == n_trials and not running and not storm.orphans
    return whole and doctor.returncode == 0 and end.returncode == 0


if __name__ == "__main__":
    sys.exit(main())
