"""`search.run` whose trials keep a checkpoint of every epoch, and note each one that they begin.

    python -m tests.counted WORD ...

The words are those of search.run. Each epoch that is begun is a line of epochs.txt, beside the
records: the seed of the trial and the number of the epoch, from 0. An epoch takes half a second
more, in which nothing is computed, so that a kill often hits a trial in its epochs.
"""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path


def epochs_begun(home: Path) -> dict[int, Counter[int]]:
    """Return how often each epoch of a trial was begun, by the trial's seed."""
    found: dict[int, Counter[int]] = {}
    file = home / "epochs.txt"
    for line in file.read_text().splitlines() if file.exists() else ():
        seed, epoch = map(int, line.split())
        found.setdefault(seed, Counter())[epoch] += 1
    return found


if __name__ == "__main__":
    from multiprocessing.context import BaseContext

    from search.run import main
    from tracking.commandline.program import run

    preload = BaseContext.set_forkserver_preload

    def also_count(self: BaseContext, module_names: list[str]) -> None:
        """Load in the server that trials are forked from what counts their epochs."""
        preload(self, [*module_names, "tests.counted_in_trials"])

    BaseContext.set_forkserver_preload = also_count  # type: ignore[method-assign]
    sys.argv[0] = "search.run"
    run(main)
