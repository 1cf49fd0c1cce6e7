"""A folder for what a program needs for a moment, which the next one deletes if it was killed.

A study that is killed now and then for weeks would else fill the system's place for temporary
files with half-built models and with sockets of Keras' servers.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from multiprocessing.util import Finalize
from pathlib import Path

_PREFIX = "seqs-"  # short: sockets lie in it, whose addresses may have 103 bytes on macOS
_NEW_SECONDS = 60.0  # a folder so young may not have been locked yet
_AFTER_MULTIPROCESSING = -101  # which deletes its own folder in ours at -100, and must find it


@contextmanager
def temporary_folder() -> Iterator[None]:
    """Have this process, not those that it starts, make its temporary files in one folder.

    The folder is deleted when the process ends.
    """
    system = Path(tempfile.gettempdir())
    _sweep(system)
    folder = Path(tempfile.mkdtemp(prefix=_PREFIX))
    _locked(folder)  # the system lets go of it when this process ends, however it does
    Finalize(None, shutil.rmtree, (folder, True), exitpriority=_AFTER_MULTIPROCESSING)
    before, tempfile.tempdir = tempfile.tempdir, str(folder)
    try:
        yield
    finally:
        tempfile.tempdir = before


def _sweep(system: Path) -> None:
    """Delete the folders of programs that were killed."""
    for folder in system.glob(f"{_PREFIX}*"):
        with suppress(OSError):  # another program sweeps as well, or it is another user's
            found = folder.lstat()
            is_new = time.time() - found.st_mtime < _NEW_SECONDS
            if found.st_uid != os.geteuid() or folder.is_symlink() or is_new:
                continue
            lock = _locked(folder)
            if lock is not None:
                shutil.rmtree(folder, ignore_errors=True)
                os.close(lock)


def _locked(folder: Path) -> int | None:
    """Lock a folder; None if its program lives, or nothing can be locked there."""
    lock = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(lock)
        return None
    return lock
