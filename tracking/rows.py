"""The rows of the table of all trials, as they come."""

from __future__ import annotations

import json
import zlib
from typing import Any

from tracking.records import TrialRecord

HEAD = ("number", "family", "origin", "state", "void", "seconds", "val_accuracy", "best_epoch")
_OF_TRIAL = HEAD[:6]
_AT_ONCE = 256  # rows; of fewer at once less is saved


class Rows:
    """The rows of thousands of trials, compressed to less than a hundred bytes each."""

    def __init__(self) -> None:
        self._new: list[str] = []  # that wait to be compressed
        self._older: list[bytes] = []

    def put(self, trial: TrialRecord) -> None:
        """Add a trial, in the place of what was known of it."""
        score = trial.score
        facts = [getattr(trial, name) for name in _OF_TRIAL]
        facts += (score.val_accuracy, score.best_epoch) if score else ("", "")
        self._new.append(json.dumps([facts, dict(trial.params)]))
        if len(self._new) == _AT_ONCE:
            self._older.append(zlib.compress("\n".join(self._new).encode(), 9))
            self._new.clear()

    def table(self) -> list[list[Any]]:
        """Give the names of the columns, then a row for each trial by number; "" is no value."""
        lines = [
            line for part in self._older for line in zlib.decompress(part).decode().split("\n")
        ]
        rows: dict[int, tuple[list[Any], dict[str, Any]]] = {}
        for line in [*lines, *self._new]:
            facts, params = json.loads(line)
            rows[facts[0]] = facts, params
        names = sorted({name for _, params in rows.values() for name in params})
        by_number = [rows[number] for number in sorted(rows)]
        cells = [[*facts, *(params.get(n, "") for n in names)] for facts, params in by_number]
        return [[*HEAD, *names], *cells]
