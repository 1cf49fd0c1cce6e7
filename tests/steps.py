"""How far the trials of a study in SQLite have come, read while it runs and without its code."""

from __future__ import annotations

import contextlib
import json
import sqlite3
from dataclasses import dataclass
from pathlib import Path

STEPS = ("asked for", "recorded", "in its epochs", "recorded as ended", "told")


@dataclass(frozen=True)
class Progress:
    """The steps that the trials of a study have taken.

    Attributes:
        n_all: trials that were asked for, void ones included.
        n_told: trials that are done with, but for those that are void.
        under_way: how many steps each of the others has taken, by number; void ones have none.
    """

    n_all: int
    n_told: int
    under_way: dict[int, int]

    @property
    def n_steps(self) -> int:
        return len(STEPS) * self.n_told + sum(self.under_way.values())

    def __str__(self) -> str:
        words = [f"{n} {STEPS[steps - 1]}" for n, steps in sorted(self.under_way.items())]
        return f"{self.n_told} trials told; under way: {', '.join(words) or 'none'}"


def read_progress(root: Path) -> Progress:
    """Read what both stores have of the trials; where they cannot be read now, nothing."""
    try:
        return _read(root)
    except sqlite3.OperationalError:  # there are none yet, or they are being made
        return Progress(0, 0, {})


def _read(root: Path) -> Progress:
    query = "SELECT value_json FROM study_user_attributes WHERE key = 'void'"
    void = {n for (listed,) in _rows(root / "optuna.db", query) for n in json.loads(listed)}
    trials = dict(_rows(root / "optuna.db", "SELECT number, state FROM trials"))
    running = [n for n, state in trials.items() if state == "RUNNING" and n not in void]
    return Progress(
        len(trials),
        sum(state not in ("RUNNING", "WAITING") and n not in void for n, state in trials.items()),
        {number: 1 + _recorded_steps(root, number) for number in running},
    )


def _recorded_steps(root: Path, number: int) -> int:
    """How many steps the record of a trial tells of."""
    query = """
        SELECT runs.status != 'RUNNING', EXISTS (
            SELECT 1 FROM metrics WHERE run_uuid = runs.run_uuid AND key = 'val_accuracy'
        ) FROM runs JOIN tags USING (run_uuid) WHERE tags.key = 'trial.number' AND value = ?
    """
    for ended, has_epoch in _rows(root / "mlflow.db", query, str(number)):
        return 3 if ended else 1 + has_epoch
    return 0


def _rows(file: Path, query: str, *values: str) -> list[tuple]:
    with contextlib.closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as connection:
        return connection.execute(query, values).fetchall()
