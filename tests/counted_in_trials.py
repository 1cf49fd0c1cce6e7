"""Loaded where trials are trained (tests/counted.py): notes each epoch that they begin."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from search.datasets.batches import Labelled
from search.training import checkpoint

_PAUSE = 0.5
_FILE = Path(os.environ["SEQSEARCH_MLRUNS"]).with_name("epochs.txt")
_original = Labelled.epoch


def _epoch(self: Labelled, batch_size: int, seed: tuple[int, int]) -> Iterator[Any]:
    with _FILE.open("a") as lines:
        lines.write(f"{seed[0]} {seed[1]}\n")
    time.sleep(_PAUSE)
    return _original(self, batch_size, seed)


Labelled.epoch = _epoch  # type: ignore[method-assign]
checkpoint.SECONDS_BETWEEN = 0.0
