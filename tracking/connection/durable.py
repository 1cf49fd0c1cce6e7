"""What waits for the disk: commits to a SQLite file and files, but not within `unsynced`.

With write-ahead logging a commit outlives its process at once, whatever kills that. To outlive a
power cut it waits for the disk, some milliseconds, and takes along all that was committed to the
same file before. So of many writes that stand or fall together only the last must wait. A power
cut before it takes away the latest of them, in their order, and leaves the file whole.

Small files wait each for itself; those of a trial, its model's included, wait together, before its
end is committed, which takes the time of one.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from pathlib import Path
from typing import Any

from sqlalchemy import event
from sqlalchemy.pool import Pool

_synced = ContextVar("synced", default=True)
_unsynced_files: list[Path] = []


@contextmanager
def unsynced() -> Iterator[None]:
    """Let commits and files of this thread not wait for the disk."""
    before = _synced.set(False)
    try:
        yield
    finally:
        _synced.reset(before)


def write(file: Path, content: bytes) -> None:
    """Write a small file, whose folder is made if it is not there."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content)
    _unsynced_files.append(file)
    if _synced.get():
        sync_files()


def written(folder: Path) -> None:
    """Have the files of a folder, which somebody else has written, wait for the disk as ours."""
    _unsynced_files.extend(file for file in folder.rglob("*") if file.is_file())
    if _synced.get():
        sync_files()


def sync_files() -> None:
    """Take to the disk what was written and has not waited for it."""
    while _unsynced_files:
        with suppress(FileNotFoundError):  # deleted since
            opened = os.open(_unsynced_files[-1], os.O_RDONLY)
            try:
                os.fsync(opened)
            finally:
                os.close(opened)
        _unsynced_files.pop()


@event.listens_for(Pool, "checkout")
def _set(connection: Any, record: Any, proxy: Any) -> None:
    """MLflow takes a connection from SQLAlchemy's pool for each transaction."""
    if isinstance(connection, sqlite3.Connection):
        wanted = "FULL" if _synced.get() else "NORMAL"
        if record.info.get("synchronous") != wanted:
            connection.execute(f"PRAGMA synchronous={wanted}")
            record.info["synchronous"] = wanted
