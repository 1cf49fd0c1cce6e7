"""Kill a study now and then, and see whether it has the same bits as one that was not killed.

python tests/benchmarks/equal_after_kills.py [--study feedforward] [--trials 12] [--kills 6]
                                             [--max-epochs 3] [--seed 0] [--way WAY]

Each study is run twice, with --workers 1 and with --workers 3 --deterministic: once undisturbed,
once with SIGKILL at random moments to its coordinator or a trial (tests/kill_tests.py). Exit code 1 if
the parameters, the numbers of any epoch, the score or the weights of any trial differ. Every
trial's model is kept; nothing is compared that differs each time, as seconds and memory.

Studies to try: feedforward (dropout), lstm_recurrent_dropout, ngram, nbsvm.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
from tests.aftermath import aftermath
from tests.equal import differences
from tests.kill_tests import KillTest

_WAYS = {"one worker": (1, ()), "three in rounds": (3, ("--deterministic",))}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--study", default="feedforward")
    parser.add_argument("--trials", type=int, default=12)
    parser.add_argument("--kills", type=int, default=6)
    parser.add_argument("--max-epochs", type=int, default=3)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--way", choices=_WAYS, action="append", help="default: both")
    chosen = parser.parse_args()
    n_faults = 0
    for way in chosen.way or _WAYS:
        faults = _compare(chosen, *_WAYS[way])
        n_faults += len(faults)
        print("\n".join(f"FAULT: {fault}" for fault in faults), end="\n" if faults else "")
        print(f"{chosen.study}, {way}: {'equal to the last bit' if not faults else 'DIFFERENT'}")
    return 1 if n_faults else 0


def _compare(chosen: argparse.Namespace, n_workers: int, options: tuple[str, ...]) -> list[str]:
    """Run a study twice; return what differs."""
    more = (*options, "--keep-models", str(chosen.trials), "--max-epochs", str(chosen.max_epochs))
    with tempfile.TemporaryDirectory(prefix="seqsearch-equal-") as folder:
        kill_tests = []
        for n_kills in (0, chosen.kills):
            home = Path(folder) / f"{n_kills}-kills"
            home.mkdir()
            luck, began = random.Random(chosen.seed), time.monotonic()
            kill_test = KillTest(home, "kill", luck, chosen.trials, n_workers, chosen.study, more)
            kill_test.blow(n_kills)
            seconds = time.monotonic() - began
            print(f"{n_workers} workers: {dict(kill_test.hits)} hits, {seconds:.0f} s", flush=True)
            kill_tests.append(kill_test)
        found = [fault for kill_test in kill_tests for fault in aftermath(kill_test).faults]
        return found + differences(
            kill_tests[0].study, *(kill_test.home for kill_test in kill_tests)
        )


if __name__ == "__main__":
    sys.exit(main())
