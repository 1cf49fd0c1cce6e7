"""How far the trials of a study in SQLite have come, read while it runs and without its code."""

from __future__ import annotations

import contextlib
import sqlite3
from dataclasses import dataclass
from pathlib import Path

STEPS = ("recorded", "in its epochs", "ended")
_ENDS = ("complete", "pruned", "failed")
_QUERY = """
    SELECT number.value, state.value, EXISTS (
        SELECT 1 FROM metrics WHERE run_uuid = number.run_uuid AND key = 'val_accuracy'
    ) FROM tags AS number JOIN tags AS state USING (run_uuid)
    WHERE number.key = 'trial.number' AND state.key = 'trial.state'
"""


@dataclass(frozen=True)
class Progress:
    """The steps that the trials of a study have taken.

    Attributes:
        n_ended: trials that have ended.
        under_way: how many steps each of the others has taken, by number.
    """

    n_ended: int
    under_way: dict[int, int]

    @property
    def n_all(self) -> int:
        return self.n_ended + len(self.under_way)

    @property
    def n_steps(self) -> int:
        return len(STEPS) * self.n_ended + sum(self.under_way.values())

    def __str__(self) -> str:
        words = [f"{n} {STEPS[steps - 1]}" for n, steps in sorted(self.under_way.items())]
        return f"{self.n_ended} trials have ended; under way: {', '.join(words) or 'none'}"


def read_progress(root: Path) -> Progress:
    """Read what the records have of the trials; where they cannot be read now, nothing."""
    file = root / "mlflow.db"
    try:
        with contextlib.closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as connection:
            trials = connection.execute(_QUERY).fetchall()
    except sqlite3.OperationalError:  # there are none yet, or they are being made
        return Progress(0, {})
    return Progress(
        sum(state in _ENDS for _, state, _ in trials),
        {int(n): 1 + has_epoch for n, state, has_epoch in trials if state not in _ENDS},
    )
