"""Start one new study in eight processes at the same moment, and see what comes of it.

python tests/benchmarks/starters.py [--rounds 20] [--starts 8]

The program is the real one. One of them must run the study, all others be refused in one line;
there must be one experiment with one parent run in MLflow. Each round has a folder of its own, and
ends when the one has begun its first trial. Exit code 1 if not.
"""

from __future__ import annotations

import argparse
import re
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))
from tests.programs import GIVE_UP_SECONDS, ROOT, environment, write_few_texts
from tests.starter import experiments

STUDY = "feedforward-few-smoke"
REFUSAL = re.compile(
    rf"error: study {STUDY} is being run by (another process|process \d+ of \S+, since \S+)\.\n"
)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--starts", type=int, default=8)
    chosen = parser.parse_args()
    n_right = n_named = 0
    slowest = 0.0
    for number in range(chosen.rounds):
        with tempfile.TemporaryDirectory(prefix="seqsearch-starters-") as folder:
            right, named, seconds = _round(Path(folder), chosen.starts)
        n_right += right
        n_named += named
        slowest = max(slowest, seconds)
        print(f"round {number + 1}: {'as it should be' if right else 'WRONG'}, {seconds:.1f} s")
    n_refused = chosen.rounds * (chosen.starts - 1)
    print(f"{n_right} of {chosen.rounds} rounds as they should be; the last refusal came after")
    print(f"{slowest:.1f} s at most; {n_named} of {n_refused} refusals name the first")
    return 0 if n_right == chosen.rounds else 1


def _round(home: Path, n_starts: int) -> tuple[bool, int, float]:
    """Return whether all was right, how many refusals named the first, and when the last came."""
    words = ["--study", "feedforward", "--data", str(write_few_texts(home)), "--smoke"]
    starts = [_start(home, words) for _ in range(n_starts)]
    began = time.monotonic()
    while sum(one.poll() is not None for one in starts) < n_starts - 1:
        time.sleep(0.05)
        if time.monotonic() - began > GIVE_UP_SECONDS:
            break
    seconds = time.monotonic() - began
    running = [one for one in starts if one.poll() is None]
    for one in running:
        _wait_for_trial(one)
        one.send_signal(signal.SIGINT)
    said = [one.communicate()[1] for one in starts]
    refused = [text for one, text in zip(starts, said, strict=True) if one.returncode == 2]
    root = home / "mlruns"
    right = (
        len(running) == 1
        and running[0].returncode == 130
        and len(refused) == n_starts - 1
        and all(REFUSAL.fullmatch(text) for text in refused)
        and experiments(f"sqlite:///{root / 'mlflow.db'}") == {STUDY: 1}
    )
    if not right:
        print("\n".join(said))
    return right, sum("another process" not in text for text in refused), seconds


def _start(home: Path, words: list[str]) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "search.run", *words],
        cwd=ROOT,
        env=environment(home),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def _wait_for_trial(run: subprocess.Popen[str]) -> None:
    assert run.stdout is not None
    for line in run.stdout:
        if line.startswith("trial 0"):
            return


if __name__ == "__main__":
    sys.exit(main())
