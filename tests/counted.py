"""`search.run` whose trials keep a checkpoint of every epoch, and note each one that they begin.

    python -m tests.counted WORD ...

The words are those of search.run. Each epoch that is begun is a line of epochs.txt, beside the
records: the seed of the trial and the number of the epoch, from 0. An epoch takes half a second
more, in which nothing is computed, so that a kill often hits a trial in its epochs.
"""

from __future__ import annotations

import os
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

_PAUSE = 0.5


def epochs_begun(home: Path) -> dict[int, Counter[int]]:
    """Return how often each epoch of a trial was begun, by the trial's seed."""
    found: dict[int, Counter[int]] = {}
    file = home / "epochs.txt"
    for line in file.read_text().splitlines() if file.exists() else ():
        seed, epoch = map(int, line.split())
        found.setdefault(seed, Counter())[epoch] += 1
    return found


def _count() -> None:
    """Change this process, which trains a trial."""
    from search.datasets.batches import Labelled
    from search.training import checkpoint

    file = Path(os.environ["SEQSEARCH_MLRUNS"]).with_name("epochs.txt")
    original = Labelled.epoch

    def epoch(self: Labelled, batch_size: int, seed: tuple[int, int]) -> Iterator[Any]:
        with file.open("a") as lines:
            lines.write(f"{seed[0]} {seed[1]}\n")
        time.sleep(_PAUSE)
        return original(self, batch_size, seed)

    Labelled.epoch = epoch
    checkpoint.SECONDS_BETWEEN = 0.0


if __name__ == "__mp_main__":  # multiprocessing runs the main module in each new process
    _count()

if __name__ == "__main__":
    from search import run
    from tracking import cli

    sys.argv[0] = "search.run"
    cli.run(run.main)
