"""Hit a study's processes at random moments, and see whether anything is lost.

python tests/benchmarks/kill_storm.py [--signal kill] [--trials 40] [--hits 30] [--workers 3]
                                      [--seeds 5] [--first-seed 0] [--minute 60]

The moments are spread evenly over the progress of the study, the hits over its coordinator and its
evaluators: SIGKILL, SIGTERM, SIGSTOP and after a minute SIGCONT (hits overlap), or the terminal
closed, which the coordinator is in. A coordinator that has ended is started again at once.

Exit code 1 unless, of every storm: at most 60 s after the last start (or the last SIGCONT) the
study has ended by itself, with exactly as many finished trials as were asked for; the audit of
`python -m search.doctor` finds both stores whole and equal, and nothing to repair; no process is
left; and no more attempts were lost than may be: one a SIGKILL, one each time a coordinator is
told to end, by SIGTERM or by closing its terminal, and none by SIGSTOP. SIGTERM to an evaluator
costs nothing.
"""

from __future__ import annotations

import argparse
import os
import random
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))
from tests.aftermath import aftermath
from tests.storms import SIGNALS, Storm

_HEAD = "seed  minutes  hits: coordinator, evaluator  finished  lost (at most)  last start to end"


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
        row, faults = _storm(chosen, seed)
        rows.append(row)
        n_faults += len(faults)
    print("\n".join(rows))
    print(f"SIG{chosen.signal.upper()}: {n_faults or 'no'} faults")
    return 1 if n_faults else 0


def _storm(chosen: argparse.Namespace, seed: int) -> tuple[str, list[str]]:
    """Let a storm blow; give its row of the table, and what does not hold afterwards."""
    with tempfile.TemporaryDirectory(prefix="seqsearch-storm-") as folder:
        storm = Storm(
            Path(folder),
            chosen.signal,
            random.Random(seed),
            chosen.trials,
            chosen.workers,
            pause=chosen.minute,
            say=_say,
        )
        began = time.monotonic()
        storm.blow(chosen.hits)
        minutes = (time.monotonic() - began) / 60
        left = aftermath(storm)
    if sum(storm.hits.values()) != chosen.hits:
        left.faults.append(f"{sum(storm.hits.values())} hits")
    _say(f"seed {seed}: {dict(storm.hits)}; exit codes {dict(storm.codes)}")
    if storm.signal in ("term", "hup"):
        _say(f"trials under way in coordinators that were told to end: {storm.n_cut}")
    for why, n_times in Counter(left.lost.values()).items():
        _say(f"lost, {n_times} times: {why}")
    for fault in left.faults:
        _say(f"FAULT: {fault}")
    verdict = "all holds" if not left.faults else f"{len(left.faults)} FAULTS"
    _say(f"{verdict}; load {os.getloadavg()[0]:.1f}\n")
    row = (
        f"{seed:4d} {minutes:8.1f} {storm.hits['coordinator']:18d} {storm.hits['evaluator']:10d}"
        f" {left.n_finished:9d} {len(left.lost):6d} ({left.most_lost}) {storm.seconds:19.0f} s"
        f"  {verdict}"
    )
    return row, left.faults


def _say(line: str) -> None:
    print(line, flush=True)


if __name__ == "__main__":
    sys.exit(main())
