"""Hit a study's processes at random moments, and see whether anything is lost.

python tests/benchmarks/kill_test.py [--signal kill] [--trials 40] [--hits 30] [--workers 3]
                                      [--seeds 5] [--first-seed 0] [--minute 60]

The moments are spread evenly over the progress of the study, the hits over its coordinator and its
trials: SIGKILL, SIGTERM, SIGSTOP and after a minute SIGCONT (hits overlap); the terminal closed,
which the coordinator is in; and, as "all", SIGKILL to every process of the study at once. A
coordinator that has ended is started again at once. No trial's own process is killed twice,
which would fail it. The study keeps a checkpoint of every epoch (tests/counted.py).

Exit code 1 unless, of every storm: the study has ended by itself with exactly as many trials as
were asked for, with the numbers 0, 1, 2 and so on, none of them failed; each epoch is recorded
once; no more epochs of a trial were begun again than it was interrupted; the audit of `python -m
search.doctor` finds the records whole, and nothing to repair; and no process outlived a
coordinator.
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
from tests.aftermath import aftermath
from tests.kill_tests import SIGNALS, KillTest

_HEAD = (
    "seed  minutes  hits: coordinator, trial  trials  interrupted  epochs again  last start to end"
)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--signal", choices=SIGNALS, default="kill")
    parser.add_argument("--trials", type=int, default=40)
    parser.add_argument("--hits", type=int, default=30)
    parser.add_argument("--workers", type=int, default=3)
    parser.add_argument("--seeds", type=int, default=5, help="storms, one after another")
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--minute", type=float, default=60.0, help="seconds of SIGSTOP")
    chosen = parser.parse_args()
    rows, n_faults = [_HEAD], 0
    for seed in range(chosen.first_seed, chosen.first_seed + chosen.seeds):
        row, faults = _kill_test(chosen, seed)
        rows.append(row)
        n_faults += len(faults)
    print("\n".join(rows))
    print(f"{chosen.signal}: {n_faults or 'no'} faults")
    return 1 if n_faults else 0


def _kill_test(chosen: argparse.Namespace, seed: int) -> tuple[str, list[str]]:
    """Let a storm blow; return its row of the table, and what does not hold afterwards."""
    with tempfile.TemporaryDirectory(prefix="seqsearch-storm-") as folder:
        kill_test = KillTest(
            Path(folder),
            chosen.signal,
            random.Random(seed),
            chosen.trials,
            chosen.workers,
            pause=chosen.minute,
            say=_say,
        )
        began = time.monotonic()
        kill_test.blow(chosen.hits)
        minutes = (time.monotonic() - began) / 60
        left = aftermath(kill_test)
    if kill_test.hits.total() != chosen.hits:
        left.faults.append(f"{kill_test.hits.total()} hits")
    _say(f"seed {seed}: {dict(kill_test.hits)}; exit codes {dict(kill_test.codes)}")
    for fault in left.faults:
        _say(f"FAULT: {fault}")
    verdict = "all holds" if not left.faults else f"{len(left.faults)} FAULTS"
    _say(f"{verdict}; load {os.getloadavg()[0]:.1f}\n")
    row = (
        f"{seed:4d} {minutes:8.1f} {kill_test.hits['coordinator']:18d} {kill_test.hits['trial']:6d}"
        f" {left.n_trials:7d} {kill_test.interrupted.total():12d} {left.again.total():13d}"
        f" {kill_test.seconds:16.0f} s  {verdict}"
    )
    return row, left.faults


def _say(line: str) -> None:
    print(line, flush=True)


if __name__ == "__main__":
    sys.exit(main())
