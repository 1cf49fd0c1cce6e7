"""Which commits to a SQLite file wait for the disk: all, but for those made within `unsynced`.

With write-ahead logging a commit outlives its process at once, whatever kills that. To outlive a
power cut it waits for the disk, some milliseconds, and takes along all that was committed to the
same file before. So of many writes that stand or fall together only the last must wait. A power
cut before it takes away the latest of them, in their order, and leaves the file whole.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from sqlalchemy import event
from sqlalchemy.pool import Pool

_synced = ContextVar("synced", default=True)


@contextmanager
def unsynced() -> Iterator[None]:
    """Let commits of this thread not wait for the disk."""
    before = _synced.set(False)
    try:
        yield
    finally:
        _synced.reset(before)


@event.listens_for(Pool, "checkout")
def _set(connection: Any, record: Any, proxy: Any) -> None:
    """MLflow and Optuna take a connection from SQLAlchemy's pool for each transaction."""
    if isinstance(connection, sqlite3.Connection):
        wanted = "FULL" if _synced.get() else "NORMAL"
        if record.info.get("synchronous") != wanted:
            connection.execute(f"PRAGMA synchronous={wanted}")
            record.info["synchronous"] = wanted
