"""One process at a time makes the tables of a database; others wait until they are there.

Neither MLflow nor Optuna can be started twice at once on an empty database.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock

from tracking.connection.advisory import waited_for


@contextmanager
def initialising(place: Path | str) -> Iterator[None]:
    """Be the only process that makes tables in a database.

    Args:
        place: a SQLite file, or the address of a database in PostgreSQL.
    """
    if isinstance(place, Path):
        with FileLock(place.with_suffix(".lock")):
            yield
    else:
        with waited_for(place, "tables"):
            yield
